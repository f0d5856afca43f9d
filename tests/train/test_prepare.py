"""``python -m train prepare``: faults in the data, and the cache of spectra."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ravdess_clips import RATE, SPEAKER, noise_wav, speaker_wavs
from ravdess_clips import SPEAKER_CLIPS as NAMES
from ravdess_clips import SPEAKER_FOLDER as FOLDER

from realtime_ser import AudioInputError
from train.__main__ import main
from train.corpora.ravdess import CLIP_NAMES, list_clips

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("keras", "parselmouth", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from train.audio.utterances import UNCHANGED, load_utterances  # noqa: E402
from train.model import prepare  # noqa: E402
from train.model.recipe import load_recipe  # noqa: E402

full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@pytest.fixture(autouse=True)
def one_speaker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one speaker be all of RAVDESS."""
    monkeypatch.setattr(prepare, "CLIP_NAMES", frozenset(NAMES))


@pytest.fixture
def ravdess(tmp_path: Path) -> Path:
    folder = tmp_path / "ravdess" / FOLDER
    folder.mkdir(parents=True)
    for name, content in speaker_wavs().items():
        (folder / f"{name}.wav").write_bytes(content)
    return folder.parent


@dataclass
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    lines: list[str]
    """Of stderr, without progress bars."""


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    def command(data: Path, *options: str) -> Outcome:
        arguments = ["prepare", "--data", str(data), "--runs", str(tmp_path / "runs"), *options]
        monkeypatch.setattr(sys, "argv", ["train", *arguments])
        code = main()
        out, err = capsys.readouterr()
        lines = [line for line in err.replace("\r", "\n").splitlines() if line.strip()]
        return Outcome(code, out, [line for line in lines if "%|" not in line])

    return command


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the recipe have no other voices, which take long to compute."""
    from dataclasses import replace

    recipe = replace(load_recipe("best"), voices=None)
    monkeypatch.setattr(prepare, "load_recipe", lambda name: recipe)


@pytest.mark.usefixtures("alone")
def test_complete_data_is_summarized_and_its_spectra_are_cached(
    ravdess: Path, tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    outcome = run(ravdess)
    assert outcome.code == 0
    assert outcome.lines == []
    assert outcome.out.startswith(
        "60 clips of 1 speakers: neutral 4, calm 8, happy 8, sad 8, angry 8"
    )
    entries = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "cache").iterdir()}
    assert len(entries) == 59, "one for every recording"
    assert all(path.suffix == ".npz" for path in entries)
    assert run(ravdess).code == 0
    assert entries == {path: path.stat().st_mtime_ns for path in entries}, "nothing is done twice"


def test_the_cache_has_everything_that_a_recipe_reads_and_nothing_else(
    ravdess: Path, tmp_path: Path
) -> None:
    recipe = load_recipe("best")
    clips, cache = list_clips(ravdess, [SPEAKER])[:2], tmp_path / "cache"
    prepare.cache_spectra(clips, recipe, cache)
    entries = {*cache.iterdir()}
    assert len(entries) == 4, "two clips, unchanged and with other voices"
    for variations in (recipe.variations, UNCHANGED):
        assert len(load_utterances(clips, recipe.feature_maps, variations, cache)) == 2
    assert {*cache.iterdir()} == entries


Break = Callable[[Path], None]


def changed(name: str, content: bytes) -> Break:
    def apply(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return apply


def renamed(name: str, new: str) -> Break:
    def apply(folder: Path) -> None:
        target = folder / new
        target.parent.mkdir(exist_ok=True)
        (folder / name).rename(target)

    return apply


def copied(name: str, new: str) -> Break:
    def apply(folder: Path) -> None:
        shutil.copy(folder / name, folder / new)

    return apply


def as_flac_too(folder: Path) -> None:
    samples, rate = soundfile.read(folder / f"{NAMES[3]}.wav", dtype="int16")
    soundfile.write(folder / f"{NAMES[3]}.flac", samples, rate)


def silent(folder: Path) -> None:
    soundfile.write(folder / f"{NAMES[3]}.wav", np.zeros(2 * RATE, np.int16), RATE)


@pytest.mark.parametrize(
    ("apply", "line", "count"),
    [
        (lambda folder: (folder / f"{NAMES[3]}.wav").unlink(), NAMES[3], "1 missing"),
        (
            renamed(f"{NAMES[3]}.wav", f"{NAMES[3]} (1).wav"),
            f"{FOLDER}/{NAMES[3]} (1).wav",
            "1 missing, 1 misnamed",
        ),
        (
            renamed(f"{NAMES[3]}.wav", f"../Actor_08/{NAMES[3]}.wav"),
            f"Actor_08/{NAMES[3]}.wav",
            "1 in another actor's folder",
        ),
        (as_flac_too, NAMES[3], "1 present more than once"),
        (
            copied(f"{NAMES[3]}.wav", f"{NAMES[5]}.wav"),
            f"{NAMES[5]} (is {NAMES[3]})",
            "1 identical to another",
        ),
        (silent, NAMES[3], "1 silent"),
        (changed(f"{NAMES[3]}.wav", noise_wav(99, seconds=0.5)), NAMES[3], "1 too short"),
        (changed(f"{NAMES[3]}.wav", b""), f"{NAMES[3]}.wav is empty)", "1 unreadable"),
        (changed(f"{NAMES[3]}.wav", b"<html>"), "is not audio", "1 unreadable"),
        (changed(f"{NAMES[3]}.wav", noise_wav(99)[:60_000]), "cut off", "1 unreadable"),
    ],
)
def test_faults_are_listed(
    ravdess: Path, run: Callable[..., Outcome], apply: Break, line: str, count: str
) -> None:
    apply(ravdess / FOLDER)
    outcome = run(ravdess)
    assert outcome.code == 1
    *listed, last = outcome.lines
    assert any(line in text for text in listed)
    assert len(listed) == count.count(",") + 1
    assert last.startswith(f"train: {ravdess} differs from RAVDESS as published ({count}):")
    assert last.endswith("run this again with --download")


def test_many_faults_are_counted(ravdess: Path, run: Callable[..., Outcome]) -> None:
    for name in NAMES[:35]:
        (ravdess / FOLDER / f"{name}.wav").unlink()
    outcome = run(ravdess)
    assert len(outcome.lines) == 2
    assert outcome.lines[0] == f"missing (35): {', '.join(NAMES[:10])} and 25 more"


def test_a_missing_or_empty_folder_is_one_line(tmp_path: Path, run: Callable[..., Outcome]) -> None:
    for folder, problem in (("absent", "there is no folder"), ("", "holds no clips of RAVDESS")):
        outcome = run(tmp_path / folder)
        assert outcome.code == 1
        (line,) = outcome.lines
        assert problem in line
        assert "python -m train prepare --download" in line


@pytest.mark.skipif(
    "REALTIME_SER_RAVDESS" not in os.environ, reason="REALTIME_SER_RAVDESS names no copy of RAVDESS"
)
def test_ravdess_has_no_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "CLIP_NAMES", CLIP_NAMES)
    clips = prepare.check_clips(Path(os.environ["REALTIME_SER_RAVDESS"]))
    assert prepare.summary(clips).startswith("1440 clips of 24 speakers: neutral 96, calm")


@full_disk
@pytest.mark.usefixtures("alone")
def test_a_disk_that_fills_up_while_computing_is_one_line(
    ravdess: Path, tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    clips, cache = list_clips(ravdess, [SPEAKER]), tmp_path / "runs" / "cache"
    load_utterances(clips[:1], load_recipe("best").feature_maps, UNCHANGED, cache)
    (entry,) = cache.iterdir()
    entry.unlink()
    entry.with_name(f"{entry.name}.{os.getpid()}.part").symlink_to("/dev/full")
    outcome = run(ravdess)
    assert outcome.code == 1
    (line,) = outcome.lines
    assert line.startswith(f"train: cannot write to {cache} (No space left on device): free some")
    assert line.endswith("with --runs")


def test_only_complete_data_passes(ravdess: Path) -> None:
    assert len(prepare.check_clips(ravdess)) == len(NAMES)
    (ravdess / FOLDER / f"{NAMES[0]}.wav").unlink()
    with pytest.raises(AudioInputError, match="1 missing"):
        prepare.check_clips(ravdess)
