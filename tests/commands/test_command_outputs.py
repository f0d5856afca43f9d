"""Where the commands write: standard output, recordings and event files."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
import soundfile
from command_line import CLIP, COMMAND, call, events_of, refused
from speech_clips import speech


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    refused(call("--demo", "--record", tmp_path / "no" / "out.wav"), 1, "no folder")
    refused(call("--demo", "--record", tmp_path / "out.mp3"), 1, ".wav")
    refused(call("analyze", CLIP, "--plot", tmp_path / "no" / "out.png"), 1, "no folder")
    refused(call("analyze", CLIP, "--plot", tmp_path / "out.gif"), 1, ".png")


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
def test_a_closed_standard_output_leaves_the_event_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    command = shlex.join([*COMMAND, "--demo", "--duration", "2", "--events", str(path)])
    run = subprocess.run(["sh", "-c", f"{command} >&-"], capture_output=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, b"")
    assert events_of(path.read_bytes())[0]["event"] == "speech_started"


def test_events_go_to_a_file_as_well(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("an older file")
    run = call("--input", CLIP, "--events", path)
    assert (run.returncode, run.stderr) == (0, b"")
    assert path.read_bytes() == run.stdout


def test_an_event_file_that_cannot_be_written(tmp_path: Path) -> None:
    refused(call("--demo", "--events", tmp_path / "no" / "events.jsonl"), 1, "no folder")
    refused(call("--demo", "--events", tmp_path), 1, "it is a folder")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        refused(call("--demo", "--events", tmp_path / "pipe"), 1, "it is a pipe")


def test_outputs_never_overwrite_the_input_or_each_other(tmp_path: Path) -> None:
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, speech("one_utterance"), 16_000)
    before = clip.read_bytes()
    refused(call("--input", clip, "--record", clip), 2, "--record would overwrite")
    refused(call("--input", clip, "--events", clip), 2, "--events would overwrite")
    both = tmp_path / "out.wav"
    refused(call("--demo", "--record", both, "--events", both), 2, "give two names")
    assert clip.read_bytes() == before
    assert not both.exists()


def test_outputs_are_left_alone_if_the_run_cannot_start(tmp_path: Path) -> None:
    old = tmp_path / "events.jsonl"
    old.write_text("an older file")
    refused(call("--input", tmp_path / "missing.wav", "--events", old), 1, "missing.wav")
    refused(call("--demo", "--model", tmp_path / "nowhere", "--events", old), 1, "nowhere")
    assert old.read_text() == "an older file"
