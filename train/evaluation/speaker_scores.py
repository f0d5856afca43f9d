"""How scores differ between speakers, women and men, and confident and doubtful labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.corpora.clip import Clip, Sex
from train.evaluation.bootstrap import Interval, Rows, Unit, bootstrap_interval, group_by_speaker
from train.evaluation.outcomes import (
    Bool,
    Outcomes,
    accuracy_by_coverage,
    mean_or_none,
    mean_recall,
    outcomes_of_predictions,
)
from train.evaluation.predictions import Predictions

FEWEST_CLIPS = 10
"""Speakers with fewer clips are not compared: their scores would be chance."""

LISTENERS_ACCURACY = 0.62
LISTENERS_ACCURACY_WOMEN = 0.66
LISTENERS_ACCURACY_MEN = 0.59
"""Share of RAVDESS's speech clips that listeners identified by sound alone, and of women and men
among the speakers, with neutral and calm merged (S. R. Livingstone and F. A. Russo, PLoS ONE 13(5):
e0196391, 2018)."""


@dataclass(frozen=True, slots=True)
class Worst:
    """The speaker with the lowest UAR, among those with at least ten clips."""

    speaker: str
    uar: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often a label is shown, and how accurate labels are by confidence.

    Attributes:
        coverage: share of all clips for which the label is neither ``uncertain`` nor no speech.
        accuracy: of the likeliest label of those clips, ``None`` if there are none.
        accuracy_of_most_confident: accuracy over shares of all clips, by the share.
    """

    coverage: float
    accuracy: float | None
    accuracy_of_most_confident: dict[str, float]


@dataclass(frozen=True, slots=True)
class MergedAccuracy:
    """Accuracy of the likeliest of seven labels, neutral and calm merged, as for listeners."""

    all: float
    women: float | None
    men: float | None


@dataclass(frozen=True, slots=True)
class SpeakerScores:
    """What the reports of RAVDESS add to UAR and accuracy.

    Attributes:
        speakers: their number.
        uar: 95 % interval over speakers, ``None`` for a single one.
        accuracy: the same of the accuracy.
        worst: the speaker with the lowest UAR.
        sex_gap: UAR of women less that of men, ``None`` where one of them is missing.
        coverage: how often a label is shown.
        merged: for comparison with listeners.
    """

    speakers: int
    uar: Interval | None
    accuracy: Interval | None
    worst: Worst | None
    sex_gap: float | None
    coverage: Coverage
    merged: MergedAccuracy


def speaker_scores(predictions: Predictions, threshold: float) -> SpeakerScores:
    """Score predictions for RAVDESS by speaker; ``uncertain`` and no speech count as wrong.

    Args:
        predictions: at least one clip.
        threshold: probability below which a label is ``uncertain``.
    """
    outcomes = outcomes_of_predictions(predictions, threshold)
    right = outcomes.right & outcomes.covered
    women, men = (uar_of_sex(outcomes, right, sex) for sex in ("female", "male"))
    return SpeakerScores(
        speakers=len({clip.speaker for clip in predictions.clips}),
        uar=uar_interval(outcomes, right),
        accuracy=mean_interval(outcomes.clips, right)[1],
        worst=worst_speaker(outcomes, right),
        sex_gap=None if women is None or men is None else women - men,
        coverage=coverage_of(outcomes),
        merged=_merged_accuracy(outcomes_of_predictions(predictions, threshold, merge_calm=True)),
    )


def uar_interval(outcomes: Outcomes, right: Bool) -> Interval | None:
    """Return the interval of the UAR over speakers.

    Args:
        outcomes: provide speakers and true labels.
        right: which clips count as right, bool ``[clips]``.
    """

    def uar(rows: Rows) -> float:
        return mean_recall(outcomes.truth[rows], right[rows])

    return bootstrap_interval(group_by_speaker(outcomes.clips), uar)


def mean_interval(clips: Sequence[Clip], values: NDArray[np.bool_]) -> tuple[Unit, Interval | None]:
    """Return the interval of a share of clips, and the units that were drawn.

    Args:
        clips: provide the speakers.
        values: whether each clip counts, bool ``[clips]``.
    """
    groups = group_by_speaker(clips)
    return groups.unit, bootstrap_interval(groups, lambda rows: float(values[rows].mean()))


def uar_of_sex(outcomes: Outcomes, right: Bool, sex: Sex) -> float | None:
    """Return the UAR of ``female`` or ``male`` speakers, ``None`` without clips of them."""
    rows = outcomes.rows_where(lambda clip: clip.sex == sex)
    return mean_recall(outcomes.truth[rows], right[rows]) if len(rows) else None


def worst_speaker(outcomes: Outcomes, right: Bool) -> Worst | None:
    """Return the speaker with the lowest UAR, ``None`` if no speaker has ten clips."""
    groups = group_by_speaker(outcomes.clips)
    if groups.unit != "speakers":
        return None
    scores = [
        Worst(outcomes.clips[rows[0]].speaker, mean_recall(outcomes.truth[rows], right[rows]))
        for rows in groups.rows
        if len(rows) >= FEWEST_CLIPS
    ]
    return min(scores, key=lambda worst: worst.uar, default=None)


def coverage_of(outcomes: Outcomes) -> Coverage:
    """Return how often a label is shown, and how accurate labels are by confidence."""
    return Coverage(
        float(outcomes.covered.mean()),
        mean_or_none(outcomes.right[outcomes.covered]),
        dict(accuracy_by_coverage(outcomes)),
    )


def _merged_accuracy(outcomes: Outcomes) -> MergedAccuracy:
    women, men = (_accuracy_of(outcomes, sex) for sex in ("female", "male"))
    return MergedAccuracy(float(outcomes.right.mean()), women, men)


def _accuracy_of(outcomes: Outcomes, sex: str) -> float | None:
    return mean_or_none(outcomes.right[outcomes.rows_where(lambda clip: clip.sex == sex)])
