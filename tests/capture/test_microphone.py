"""Microphones, on the real PortAudio: a virtual one is heard, a vanished one told in one line."""

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import soundfile
from virtual_microphone import DEVICE, VirtualMicrophone

pytestmark = pytest.mark.system

RECORD = Path(__file__).with_name("record.py")
ROOT = RECORD.parents[2]
SECONDS = 120
"""What a busy machine may take to run a program."""

SPEECH = ROOT / "tests" / "speech_samples" / "one_utterance.flac"


def start(environment: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_code(microphone: VirtualMicrophone, code: str) -> subprocess.Popen[str]:
    preamble = """\
        import sys, time
        from types import SimpleNamespace
        import numpy as np
        from realtime_ser.capture.devices import find_input_device
        from realtime_ser.capture.microphone import MicrophoneSource
        from realtime_ser.errors import RealtimeSerError
        device = find_input_device("pulse")
        """
    return start(microphone.environment, "-c", dedent(preamble) + dedent(code))


def await_line(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == f"{line}\n", process.communicate()


def only_error_line(process: subprocess.Popen[str]) -> str:
    errors = process.communicate("\n", timeout=SECONDS)[1]
    assert process.returncode == 1
    assert errors.endswith("\n")
    assert errors.count("\n") == 1, errors
    return errors


def best_correlation(played: np.ndarray, recorded: np.ndarray) -> float:
    """Return how well the stretch of the recording that fits best correlates with the played."""
    played = played - played.mean()
    size = len(played) + len(recorded)
    spectrum = np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(played, size))
    at = int(np.fft.irfft(spectrum, size)[: len(recorded) - len(played)].argmax())
    return float(np.corrcoef(played, recorded[at : at + len(played)])[0, 1])


def test_a_microphone_records_what_is_played(microphone: VirtualMicrophone, tmp_path: Path) -> None:
    played, rate = soundfile.read(SPEECH)
    assert rate == 16_000
    path = tmp_path / "recorded.wav"
    recording = start(microphone.environment, RECORD, DEVICE, len(played) / rate + 3, path)
    await_line(recording, "ready")

    microphone.play(SPEECH)
    report, errors = recording.communicate(timeout=SECONDS)

    assert errors == ""
    assert json.loads(report) == {"rate": 16_000, "channels": 1, "overflows": 0, "lost_frames": 0}
    assert best_correlation(played, soundfile.read(path)[0]) > 0.98


def test_lost_audio_is_counted(microphone: VirtualMicrophone) -> None:
    late = start_code(
        microphone,
        """
        source = MicrophoneSource(device)
        while not len(source.read()): pass
        while not source.lost_frames: time.sleep(0.1)
        assert len(source.read()) == 2 * source.rate
        before = source.overflows
        overflowed = SimpleNamespace(input_overflow=True)
        source._inbox.take(np.zeros((9, 1), np.float32), 9, None, overflowed)
        print(source.overflows > before)
        """,
    )

    assert late.communicate(timeout=SECONDS) == ("True\n", "")


def test_a_failing_callback_is_raised_by_read(microphone: VirtualMicrophone) -> None:
    failing = start_code(
        microphone,
        """
        source = MicrophoneSource(device)
        source._inbox.ring.write = lambda block: 1 / 0
        try:
            while True: source.read()
        except ZeroDivisionError:
            sys.exit("as it was")
        """,
    )

    assert only_error_line(failing) == "as it was\n"


def test_a_microphone_that_vanishes_ends_in_one_line(
    microphone: VirtualMicrophone, tmp_path: Path
) -> None:
    recording = start(microphone.environment, RECORD, DEVICE, 60, tmp_path / "recorded.wav")
    await_line(recording, "ready")

    microphone.stop()

    assert "'pulse' has stopped delivering audio: check" in only_error_line(recording)


def test_a_device_that_cannot_be_opened_ends_in_one_line(microphone: VirtualMicrophone) -> None:
    opening = start_code(
        microphone,
        """
        print("found", flush=True)
        sys.stdin.readline()
        try: MicrophoneSource(device)
        except RealtimeSerError as error: sys.exit(str(error))
        """,
    )
    await_line(opening, "found")

    microphone.stop()

    assert "'pulse' cannot be opened (" in only_error_line(opening)


def test_a_new_microphone_may_open_before_the_old_one_is_closed(
    microphone: VirtualMicrophone,
) -> None:
    both = start_code(
        microphone,
        """
        from ctypes import CDLL
        first, second = MicrophoneSource(device), MicrophoneSource(device)
        first.close()
        CDLL(None).perror(b"while one is open")
        while not len(second.read()): pass
        second.close()
        CDLL(None).perror(b"after all are closed")
        """,
    )

    output, errors = both.communicate(timeout=30)
    assert output == ""
    assert [line.partition(":")[0] for line in errors.splitlines()] == [
        "while one is open",
        "after all are closed",
    ], "what others print is not dropped"


def test_no_device_ends_in_one_line(microphone: VirtualMicrophone, tmp_path: Path) -> None:
    no_devices = tmp_path / "alsa.conf"
    no_devices.write_text("pcm.none 0\n")
    environment = microphone.environment | {"ALSA_CONFIG_PATH": str(no_devices)}
    recording = start(environment, RECORD, DEVICE, 1, tmp_path / "recorded.wav")

    assert "there is no input device: plug in a microphone" in only_error_line(recording)


def test_an_unknown_device_ends_in_one_line(microphone: VirtualMicrophone, tmp_path: Path) -> None:
    path = tmp_path / "recorded.wav"
    error = only_error_line(start(microphone.environment, RECORD, "no such thing", 1, path))

    assert "no input device has 'no such thing' in its name: choose one of " in error
    assert "pulse (ALSA)" in error
