"""Splits: nobody, and no recording, on two sides. Files by name alone are enough for that."""

import os
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from realtime_ser import SettingsError
from train.data.ravdess import ACTORS, CLIP_NAMES, HELD_OUT_ACTORS, ONE_RECORDING, Clip
from train.data.splits import ACTOR_FOLDS, PROTOCOLS, Split, read_split

pytestmark = pytest.mark.train
pytest.importorskip("sklearn", reason="the train extra is not installed", exc_type=ImportError)

NAMES = [name for names in PROTOCOLS.values() for name in names]
BY_ACTORS = [name for name in NAMES if not name.startswith("random")]


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Split]:
    folder = tmp_path_factory.mktemp("ravdess")
    for actor in ACTORS:
        (folder / f"Actor_{actor:02}").mkdir()
    for name in CLIP_NAMES:
        (folder / f"Actor_{name[-2:]}" / f"{name}.wav").touch()
    return lambda name: read_split(name, folder)


def actors(clips: tuple[Clip, ...]) -> set[int]:
    return {clip.actor for clip in clips}


def label_counts(clips: tuple[Clip, ...]) -> list[int]:
    counts = np.bincount([clip.label for clip in clips], minlength=8)
    return [int(count) for count in counts]


@pytest.mark.parametrize("name", NAMES)
def test_no_clip_is_on_two_sides(split: Callable[[str], Split], name: str) -> None:
    parts = split(name)
    names = [clip.path.stem for clip in (*parts.training, *parts.validation, *parts.test)]
    assert len(set(names)) == len(names)
    assert parts.name == name
    assert parts.training


@pytest.mark.parametrize("name", BY_ACTORS)
def test_no_actor_is_on_two_sides(split: Callable[[str], Split], name: str) -> None:
    parts = split(name)
    training, validation, test = map(actors, (parts.training, parts.validation, parts.test))
    assert not training & validation
    assert not training & test
    assert not validation & test
    assert all(
        count == 60
        for part in (parts.training, parts.validation, parts.test)
        for count in Counter(clip.actor for clip in part).values()
    )


def test_the_folds_are_those_of_emobox_and_test_everybody_once(
    split: Callable[[str], Split],
) -> None:
    tested = [actors(split(name).test) for name in PROTOCOLS["actors"]]
    assert tested == [
        {1, 11, 20, 21},
        {4, 10, 12, 14},
        {8, 9, 19, 23},
        {3, 5, 7, 24},
        {2, 15, 16, 18},
        {6, 13, 17, 22},
    ]
    assert sorted(actor for fold in ACTOR_FOLDS for actor in fold) == list(ACTORS)


@pytest.mark.parametrize("name", PROTOCOLS["actors"])
def test_a_fold_is_validated_on_a_man_and_a_woman(split: Callable[[str], Split], name: str) -> None:
    parts = split(name)
    assert sorted(actor % 2 for actor in actors(parts.validation)) == [0, 1]
    assert (len(parts.training), len(parts.validation), len(parts.test)) == (1080, 120, 240)


def test_the_held_out_actors_are_tested_on_and_nothing_else(split: Callable[[str], Split]) -> None:
    held_out, development = split("held-out"), split("development")
    assert actors(held_out.test) == set(HELD_OUT_ACTORS)
    assert actors(held_out.training) == set(range(1, 21))
    assert held_out.validation == ()
    assert actors(development.training) == set(range(1, 17))
    assert actors(development.validation) == set(range(17, 21))
    assert development.test == ()


@pytest.mark.parametrize("name", PROTOCOLS["random"])
def test_random_splits_are_stratified_70_15_15(split: Callable[[str], Split], name: str) -> None:
    parts = split(name)
    sides = (parts.training, parts.validation, parts.test)
    for side, share in zip(sides, (0.7, 0.15, 0.15), strict=True):
        whole = np.array([96, *[192] * 7]) * share
        # One more for the recording that is there twice and may be left out.
        assert np.abs(label_counts(side) - whole).max() < 2
    assert len(parts.test) == 216
    assert sum(map(len, sides)) >= 1439


@pytest.mark.parametrize("name", PROTOCOLS["random"])
def test_a_recording_with_two_names_is_on_one_side(
    split: Callable[[str], Split], name: str
) -> None:
    parts = split(name)
    sides = [
        sum(clip.path.stem in ONE_RECORDING for clip in part)
        for part in (parts.training, parts.validation, parts.test)
    ]
    assert sorted(sides) in ([0, 0, 1], [0, 0, 2])


def test_random_splits_repeat_under_their_seed_alone(split: Callable[[str], Split]) -> None:
    assert split("random-1") == split("random-1")
    tests = {split(name).test for name in PROTOCOLS["random"]}
    assert len(tests) == len(PROTOCOLS["random"])


@pytest.mark.parametrize("name", ["random-0", "random-6", "actors-7", "actors", "held_out", ""])
def test_other_names_are_refused(split: Callable[[str], Split], name: str) -> None:
    with pytest.raises(SettingsError, match=r"there is no split .*: choose random-1"):
        split(name)


@pytest.mark.skipif(
    "REALTIME_SER_RAVDESS" not in os.environ, reason="REALTIME_SER_RAVDESS names no copy of RAVDESS"
)
@pytest.mark.parametrize("name", NAMES)
def test_no_recording_of_ravdess_is_on_two_sides(name: str) -> None:
    parts = read_split(name, Path(os.environ["REALTIME_SER_RAVDESS"]))
    training, validation, test = (
        {sha256(clip.path.read_bytes()).digest() for clip in part}
        for part in (parts.training, parts.validation, parts.test)
    )
    assert len(training | validation | test) == len(training) + len(validation) + len(test)
