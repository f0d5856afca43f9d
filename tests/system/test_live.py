"""The live program, on the real PortAudio, hears a clip played into a virtual microphone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from speech_clips import SAMPLES
from virtual_microphone import DEVICE, VirtualMicrophone

pytestmark = pytest.mark.system

RAVDESS = os.environ.get("REALTIME_SER_RAVDESS", "")
UNSEEN_VOICE = Path(RAVDESS, "Actor_24", "03-01-05-02-01-02-24.flac")
FRAME = 0.96

CLEAR = 0.6
"""Labels less certain than that change with where frames happen to start in the clip."""

SECONDS = 120
"""What a busy machine may take to end a program."""

BYTES_AFTER_CLIP = int(1.5 * 16_000 * 2)
"""Recorded after the end of a clip: what the sound server still has of it, and silence."""

Events = list[dict[str, Any]]


def analyzed(path: Path) -> Events:
    command = [sys.executable, "-m", "realtime_ser", "analyze", "--json", str(path)]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return said(output)


def said(output: bytes) -> Events:
    events = [json.loads(line) for line in output.splitlines()]
    return [event for event in events if event["event"] not in ("health", "file")]


def heard_live(microphone: VirtualMicrophone, clip: Path, recording: Path) -> tuple[bytes, bytes]:
    """Return the output and the errors of a live run during which a clip is played."""
    options = ["--device", DEVICE, "--json", "--record", str(recording)]
    live = subprocess.Popen(
        [sys.executable, "-m", "realtime_ser", *options],
        env=microphone.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    await_size(live, recording, 20_000)
    microphone.play(clip)
    await_size(live, recording, recording.stat().st_size + BYTES_AFTER_CLIP)
    live.send_signal(signal.SIGINT)
    output, errors = live.communicate(timeout=SECONDS)
    assert live.returncode == 130
    return output, errors


def await_size(live: "subprocess.Popen[bytes]", recording: Path, size: int) -> None:
    """Wait for so much recorded audio, however late it comes."""
    while not recording.exists() or recording.stat().st_size < size:
        assert live.poll() is None, live.communicate()
        time.sleep(0.05)


@pytest.mark.parametrize(
    "clip",
    [
        SAMPLES / "three_utterances.flac",
        pytest.param(
            UNSEEN_VOICE,
            marks=pytest.mark.skipif(
                not UNSEEN_VOICE.is_file(), reason="REALTIME_SER_RAVDESS names no copy of RAVDESS"
            ),
        ),
    ],
    ids=["synthetic", "unseen voice"],
)
def test_live_events_are_those_of_the_file(
    microphone: VirtualMicrophone, tmp_path: Path, clip: Path
) -> None:
    recording = tmp_path / "recording.wav"
    output, _ = heard_live(microphone, clip, recording)

    live, file = said(output), analyzed(clip)
    assert analyzed(recording) == live, "exactly what was recorded"
    assert_equal_within_a_frame(live, file)


def assert_equal_within_a_frame(live: Events, file: Events) -> None:
    for name in ("speech_started", "speech_ended"):
        heard = [event for event in live if event["event"] == name]
        expected = [event for event in file if event["event"] == name]
        assert len(heard) == len(expected)
        key = "time" if name == "speech_started" else "end"
        late = heard[0][key] - expected[0][key]
        for mine, theirs in zip(heard, expected, strict=True):
            assert mine[key] - theirs[key] == pytest.approx(late, abs=FRAME)
            if theirs.get("confidence", 0) >= CLEAR:
                assert mine["label"] == theirs["label"]
    updates = [sum(event["event"] == "emotion" for event in events) for events in (live, file)]
    assert abs(updates[0] - updates[1]) <= len(heard)


def test_health_counts_nothing_lost(microphone: VirtualMicrophone, tmp_path: Path) -> None:
    output, _ = heard_live(microphone, SAMPLES / "one_utterance.flac", tmp_path / "recording.wav")
    events = [json.loads(line) for line in output.splitlines()]
    for health in (event for event in events if event["event"] == "health"):
        assert (health["overflows"], health["lost_samples"]) == (0, 0)


def test_a_muted_microphone_is_reported(microphone: VirtualMicrophone) -> None:
    live = subprocess.run(
        [sys.executable, "-m", "realtime_ser", "--device", DEVICE, "--json", "--duration", "3"],
        env=microphone.environment,
        capture_output=True,
        check=True,
    )
    assert said(live.stdout) == []
    assert live.stderr.decode().count("\n") == 1
    assert "delivers only zeros" in live.stderr.decode()
