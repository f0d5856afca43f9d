"""Splits: which clips a run learns from, stops and calibrates on, and is tested on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.errors import SettingsError
from train.data.ravdess import ACTORS, HELD_OUT_ACTORS, ONE_RECORDING, Clip, list_clips

ACTOR_FOLDS = (
    (1, 11, 20, 21),
    (4, 10, 12, 14),
    (8, 9, 19, 23),
    (3, 5, 7, 24),
    (2, 15, 16, 18),
    (6, 13, 17, 22),
)
"""Test actors of each fold: those of EmoBox (Z. Ma et al., arXiv:2406.07162)."""

FOLD_VALIDATION_ACTORS = ((3, 4), (5, 6), (7, 10), (9, 12), (11, 14), (15, 16))
"""A man and a woman of each fold's training side, kept out of training."""

DEVELOPMENT_ACTORS = (17, 18, 19, 20)
"""Validation actors of the split that recipes are chosen on."""

RANDOM_SEEDS = (1, 2, 3, 4, 5)

PROTOCOLS: dict[str, tuple[str, ...]] = {
    "random": tuple(f"random-{seed}" for seed in RANDOM_SEEDS),
    "actors": tuple(f"actors-{fold}" for fold in range(1, len(ACTOR_FOLDS) + 1)),
    "held-out": ("held-out",),
    "development": ("development",),
}
"""The names of each protocol's splits."""


@dataclass(frozen=True, slots=True)
class Split:
    """One way to divide the clips.

    Attributes:
        name: such as ``actors-3``.
        training: clips that weights are fitted to.
        validation: clips for early stopping, tuning and temperature; empty where a recipe that
            needs none of these is trained on all that may be used.
        test: clips that choose nothing.
    """

    name: str
    training: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]


def read_split(name: str, data: Path) -> Split:
    """Divide the clips below ``data``.

    - ``random-SEED``: 70 / 15 / 15 % of the clips, stratified by label, as the paper does; the same
      voices are on all sides, but no recording is.
    - ``actors-FOLD``: nobody is on two sides; see ``ACTOR_FOLDS``.
    - ``held-out``: trained on actors 1 to 20, tested on 21 to 24; no validation.
    - ``development``: trained on 1 to 16, validated on 17 to 20, no test.

    Raises:
        SettingsError: there is no split of that name.
        AudioInputError: clips are missing or misnamed.
    """
    if name not in {each for names in PROTOCOLS.values() for each in names}:
        raise SettingsError(
            f"there is no split {name!r}",
            "choose random-1 to random-5, actors-1 to actors-6, held-out or development",
        )
    clips = list_clips(data, ACTORS)
    protocol, _, number = name.rpartition("-")
    if protocol == "random":
        return _random_split(name, clips, int(number))
    if protocol == "actors":
        test, validation = ACTOR_FOLDS[int(number) - 1], FOLD_VALIDATION_ACTORS[int(number) - 1]
        return _by_actors(name, clips, validation, test)
    if name == "held-out":
        return _by_actors(name, clips, (), HELD_OUT_ACTORS)
    seen = [clip for clip in clips if clip.actor not in HELD_OUT_ACTORS]
    return _by_actors(name, seen, DEVELOPMENT_ACTORS, ())


def _by_actors(
    name: str, clips: Sequence[Clip], validation: Collection[int], test: Collection[int]
) -> Split:
    return Split(
        name,
        tuple(clip for clip in clips if clip.actor not in {*validation, *test}),
        tuple(clip for clip in clips if clip.actor in validation),
        tuple(clip for clip in clips if clip.actor in test),
    )


def _random_split(name: str, clips: Sequence[Clip], seed: int) -> Split:
    from sklearn.model_selection import train_test_split

    labels = np.array([clip.label for clip in clips])
    numbers = np.arange(len(clips))
    training, rest = train_test_split(
        numbers, test_size=0.3, stratify=labels, random_state=seed, shuffle=True
    )
    validation, test = train_test_split(
        rest, test_size=0.5, stratify=labels[rest], random_state=seed, shuffle=True
    )
    return _without_repeats(
        Split(name, *(_chosen(clips, part) for part in (training, validation, test)))
    )


def _chosen(clips: Sequence[Clip], numbers: NDArray[np.intp]) -> tuple[Clip, ...]:
    return tuple(clips[each] for each in sorted(numbers))


def _without_repeats(split: Split) -> Split:
    """Return a split whose earlier sides lack the recordings of later ones under other names."""

    def less(clips: Sequence[Clip], *later: Sequence[Clip]) -> tuple[Clip, ...]:
        names = {clip.path.stem for part in later for clip in part}
        unwanted = () if names.isdisjoint(ONE_RECORDING) else ONE_RECORDING
        return tuple(clip for clip in clips if clip.path.stem not in unwanted)

    return replace(
        split,
        training=less(split.training, split.validation, split.test),
        validation=less(split.validation, split.test),
    )
