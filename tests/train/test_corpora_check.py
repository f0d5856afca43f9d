"""``python -m train prepare --corpora``: what is there, what is missing, what is wrong."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_trees import RATE, write_corpus, write_sound

from realtime_ser.errors import AudioInputError
from train.__main__ import main
from train.corpora.catalog import CORPORA

pytestmark = pytest.mark.train

pytest.importorskip("tqdm", reason="the train extra is not installed", exc_type=ImportError)

from train.corpora.check import check_corpora, check_corpus  # noqa: E402


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Two corpora with an index, one as it was published, and rooms."""
    write_corpus(
        tmp_path / "nemo",
        [
            [f"{speaker}/{speaker}_fear_{number}.ogg", speaker, "f", "fearful", "fear", "pl"]
            for speaker in ("KD0", "EB0")
            for number in (1, 2)
        ],
    )
    write_corpus(tmp_path / "ordinary_coffee", [["a.ogg", "", "", "ordinary", "order", "en"]])
    write_sound(tmp_path / "emodb" / "wav" / "03a01Wa.wav", seconds=36)
    write_corpus(tmp_path / "rir", [["kitchen.flac", "", "", "rir", "kitchen", ""]])
    return tmp_path


def test_a_table_says_what_is_there(corpora: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corpora / "mystery").mkdir()
    check_corpora(corpora)
    table, *others = capsys.readouterr().out.split("\n\n")
    rows = [line.split() for line in table.splitlines()]
    assert rows[0] == ["corpus", "clips", "speakers", "hours", "labels", "use", "license"]
    assert rows[1][:4] == ["nemo", "4", "2", "0.00"]
    assert rows[1][4:] == [*CORPORA["nemo"].labels, "train", "CC", "BY-NC-SA", "4.0"]
    assert rows[2][:4] == ["emodb", "1", "1", "0.01"]
    assert rows[3][:4] == ["ordinary_coffee", "1", "unknown", "0.00"]
    assert rows[3][4:] == ["ordinary", "speech", "score", "Apache-2.0"]
    assert len(rows) == 4
    incomplete, rooms, absent, unknown = others
    assert incomplete.startswith("incomplete:\n  emodb: 453 clips are missing; all are at Burkh")
    assert rooms == "rir: 1 room impulse responses (Apache-2.0, MIT)"
    title, *lines = absent.splitlines()
    assert title == "not there:"
    assert len(lines) == len(CORPORA) - 3
    for name in ("ravdess", "tess", "noise_esc10"):
        (line,) = [line for line in lines if line.startswith(f"  {name}: ")]
        corpus = CORPORA[name]
        assert line == (
            f"  {name}: {corpus.title} ({corpus.license}; to {corpus.use}); {corpus.source}"
        )
    assert unknown == "unknown folders:\n  mystery\n"


def broken(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return damage


def cut_short(folder: Path) -> None:
    path = folder / "nemo/KD0/KD0_fear_1.ogg"
    path.write_bytes(path.read_bytes()[:60])


def without_samples(folder: Path) -> None:
    soundfile.write(folder / "emodb/wav/03a01Wa.wav", np.zeros(0), RATE)


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (broken("nemo/index.csv", b"path\n"), "nemo: {}/nemo/index.csv lacks the column speaker"),
        (broken("nemo/KD0/KD0_fear_1.ogg", b"<html>"), "KD0_fear_1.ogg is not audio that can be"),
        (broken("ordinary_coffee/a.ogg", b""), "a.ogg is not audio that can be read"),
        (broken("emodb/wav/other.wav", b""), "other.wav is not the name of a clip of EmoDB"),
        (broken("rir/kitchen.flac", b"flac"), "rir: {}/rir/kitchen.flac is not audio"),
        (cut_short, "KD0_fear_1.ogg is not audio that can be read"),
        (without_samples, "03a01Wa.wav is empty"),
    ],
)
def test_a_faulty_corpus_is_named_beside_the_good_ones(
    corpora: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
    fault: str,
) -> None:
    damage(corpora)
    with pytest.raises(AudioInputError, match=r"1 of the corpora in .* cannot be used: put right"):
        check_corpora(corpora)
    out = capsys.readouterr().out
    title, *lines = out.split("\n\n")[-1].splitlines()
    assert title == "faulty:"
    assert len(lines) == 1
    assert fault.format(corpora) in lines[0]
    assert out.startswith("corpus "), "the others are there as before"


def test_silent_clips_are_listed(corpora: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sound(corpora / "emodb/wav/03a02Wa.wav", level=0.0)
    check_corpora(corpora)
    assert f"silent:\n  {corpora}/emodb/wav/03a02Wa.wav\n" in capsys.readouterr().out


def test_a_missing_or_empty_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(AudioInputError, match=r"there is no folder .*: give one that holds"):
        check_corpora(tmp_path / "absent")
    with pytest.raises(AudioInputError, match="holds no corpus: name its folders ravdess, nemo,"):
        check_corpora(tmp_path)


def test_prepare_checks_corpora(
    corpora: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("parselmouth", reason="the train extra is not installed")
    monkeypatch.setattr(sys, "argv", ["train", "prepare", "--corpora", str(corpora)])
    assert main() == 0
    assert capsys.readouterr().out.startswith("corpus ")
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--download"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "only --data, --byols and --sounds can be downloaded" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", sys.argv[:-1])
    (corpora / "rir/kitchen.flac").unlink()
    assert main() == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"train: 1 of the corpora in {corpora} cannot be used: put right")


@pytest.mark.skipif(
    "REALTIME_SER_CORPORA" not in os.environ, reason="REALTIME_SER_CORPORA names no corpora"
)
@pytest.mark.parametrize(("name", "hours"), [("savee", 0.51), ("noise_hu100", 0.28)])
def test_a_real_corpus_has_no_fault(name: str, hours: float) -> None:
    found = check_corpus(CORPORA[name], Path(os.environ["REALTIME_SER_CORPORA"]) / name)
    assert found.hours == pytest.approx(hours, abs=0.005)
    assert found.silent == ()
    assert found.missing == 0
