"""Profiles on the command line: --profile, profile list, show and forget, and enroll."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import soundfile
from command_line import COMMAND, call, events_of, refused
from speech_clips import SAMPLES

from realtime_ser.demo import demo_clip
from realtime_ser.profiles.store import FOLDER_VARIABLE, ProfileStore

CLIP = SAMPLES / "three_utterances.flac"


def listed() -> list[dict[str, Any]]:
    return events_of(call("profile", "list", "--json").stdout)


def emotions(output: bytes) -> list[dict[str, Any]]:
    return [event for event in events_of(output) if event["event"] == "emotion"]


def test_a_program_that_was_stopped_still_knows_the_voice(profiles: Path) -> None:
    first = call("--json", "--input", CLIP, "--profile", "Ada")
    assert (first.returncode, first.stderr) == (0, b"")
    (values,) = listed()
    assert values["name"] == "ada"
    assert values["models"][0]["seconds"] > 3
    second = call("--json", "--input", CLIP, "--duration", "3", "--profile", "ada")
    known = emotions(first.stdout)[-1]["adaptation"]
    assert emotions(second.stdout)[0]["adaptation"] >= known - 0.05
    assert emotions(first.stdout)[0]["adaptation"] < 0.1


def test_two_programs_may_use_one_profile(profiles: Path) -> None:
    clip = SAMPLES / "one_utterance.flac"
    command = [*COMMAND, "--json", "--input", clip, "--profile", "ada"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    programs = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    outputs = [program.communicate(timeout=120) for program in programs]
    assert [program.returncode for program in programs] == [0, 0]
    assert [errors for _, errors in outputs] == [b"", b""]
    frames = sum(len(emotions(output)) for output, _ in outputs)
    assert listed()[0]["models"][0]["seconds"] == pytest.approx(0.48 * frames, rel=0.01)


def test_a_killed_program_leaves_a_whole_profile(profiles: Path) -> None:
    program = subprocess.Popen(
        [*COMMAND, "--json", "--input", CLIP, "--profile", "ada"], stdout=subprocess.PIPE
    )
    assert program.stdout is not None
    assert program.stdout.readline()
    program.kill()
    program.communicate(timeout=60)
    assert listed()[0]["models"][0]["problem"] is None
    run = call("--json", "--demo", "--duration", "1", "--profile", "ada")
    assert (run.returncode, run.stderr) == (0, b"")


def test_show_says_what_is_stored_and_where_and_forget_deletes_it(profiles: Path) -> None:
    call("--json", "--demo", "--duration", "3", "--profile", "ada")
    shown = call("profile", "show", "ADA").stdout.decode()
    for word in ("no audio, no words", "knows the voice", "0 corrections", "profile forget"):
        assert word in shown
    (file,) = (profiles / "ada").iterdir()
    assert str(file) in shown
    values = json.loads(call("profile", "show", "ada", "--json").stdout)
    assert values["models"][0]["path"] == str(file)
    forgotten = call("profile", "forget", "ada")
    assert forgotten.returncode == 0
    assert b"is forgotten" in forgotten.stdout
    assert not profiles.exists(), "nothing is left on the disk"
    refused(call("profile", "forget", "ada"), 1, "there is no profile ada")
    assert b"There are no profiles" in call("profile", "list").stdout
    assert call("profile", "list", "--json").stdout == b""


@pytest.mark.parametrize(
    "arguments",
    [
        ("--demo", "--json", "--profile", "../x"),
        ("--demo", "--json", "--profile", ""),
        ("profile", "show", "CON"),
        ("profile", "forget", "x" * 300),
        ("enroll", "--profile", b"caf\xe9", CLIP),
    ],
)
def test_an_impossible_name_is_wrong_usage(profiles: Path, arguments: tuple[Any, ...]) -> None:
    run = call(*(os.fsdecode(word) if isinstance(word, bytes) else word for word in arguments))
    assert run.returncode == 2
    assert run.stdout == b""
    assert b"the profile name" in run.stderr.splitlines()[-1]
    assert not profiles.exists()


@pytest.mark.parametrize("content", [b"", b"damaged", b"PK\x03\x04"])
def test_a_damaged_profile_is_one_line_and_recognition_goes_on(
    profiles: Path, content: bytes
) -> None:
    call("--json", "--demo", "--duration", "1", "--profile", "ada")
    (file,) = (profiles / "ada").iterdir()
    file.write_bytes(content)
    assert b"cannot be used" in call("profile", "list").stdout
    run = call("--json", "--demo", "--duration", "3", "--profile", "ada")
    assert run.returncode == 0
    assert emotions(run.stdout)
    assert run.stderr.count(b"\n") == 1
    assert b"profile ada is damaged" in run.stderr
    (aside,) = (profiles / "ada").glob("*.damaged-*")
    assert f"damaged, set aside: {aside}" in call("profile", "show", "ada").stdout.decode()
    assert listed()[0]["damaged"] == [str(aside)]


@pytest.mark.skipif(os.name == "nt", reason="there is no such folder")
def test_a_folder_that_cannot_be_written_is_one_line_and_recognition_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, "/dev/null/profiles")
    run = call("--json", "--demo", "--duration", "3", "--profile", "ada")
    assert run.returncode == 0
    assert emotions(run.stdout)
    assert b"recognition goes on" in run.stderr
    assert run.stderr.count(b"\n") == 1, run.stderr


def test_enroll_learns_from_files(profiles: Path) -> None:
    run = call("enroll", "--profile", "ada", demo_clip(), CLIP)
    assert run.returncode == 0, run.stderr
    assert b"Profile ada knows the voice from 0:" in run.stdout
    assert ProfileStore(profiles).names() == ["ada"]
    assert b"replaces" not in run.stdout
    piped = call("enroll", "--profile", "ada", "-", input=demo_clip().read_bytes())
    assert piped.returncode == 0, piped.stderr
    assert b"this replaces what it knew of a voice before" in piped.stdout


def test_enroll_refuses_too_little_speech(profiles: Path) -> None:
    run = call("enroll", "--profile", "ada", SAMPLES / "short_word.flac")
    refused(run, 1, "not enough good speech", "at least 10 s")
    assert not profiles.exists()


def test_enroll_without_a_terminal_or_a_file_says_so(profiles: Path) -> None:
    refused(call("enroll", "--profile", "ada"), 1, "terminal", "sound file")


def test_enroll_says_what_was_wrong_with_the_speech(profiles: Path, tmp_path: Path) -> None:
    samples, rate = soundfile.read(CLIP, dtype="float32")
    quiet = tmp_path / "quiet.wav"
    soundfile.write(quiet, samples / 50, rate)
    refused(call("enroll", "--profile", "ada", quiet), 1, "only 0 s", "too quiet")
    run = call("enroll", "--profile", "ada", demo_clip(), quiet)
    assert run.returncode == 0
    assert re.search(rb"not used: \d utterances, too quiet", run.stdout)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no-such-file.wav",), ("no-such-file.wav", "No such file")),
        ((Path(__file__),), ("test_profile.py",)),
        ((CLIP, "--model", "nowhere"), ("nowhere",)),
    ],
    ids=["missing", "no audio", "no model"],
)
def test_enroll_with_something_unusable_is_one_line(
    profiles: Path, arguments: tuple[Any, ...], words: tuple[str, ...]
) -> None:
    refused(call("enroll", "--profile", "ada", *arguments), 1, *words)
    assert not profiles.exists()


def test_enroll_takes_a_device_or_files(profiles: Path) -> None:
    run = call("enroll", "--profile", "ada", "--device", "0", CLIP)
    assert run.returncode == 2
    assert b"exclude each other" in run.stderr


def test_enroll_needs_a_name() -> None:
    run = call("enroll", CLIP)
    assert run.returncode == 2
    assert b"--profile" in run.stderr
