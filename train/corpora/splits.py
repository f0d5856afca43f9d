"""Splits of RAVDESS: which clips a run trains on, validates on and is tested on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.errors import SettingsError
from train.corpora.clip import Clip
from train.corpora.ravdess import HELD_OUT_SPEAKERS, SAME_RECORDING, SPEAKERS, list_clips
from train.corpora.targets import label_indices

TEST_SPEAKERS = (
    ("01", "11", "20", "21"),
    ("04", "10", "12", "14"),
    ("08", "09", "19", "23"),
    ("03", "05", "07", "24"),
    ("02", "15", "16", "18"),
    ("06", "13", "17", "22"),
)
"""Test speakers of each fold, as in EmoBox (Z. Ma et al., arXiv:2406.07162)."""

VALIDATION_SPEAKERS = (
    ("03", "04"),
    ("05", "06"),
    ("07", "10"),
    ("09", "12"),
    ("11", "14"),
    ("15", "16"),
)
"""Validation speakers of each fold: a man and a woman."""

DEVELOPMENT_SPEAKERS = ("17", "18", "19", "20")
"""Validation speakers of the split that recipes are chosen on."""

RANDOM_SEEDS = (1, 2, 3, 4, 5)

PROTOCOLS: dict[str, tuple[str, ...]] = {
    "random": tuple(f"random-{seed}" for seed in RANDOM_SEEDS),
    "actors": tuple(f"actors-{fold}" for fold in range(1, len(TEST_SPEAKERS) + 1)),
    "held-out": ("held-out",),
    "development": ("development",),
}
"""The names of each protocol's splits."""


@dataclass(frozen=True, slots=True)
class Split:
    """One division of the clips.

    Attributes:
        name: such as ``actors-3``.
        training: clips that weights are fitted to.
        validation: clips for early stopping, tuning and the temperature; may be empty for recipes
            that need none of these.
        test: clips that no choice depends on.
    """

    name: str
    training: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]


def read_split(name: str, data: Path) -> Split:
    """Divide the clips in ``data``.

    - ``random-SEED``: 70 / 15 / 15 % of the clips, stratified by label; the same speakers are on
      all sides, but no recording is.
    - ``actors-FOLD``: no speaker is on two sides; see ``TEST_SPEAKERS``.
    - ``held-out``: trained on speakers 01 to 20, tested on 21 to 24; no validation clips.
    - ``development``: trained on 01 to 16, validated on 17 to 20; no test clips.

    Raises:
        SettingsError: there is no split of that name.
        AudioInputError: clips are missing or misnamed.
    """
    if name not in {split for splits in PROTOCOLS.values() for split in splits}:
        raise SettingsError(
            f"there is no split {name!r}",
            "choose random-1 to random-5, actors-1 to actors-6, held-out or development",
        )
    clips = list_clips(data, SPEAKERS)
    protocol, _, number = name.rpartition("-")
    if protocol == "random":
        return _random_split(name, clips, int(number))
    if protocol == "actors":
        fold = int(number) - 1
        return _split_by_speaker(name, clips, VALIDATION_SPEAKERS[fold], TEST_SPEAKERS[fold])
    if name == "held-out":
        return _split_by_speaker(name, clips, (), HELD_OUT_SPEAKERS)
    rest = [clip for clip in clips if clip.speaker not in HELD_OUT_SPEAKERS]
    return _split_by_speaker(name, rest, DEVELOPMENT_SPEAKERS, ())


def _split_by_speaker(
    name: str, clips: Sequence[Clip], validation: Collection[str], test: Collection[str]
) -> Split:
    return Split(
        name,
        tuple(clip for clip in clips if clip.speaker not in {*validation, *test}),
        tuple(clip for clip in clips if clip.speaker in validation),
        tuple(clip for clip in clips if clip.speaker in test),
    )


def _random_split(name: str, clips: Sequence[Clip], seed: int) -> Split:
    from sklearn.model_selection import train_test_split

    labels = label_indices(clips)
    indices = np.arange(len(clips))
    training, rest = train_test_split(
        indices, test_size=0.3, stratify=labels, random_state=seed, shuffle=True
    )
    validation, test = train_test_split(
        rest, test_size=0.5, stratify=labels[rest], random_state=seed, shuffle=True
    )
    return _without_repeats(
        Split(name, *(_select(clips, part) for part in (training, validation, test)))
    )


def _select(clips: Sequence[Clip], indices: NDArray[np.intp]) -> tuple[Clip, ...]:
    return tuple(clips[index] for index in sorted(indices))


def _without_repeats(split: Split) -> Split:
    """Remove from each side the recordings that a later side holds under another name."""

    def remove(clips: Sequence[Clip], *later: Sequence[Clip]) -> tuple[Clip, ...]:
        names = {clip.path.stem for part in later for clip in part}
        repeated = () if names.isdisjoint(SAME_RECORDING) else SAME_RECORDING
        return tuple(clip for clip in clips if clip.path.stem not in repeated)

    return replace(
        split,
        training=remove(split.training, split.validation, split.test),
        validation=remove(split.validation, split.test),
    )
