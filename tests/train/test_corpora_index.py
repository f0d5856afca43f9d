"""Corpora that come with an index, and what is wrong with one said in one line."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from corpus_trees import COLUMNS, write_corpus, write_index, write_sound

from realtime_ser.errors import AudioInputError, SettingsError
from train.corpora.catalog import CORPORA
from train.corpora.clip import Clip
from train.corpora.registry import load_corpus
from train.corpora.rooms import Room, load_rooms

NEMO_ROWS = [
    ["KD0/KD0_fear_2.ogg", "nemo_KD0", "f", "fearful", "fear", "pl"],
    ["EB0/EB0_anger_1.ogg", "nemo_EB0", "m", "angry", "anger", "pl"],
]


@pytest.fixture
def nemo(tmp_path: Path) -> Path:
    write_corpus(tmp_path / "nemo", NEMO_ROWS)
    return tmp_path / "nemo"


def test_clips_are_read_in_the_order_of_their_paths(nemo: Path) -> None:
    assert load_corpus("nemo", nemo) == [
        Clip(nemo / "EB0/EB0_anger_1.ogg", "nemo", "EB0", "male", "angry", "pl"),
        Clip(nemo / "KD0/KD0_fear_2.ogg", "nemo", "KD0", "female", "fearful", "pl"),
    ]


@pytest.mark.parametrize(
    ("name", "row", "speaker", "language"),
    [
        ("ordinary_coffee", ["a.ogg", "", "", "ordinary", "order", "en"], "unknown", "en"),
        ("ordinary_mycroft", ["a.ogg", "", "", "ordinary", "wake", "en/es"], "unknown", "mul"),
        ("noise_esc10", ["a.ogg", "", "", "nonspeech", "Rain", "none"], "unknown", "zxx"),
        ("background_emospeech", ["a.ogg", "p1", "", "background", "Metro", ""], "p1", "und"),
    ],
)
def test_clips_without_an_emotion_have_no_label(
    tmp_path: Path, name: str, row: list[str], speaker: str, language: str
) -> None:
    write_corpus(tmp_path, [row])
    (clip,) = load_corpus(name, tmp_path)
    assert clip == Clip(tmp_path / "a.ogg", name, speaker, None, None, language)


Break = Callable[[Path], None]


def rewrite(*rows: list[str]) -> Break:
    return lambda folder: write_index(folder, rows)


def row(**changes: str) -> list[str]:
    return list((dict(zip(COLUMNS, NEMO_ROWS[0], strict=True)) | changes).values())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        # Without an index it is read as nEMO was published, and lacks the table of speakers.
        (lambda f: (f / "index.csv").unlink(), "lacks data.tsv, which gives the speakers' sex"),
        (rewrite(), "index.csv lists no files: "),
        (lambda f: write_index(f, NEMO_ROWS, ("path", *COLUMNS[2:], "who")), "column speaker: "),
        (lambda f: (f / "index.csv").write_bytes(b"path\xff"), "is not CSV in UTF-8"),
        (lambda f: (f / "index.csv").write_bytes(b""), "lacks the column path"),
        (rewrite(row()[:4]), "line 2 of .* has another number of columns"),
        (rewrite(NEMO_ROWS[1], [*row(), "more"]), "line 3 of .* has another number of columns"),
        (rewrite(row(label="furious")), "KD0_fear_2.ogg the label 'furious': nemo has neutral,"),
        (rewrite(row(label="calm")), "the label 'calm': nemo has neutral,"),
        (rewrite(row(label="")), "the label '': nemo has neutral,"),
        (rewrite(row(sex="x")), "the sex 'x': it may be female, male, f, m or empty"),
        (rewrite(row(), row()), "lists KD0/KD0_fear_2.ogg more than once: "),
        (rewrite(row(path="gone.ogg"), row(path="away.ogg")), "lacks gone.ogg and 1 more that"),
        (rewrite(row(path="../x.ogg")), "lists ../x.ogg, outside its folder"),
        (rewrite(row(path="/etc/hostname")), "lists /etc/hostname, outside its folder"),
        (rewrite(row(path="KD0")), "lacks KD0 that its index lists"),
    ],
)
def test_a_fault_is_one_line(nemo: Path, damage: Break, message: str) -> None:
    damage(nemo)
    with pytest.raises(AudioInputError, match=message) as caught:
        load_corpus("nemo", nemo)
    assert "\n" not in str(caught.value)


def test_a_corpus_with_an_index_alone_needs_it(tmp_path: Path) -> None:
    with pytest.raises(AudioInputError, match=r"there is no .*index\.csv: give a folder"):
        load_corpus("ased", tmp_path)


def test_an_unknown_corpus_or_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no corpus 'nemmo': choose one of ravdess, n"):
        load_corpus("nemmo", tmp_path)
    with pytest.raises(AudioInputError, match=r"there is no folder .*: nEMO is at "):
        load_corpus("nemo", tmp_path / "nemo")


def test_rooms_are_read_from_their_index(tmp_path: Path) -> None:
    rows = [[f"{name}.flac", "", "", "rir", name, ""] for name in ("kitchen", "hall")]
    write_corpus(tmp_path, rows)
    assert load_rooms(tmp_path) == [
        Room(tmp_path / "hall.flac", "hall"),
        Room(tmp_path / "kitchen.flac", "kitchen"),
    ]
    (tmp_path / "hall.flac").unlink()
    with pytest.raises(AudioInputError, match=r"lacks hall\.flac"):
        load_rooms(tmp_path)


def test_a_room_that_is_something_else_is_refused(tmp_path: Path) -> None:
    write_index(tmp_path, [["a.flac", "", "", "nonspeech", "rain", ""]])
    write_sound(tmp_path / "a.flac")
    with pytest.raises(AudioInputError, match=r"a\.flac the label 'nonspeech'"):
        load_rooms(tmp_path)


COUNTS = {
    "nemo": (4481, 9),
    "emospeech": (2019, 105),
    "ased": (1071, 65),
    "savee": (480, 4),
    "ordinary_librispeech": (479, 258),
    "ordinary_telephone": (573, 195),
    "ordinary_speechocean": (640, 128),
    "ordinary_mycroft": (1379, 1),
    "ordinary_coffee": (619, 1),
    "ordinary_malayalam": (277, 83),
    "background_emospeech": (1112, 8),
    "noise_hu100": (101, 1),
    "noise_esc10": (400, 1),
    "noise_household": (35, 1),
}
"""Clips and speakers of the copies that these tests were written with."""


@pytest.mark.train
@pytest.mark.skipif(
    "REALTIME_SER_CORPORA" not in os.environ, reason="REALTIME_SER_CORPORA names no corpora"
)
@pytest.mark.parametrize("name", COUNTS)
def test_a_real_corpus_is_read_whole(name: str) -> None:
    folder = Path(os.environ["REALTIME_SER_CORPORA"]) / name
    clips = load_corpus(name, folder)
    assert (len(clips), len({clip.speaker for clip in clips})) == COUNTS[name]
    assert {clip.path for clip in clips} == {*folder.rglob("*.ogg")}, "no file is left out"
    assert {clip.label for clip in clips} == {*CORPORA[name].labels} or {None}
    if name == "nemo":
        assert Counter(clip.label for clip in clips)["neutral"] == 809


@pytest.mark.train
@pytest.mark.skipif(
    "REALTIME_SER_CORPORA" not in os.environ, reason="REALTIME_SER_CORPORA names no corpora"
)
def test_the_real_rooms_are_read_whole() -> None:
    assert len(load_rooms(Path(os.environ["REALTIME_SER_CORPORA"]) / "rir")) == 25
