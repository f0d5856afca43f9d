"""Sound files on standard input, a chosen channel, and damage, through the command."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import CLIP, call, events_of, expected_events, refused, said
from containers import counted, encoded
from speech_clips import speech

VOICE = speech("one_utterance")


def file_of(output: bytes) -> dict[str, object]:
    return events_of(output)[-1]


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "AIFF"])
@pytest.mark.parametrize("arguments", [["--input", "-", "--json"], ["analyze", "--json", "-"]])
def test_a_piped_file_gives_the_same_events_as_the_file(kind: str, arguments: list[str]) -> None:
    run = call(*arguments, input=encoded(kind, samples=VOICE))

    assert (run.returncode, run.stderr) == (0, b"")
    assert said(events_of(run.stdout)) == expected_events("one_utterance")


def test_raw_samples_can_be_analyzed_from_stdin() -> None:
    run = call("analyze", "--json", "-", input=VOICE.tobytes())

    assert said(events_of(run.stdout)) == expected_events("one_utterance")
    assert file_of(run.stdout)["path"] == "-"


def test_two_files_in_one_pipe_are_both_analyzed() -> None:
    run = call("analyze", "--json", "-", input=2 * encoded("WAV", samples=VOICE))

    assert file_of(run.stdout)["duration"] == pytest.approx(2 * len(VOICE) / 16_000)


@pytest.mark.parametrize("arguments", [["--input", "-", "--json"], ["analyze", "--json", "-"]])
@pytest.mark.parametrize(
    ("content", "kind"), [(b"\0\0\0\x20ftypM4A ", "M4A"), (b"\x1a\x45\xdf\xa3", "WebM")]
)
def test_undecodable_formats_are_refused(arguments: list[str], content: bytes, kind: str) -> None:
    refused(call(*arguments, input=content + bytes(9_000)), 1, kind, "ffmpeg -i FILE")


def test_damage_comes_after_the_result_and_does_not_end_the_batch(tmp_path: Path) -> None:
    content = encoded("WAV", samples=VOICE)
    (tmp_path / "cut.wav").write_bytes(content[: len(content) * 3 // 4])
    run = call("analyze", "--json", tmp_path / "cut.wav", CLIP)
    files = [event for event in events_of(run.stdout) if event["event"] == "file"]

    assert run.returncode == 1
    assert [Path(str(file["path"])).name for file in files] == ["cut.wav", CLIP.name]
    assert files[0]["label"] is not None
    assert b"s are missing)" in run.stderr


def test_a_recording_that_was_cut_off_is_analyzed_without_a_complaint(tmp_path: Path) -> None:
    (tmp_path / "killed.wav").write_bytes(counted("WAV").with_count(0))
    run = call("analyze", "--json", tmp_path / "killed.wav")

    assert (run.returncode, run.stderr) == (0, b"")
    assert file_of(run.stdout)["duration"] == 1.0


def test_channels_that_cancel_each_other_are_named_and_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "antiphase.wav"
    soundfile.write(path, np.stack([VOICE, -VOICE], axis=1), 16_000)
    by_default = call("analyze", "--json", path)
    second = call("analyze", "--json", "--channel", "2", path)
    mixed = call("analyze", "--json", "--channel", "mix", path)

    assert file_of(by_default.stdout)["label"] is not None
    assert by_default.stderr.count(b"\n") == 1
    assert b"antiphase.wav disagree" in by_default.stderr
    assert (file_of(second.stdout)["label"] is not None, second.stderr) == (True, b"")
    assert (file_of(mixed.stdout)["label"], mixed.stderr) == (None, b"")


@pytest.mark.parametrize(
    ("channel", "code", "words"),
    [("0", 2, "neither a channel"), ("left", 2, "neither a channel"), ("2", 1, "no channel 2")],
)
def test_a_channel_that_does_not_exist_is_refused(channel: str, code: int, words: str) -> None:
    run = call("analyze", "--channel", channel, CLIP)

    assert run.returncode == code
    assert words in run.stderr.decode()


@pytest.mark.parametrize("scale", [32768, 2**31])
def test_integers_in_a_float_file_are_refused(tmp_path: Path, scale: int) -> None:
    path = tmp_path / "scaled.wav"
    soundfile.write(path, VOICE / 32768 * scale, 16_000, subtype="FLOAT")

    refused(call("analyze", path), 1, "scaled.wav", f"divide them by {scale}")
