"""Recordings: bit for bit what was analyzed, and valid after a crash."""

import os
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.errors import OutputError
from realtime_ser.output import recording as module
from realtime_ser.output.paths import create_new
from realtime_ser.output.recording import Recording

NOISE = np.random.default_rng(1).integers(-32768, 32768, 40_000, dtype=np.int16)


def test_a_recording_contains_exactly_what_was_written(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.wav")
    for block in np.split(NOISE, [1, 7, 8_007, 8_007, 30_000]):
        recording.on_audio(block)
    recording.close()

    samples, rate = soundfile.read(recording.path, dtype="int16")

    assert rate == 16_000
    assert soundfile.info(recording.path).subtype == "PCM_16"
    np.testing.assert_array_equal(samples, NOISE)


def test_silence_is_recorded_and_the_extension_may_be_uppercase(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.WAV")
    recording.on_audio(NOISE[:10])
    recording.on_audio(np.zeros(40_001, np.int16))
    recording.on_audio(NOISE[10:20])
    recording.close()

    samples, _ = soundfile.read(recording.path, dtype="int16")

    expected = np.concatenate((NOISE[:10], np.zeros(40_001, np.int16), NOISE[10:20]))
    np.testing.assert_array_equal(samples, expected)


RECORD_UNTIL_KILLED = """
import sys
from pathlib import Path
import numpy as np
from realtime_ser.output.recording import Recording

recording = Recording(Path(sys.argv[1]))
for number in range(25):
    recording.on_audio(np.full(1600, number, np.int16))
print("written", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_killed_program_leaves_a_valid_file(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    with subprocess.Popen(
        [sys.executable, "-c", RECORD_UNTIL_KILLED, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"written\n"
        program.kill()
    assert program.returncode == -signal.SIGKILL

    with wave.open(str(path)) as file:  # reads as many samples as the header says
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(samples) >= 24_000
    np.testing.assert_array_equal(samples, np.repeat(np.arange(25), 1600)[: len(samples)])


def test_empty_recording_is_a_valid_file(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.wav")
    recording.close()
    recording.close()

    assert soundfile.info(recording.path).frames == 0


def test_older_file_is_overwritten(tmp_path: Path) -> None:
    for block in (NOISE, NOISE[:100]):
        recording = Recording(tmp_path / "out.wav")
        recording.on_audio(block)
        recording.close()

    assert soundfile.info(recording.path).frames == 100


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("out.mp3", "ending in .wav"),
        ("out", "ending in .wav"),
        ("missing/out.wav", "there is no folder"),
        ("folder.wav", "it is a folder"),
        ("file.txt/out.wav", "not a directory"),
        pytest.param(
            "locked/out.wav",
            "permission denied",
            marks=pytest.mark.skipif(
                not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
            ),
        ),
    ],
)
def test_unwritable_path_is_explained(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file.txt").touch()
    (tmp_path / "locked").mkdir(mode=0o500)

    with pytest.raises(OutputError, match=problem):
        Recording(tmp_path / name)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_full_disk_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    path.symlink_to("/dev/full")

    with pytest.raises(OutputError, match="no space left"):
        Recording(path)


@pytest.fixture
def room_for_50_000_bytes() -> Iterator[None]:
    """Let no file grow beyond 50 000 bytes."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("room_for_50_000_bytes")
def test_disk_that_fills_up_is_said_once_and_leaves_a_valid_file(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.wav")
    recording.on_audio(NOISE[:16_000])

    with pytest.raises(OutputError, match="too large"):
        recording.on_audio(NOISE[16_000:])
    recording.on_audio(NOISE)
    recording.close()

    with wave.open(str(recording.path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    np.testing.assert_array_equal(samples, NOISE[:16_000])


def test_full_format_is_said_once_and_leaves_a_valid_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SAMPLES", 150)
    recording = Recording(tmp_path / "out.wav")
    recording.on_audio(NOISE[:100])

    with pytest.raises(OutputError, match="4 GiB"):
        recording.on_audio(NOISE[100:200])
    recording.on_audio(NOISE[100:120])
    recording.close()

    assert soundfile.info(recording.path).frames == 100


def test_a_made_up_name_takes_no_others_place(tmp_path: Path) -> None:
    """Neither that of an earlier recording nor that of another program's file."""
    path = tmp_path / "talk.wav"
    (tmp_path / "talk-3.wav").write_bytes(b"of others")
    recordings = [Recording(path, keep_others=True) for _ in range(4)]
    for number, recording in enumerate(recordings):
        recording.on_audio(NOISE[: number + 1])
        recording.close()

    assert [recording.path.name for recording in recordings] == [
        "talk.wav",
        "talk-2.wav",
        "talk-4.wav",
        "talk-5.wav",
    ]
    assert [len(soundfile.read(recording.path)[0]) for recording in recordings] == [1, 2, 3, 4]
    assert (tmp_path / "talk-3.wav").read_bytes() == b"of others"


def test_threads_that_make_up_one_name_get_files_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        files = list(pool.map(lambda _: create_new(tmp_path / "a-2.wav"), range(40)))
    for _, file in files:
        file.close()
    assert len({path for path, _ in files}) == 40
    assert all(path.exists() for path, _ in files)


def test_a_made_up_name_in_a_missing_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        Recording(tmp_path / "nowhere" / "a.wav", keep_others=True)
