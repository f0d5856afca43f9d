"""A disk that fills up while a recording is written, on a file system of a few kilobytes."""

import json
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from speech_clips import SAMPLES, speech

from realtime_ser import Recognizer, to_dict

KILOBYTES = 64
"""Room for two seconds of the recording; the clip takes three and a half."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A mounted file system that is soon full."""
    if sys.platform != "linux":
        pytest.skip("mounts a tmpfs, which Linux has")
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={KILOBYTES}k", "tmpfs", str(disk)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted, which takes root: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_recognition_goes_on_with_one_warning_and_a_valid_file(
    recognizer: Recognizer, small_disk: Path
) -> None:
    path = small_disk / "out.wav"
    options = ["--input", SAMPLES / "one_utterance.flac", "--json", "--record", path]
    run = subprocess.run(
        [sys.executable, "-m", "realtime_ser", *map(str, options)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    voice = speech("one_utterance")

    assert run.returncode == 1, "the recording that was asked for is not complete"
    assert run.stderr.count("\n") == 1, run.stderr
    assert "the recording ended: " in run.stderr
    assert "no space left" in run.stderr.lower()
    events = [json.loads(line) for line in run.stdout.splitlines()]
    expected = [to_dict(event) for event in recognizer.recognize(voice, 16_000).events]
    assert [event for event in events if event["event"] != "health"] == expected

    with wave.open(str(path)) as file:
        recorded = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert KILOBYTES * 1024 / 2 - 12_000 < len(recorded) < len(voice), "all but the last moment"
    np.testing.assert_array_equal(recorded, voice[: len(recorded)])


def test_a_disk_that_is_full_already_is_said_at_the_start(small_disk: Path) -> None:
    (small_disk / "other").write_bytes(bytes(KILOBYTES * 1024))
    run = subprocess.run(
        [sys.executable, "-m", "realtime_ser", "--demo", "--record", str(small_disk / "out.wav")],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.count("\n") == 1
    assert "no space left" in run.stderr.lower()
