"""Splits: no speaker and no recording is on two sides. File names are enough to test this."""

import os
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from realtime_ser import SettingsError
from train.corpora.clip import Clip
from train.corpora.ravdess import CLIP_NAMES, HELD_OUT_SPEAKERS, SAME_RECORDING, SPEAKERS
from train.corpora.splits import PROTOCOLS, TEST_SPEAKERS, Split, read_split
from train.corpora.targets import label_indices

pytestmark = pytest.mark.train
pytest.importorskip("sklearn", reason="the train extra is not installed", exc_type=ImportError)

NAMES = [name for names in PROTOCOLS.values() for name in names]
BY_SPEAKER = [name for name in NAMES if not name.startswith("random")]


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Split]:
    folder = tmp_path_factory.mktemp("ravdess")
    for speaker in SPEAKERS:
        (folder / f"Actor_{speaker}").mkdir()
    for name in CLIP_NAMES:
        (folder / f"Actor_{name[-2:]}" / f"{name}.wav").touch()
    return lambda name: read_split(name, folder)


def speakers(clips: tuple[Clip, ...]) -> set[str]:
    return {clip.speaker for clip in clips}


def label_counts(clips: tuple[Clip, ...]) -> list[int]:
    counts = np.bincount(label_indices(clips), minlength=8)
    return [int(count) for count in counts]


@pytest.mark.parametrize("name", NAMES)
def test_no_clip_is_on_two_sides(split: Callable[[str], Split], name: str) -> None:
    parts = split(name)
    names = [clip.path.stem for clip in (*parts.training, *parts.validation, *parts.test)]
    assert len(set(names)) == len(names)
    assert parts.name == name
    assert parts.training


@pytest.mark.parametrize("name", BY_SPEAKER)
def test_no_speaker_is_on_two_sides(split: Callable[[str], Split], name: str) -> None:
    parts = split(name)
    training, validation, test = map(speakers, (parts.training, parts.validation, parts.test))
    assert not training & validation
    assert not training & test
    assert not validation & test
    assert all(
        count == 60
        for part in (parts.training, parts.validation, parts.test)
        for count in Counter(clip.speaker for clip in part).values()
    )


def test_the_folds_are_those_of_emobox_and_test_every_speaker_once(
    split: Callable[[str], Split],
) -> None:
    tested = [speakers(split(name).test) for name in PROTOCOLS["actors"]]
    assert tested == [
        {"01", "11", "20", "21"},
        {"04", "10", "12", "14"},
        {"08", "09", "19", "23"},
        {"03", "05", "07", "24"},
        {"02", "15", "16", "18"},
        {"06", "13", "17", "22"},
    ]
    assert sorted(speaker for fold in TEST_SPEAKERS for speaker in fold) == list(SPEAKERS)


@pytest.mark.parametrize("name", PROTOCOLS["actors"])
def test_a_fold_is_validated_on_a_man_and_a_woman(split: Callable[[str], Split], name: str) -> None:
    parts = split(name)
    assert {clip.sex for clip in parts.validation} == {"female", "male"}
    assert (len(parts.training), len(parts.validation), len(parts.test)) == (1080, 120, 240)


def test_the_held_out_speakers_are_only_tested_on(split: Callable[[str], Split]) -> None:
    held_out, development = split("held-out"), split("development")
    assert speakers(held_out.test) == set(HELD_OUT_SPEAKERS)
    assert speakers(held_out.training) == set(SPEAKERS[:20])
    assert held_out.validation == ()
    assert speakers(development.training) == set(SPEAKERS[:16])
    assert speakers(development.validation) == set(SPEAKERS[16:20])
    assert development.test == ()


@pytest.mark.parametrize("name", PROTOCOLS["random"])
def test_random_splits_are_stratified_70_15_15(split: Callable[[str], Split], name: str) -> None:
    parts = split(name)
    sides = (parts.training, parts.validation, parts.test)
    for side, share in zip(sides, (0.7, 0.15, 0.15), strict=True):
        whole = np.array([96, *[192] * 7]) * share
        # One more, because a recording that exists twice may be left out.
        assert np.abs(label_counts(side) - whole).max() < 2
    assert len(parts.test) == 216
    assert sum(map(len, sides)) >= 1439


@pytest.mark.parametrize("name", PROTOCOLS["random"])
def test_a_recording_with_two_names_is_on_one_side(
    split: Callable[[str], Split], name: str
) -> None:
    parts = split(name)
    sides = [
        sum(clip.path.stem in SAME_RECORDING for clip in part)
        for part in (parts.training, parts.validation, parts.test)
    ]
    assert sorted(sides) in ([0, 0, 1], [0, 0, 2])


def test_random_splits_depend_on_their_seed_only(split: Callable[[str], Split]) -> None:
    assert split("random-1") == split("random-1")
    tests = {split(name).test for name in PROTOCOLS["random"]}
    assert len(tests) == len(PROTOCOLS["random"])


@pytest.mark.parametrize("name", ["random-0", "random-6", "actors-7", "actors", "held_out", ""])
def test_other_names_are_refused(split: Callable[[str], Split], name: str) -> None:
    with pytest.raises(SettingsError, match=r"there is no split .*: choose random-1"):
        split(name)


needs_ravdess = pytest.mark.skipif(
    "REALTIME_SER_RAVDESS" not in os.environ, reason="REALTIME_SER_RAVDESS names no copy of RAVDESS"
)


@needs_ravdess
@pytest.mark.parametrize("name", NAMES)
def test_no_recording_of_ravdess_is_on_two_sides(name: str) -> None:
    parts = read_split(name, Path(os.environ["REALTIME_SER_RAVDESS"]))
    training, validation, test = (
        {sha256(clip.path.read_bytes()).digest() for clip in part}
        for part in (parts.training, parts.validation, parts.test)
    )
    assert len(training | validation | test) == len(training) + len(validation) + len(test)


@needs_ravdess
def test_the_random_splits_are_those_of_the_published_scores() -> None:
    """They depend on the numbers of the labels, and on the order of the clips."""
    parts = read_split("random-1", Path(os.environ["REALTIME_SER_RAVDESS"]))
    hashes = [
        sha256(" ".join(clip.path.stem for clip in part).encode()).hexdigest()[:12]
        for part in (parts.training, parts.validation, parts.test)
    ]
    assert hashes == ["d7fcc44e376f", "bfec6d64f18c", "b02f07df1734"]
