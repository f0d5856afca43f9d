"""Paths that are not UTF-8 or hold control characters: opened all the same, shown on one line."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import CLIP, call
from speech_clips import speech

from realtime_ser.commands import main
from realtime_ser.doctor.check import Check, as_line
from realtime_ser.emotion.model import find_model_folder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file names of any bytes")

NAMES = [os.fsdecode(b"caf\xe9"), "two\nlines\x1b[31m", "日本"]
SHOWN = [r"caf\xe9", r"two\nlines\x1b[31m", "日本"]
named = pytest.mark.parametrize(("name", "shown"), list(zip(NAMES, SHOWN, strict=True)), ids=ascii)


@named
def test_every_path_may_have_such_a_name(
    name: str, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, record, events = (tmp_path / f"{name}.{end}" for end in ("flac", "wav", "jsonl"))
    shutil.copy(CLIP, clip)
    model = tmp_path / name
    shutil.copytree(find_model_folder(None), model)
    options = ["--input", clip, "--record", record, "--events", events, "--model", model]
    assert main([*map(str, options), "--json", "--duration", "0.5"]) == 0
    assert capsys.readouterr().err == ""
    assert record.stat().st_size == 44 + 16_000
    assert events.read_text().startswith('{"event": "health"')


@named
def test_a_plot_may_have_such_a_name_and_title(
    name: str, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="the plot extra is not installed")
    clip, plot = tmp_path / f"{name}.flac", tmp_path / f"{name}.svg"
    shutil.copy(CLIP, clip)
    assert main(["analyze", str(clip), "--plot", str(plot)]) == 0
    assert capsys.readouterr().err == ""
    assert plot.read_bytes().startswith(b"<?xml")


@named
@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--input", "NAME.wav"], 1),
        (["--demo", "--record", "NAME/x.wav"], 1),
        (["--demo", "--record", "NAME"], 1),
        (["--demo", "--events", "NAME/x"], 1),
        (["--demo", "--model", "NAME"], 1),
        (["analyze", str(CLIP), "--plot", "NAME/x.png"], 1),
        (["analyze", "NAME.wav"], 1),
        (["--input", "NAME.wav", "--record", "NAME.wav"], 2),
        (["--demo", "NAME"], 2),
        (["NAME"], 2),
        (["--demo", "--hop", "NAME"], 2),
        (["--demo", "--channel", "NAME"], 2),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else None,
)
def test_errors_show_such_a_name_on_one_line(
    options: list[str],
    code: int,
    name: str,
    shown: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        returned = main([option.replace("NAME", name) for option in options])
    except SystemExit as left:
        returned = int(left.code or 0)
    captured = capsys.readouterr()
    assert (returned, captured.out) == (code, "")
    (*_, line) = captured.err.removesuffix("\n").split("\n")
    assert line.startswith("realtime-ser: ")
    assert shown in line or ascii(name)[1:-1] in line
    assert "\x1b" not in captured.err


@named
def test_the_doctor_shows_such_a_name_on_one_line(name: str, shown: str) -> None:
    line = as_line(Check("model", "failure", f"{name} is missing", f"create {name}"))
    assert len(line.splitlines()) == 2, "the second line is the remedy"
    assert line.count(shown) == 2


@named
def test_a_warning_shows_such_a_name_on_one_line(name: str, shown: str, tmp_path: Path) -> None:
    voice = speech("short_word")
    path = tmp_path / f"{name}.wav"
    soundfile.write(os.fsencode(path), np.stack([voice, -voice], axis=1), 16_000)
    run = call("analyze", path)
    assert (run.returncode, run.stderr.count(b"\n")) == (0, 1)
    assert f"{shown}.wav disagree" in run.stderr.decode()
