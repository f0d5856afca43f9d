"""``realtime-ser enroll`` in a terminal, with the real PortAudio, hears a virtual microphone."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile
from command_line import COMMAND, call, events_of
from pseudo_terminal import SCREEN_IS_TAKEN, Terminal, terminal
from speech_clips import SAMPLES
from virtual_microphone import DEVICE, VirtualMicrophone

from realtime_ser.demo import demo_clip
from realtime_ser.profiles.enrollment import TARGET_SECONDS
from realtime_ser.profiles.sentences import SENTENCES

pytestmark = pytest.mark.system

CLIP = SAMPLES / "three_utterances.flac"

SECONDS_TO_START = 120
"""What a busy machine may take to load the program."""


@contextmanager
def enrolling(microphone: VirtualMicrophone, *options: str) -> Iterator[Terminal]:
    """Run ``enroll`` in a terminal, and wait for its first sentence."""
    command = [*COMMAND, "enroll", "--profile", "ada", "--device", DEVICE, *options]
    with terminal(command, rows=30, columns=100, environment=microphone.environment) as started:
        started.wait_for(SCREEN_IS_TAKEN, SECONDS_TO_START)
        started.wait_for(SENTENCES[0].text.encode())
        yield started


def play(started: Terminal, microphone: VirtualMicrophone, clip: Path) -> None:
    """Play a clip into the microphone while the terminal is read, until either has ended."""
    player = subprocess.Popen(["paplay", "--device=mic", clip], env=microphone.environment)
    try:
        started.read(
            lambda: player.poll() is not None or started.process.poll() is not None, seconds=60
        )
    finally:
        player.kill()
        player.wait()


def stored() -> list[dict[str, Any]]:
    return events_of(call("profile", "list", "--json").stdout)


def test_half_a_minute_of_speech_makes_a_profile_that_knows_the_voice(
    microphone: VirtualMicrophone, profiles: Path
) -> None:
    with enrolling(microphone) as started:
        play(started, microphone, demo_clip())
        started.wait_for("✓ good".encode())
        for _ in range(4):
            if started.process.poll() is None:
                play(started, microphone, CLIP)
        assert started.wait() == 0, started.output[-1000:]
    assert b"Profile ada knows the voice from 0:3" in started.output
    (profile,) = stored()
    (values,) = profile["models"]
    assert profile["name"] == "ada"
    assert values["problem"] is None
    assert TARGET_SECONDS <= values["seconds"] < TARGET_SECONDS + 10
    run = call("--json", "--input", CLIP, "--profile", "ada")
    updates = [event for event in events_of(run.stdout) if event["event"] == "emotion"]
    assert updates[0]["adaptation"] >= values["adaptation"] - 0.02


def test_a_quiet_take_is_refused_and_quitting_stores_nothing(
    microphone: VirtualMicrophone, profiles: Path, tmp_path: Path
) -> None:
    samples, rate = soundfile.read(CLIP, dtype="float32")
    quiet = tmp_path / "quiet.wav"
    soundfile.write(quiet, samples / 50, rate)
    with enrolling(microphone) as started:
        play(started, microphone, quiet)
        started.wait_for(b"! too quiet: speak up")
        started.type(b"q")
        assert started.wait() == 1
    lines = started.output.splitlines()
    assert lines[-1].endswith(
        b"realtime-ser: enrollment was not finished, so nothing is stored: run it again"
    )
    assert not profiles.exists()


@pytest.mark.parametrize(
    ("ending", "code"),
    [("ctrl-c", 130), (signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGHUP, 129)],
    ids=["ctrl-c", "SIGTERM", "SIGHUP"],
)
def test_an_interruption_stores_nothing(
    microphone: VirtualMicrophone, profiles: Path, ending: str | signal.Signals, code: int
) -> None:
    with enrolling(microphone) as started:
        play(started, microphone, SAMPLES / "one_utterance.flac")
        started.wait_for("✓ good".encode())
        if isinstance(ending, signal.Signals):
            started.process.send_signal(ending)
        else:
            started.type(b"\x03")
        assert started.wait() == code
    assert b"Traceback" not in started.output
    assert not profiles.exists()


def test_a_lost_microphone_is_reported_and_enrollment_goes_on(
    microphone: VirtualMicrophone, profiles: Path
) -> None:
    with enrolling(microphone) as started:
        play(started, microphone, SAMPLES / "one_utterance.flac")
        started.wait_for("✓ good".encode())
        microphone.unplug()
        started.wait_for(b"pulse is gone: trying to reopen it")
        microphone.plug_in()
        started.output = b""
        for _ in range(3):
            play(started, microphone, SAMPLES / "one_utterance.flac")
        started.wait_for("✓ good".encode())
        started.type(b"\x03")
        assert started.wait() == 130


def test_a_device_that_is_not_there_is_one_line(
    microphone: VirtualMicrophone, profiles: Path
) -> None:
    command = [*COMMAND, "enroll", "--profile", "ada", "--device", "no such device"]
    with terminal(command, environment=microphone.environment) as started:
        assert started.wait(SECONDS_TO_START) == 1
    assert SCREEN_IS_TAKEN not in started.output
    assert b"no such device" in started.output
    assert len(started.output.splitlines()) == 1
    assert not profiles.exists()
