"""The outcomes of labeled clips: the likeliest label, its confidence, and whether it is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.events import LABELS, UNCERTAIN
from train.corpora.clip import Clip
from train.corpora.corpus import CALM, NEUTRAL, Corpus
from train.evaluation.analyses import ClipAnalysis, probabilities_of
from train.evaluation.bootstrap import Rows
from train.evaluation.calibration import SMALLEST_PROBABILITY, reliability
from train.evaluation.predictions import NO_SPEECH, Predictions

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

COVERAGES = (0.9, 0.7, 0.5)
"""Shares of the clips, the most confident first, whose accuracy is reported."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcomes of clips, compared among the labels that their corpus has.

    Attributes:
        clips: the clips.
        labels: those of the corpus.
        probabilities: over ``labels``, float64 ``[clips, labels]``, rows that sum to 1; a row of
            NaN where there is no speech.
        truth: indices into ``labels``, int64 ``[clips]``.
        covered: whether the program shows a label, neither ``uncertain`` nor no speech, bool
            ``[clips]``.
    """

    clips: tuple[Clip, ...]
    labels: tuple[str, ...]
    probabilities: Float64
    truth: NDArray[np.int64]
    covered: Bool

    @property
    def has_speech(self) -> Bool:
        """Whether the gate found speech, bool ``[clips]``."""
        return np.asarray(np.isfinite(self.probabilities).all(axis=1))

    @property
    def right(self) -> Bool:
        """Whether the likeliest label is the true one, bool ``[clips]``; never without speech."""
        likeliest = np.nan_to_num(self.probabilities, nan=0.0).argmax(axis=1)
        return np.asarray(self.has_speech & (likeliest == self.truth))

    @property
    def confidence(self) -> Float64:
        """The highest probability, float64 ``[clips]``; 0 without speech."""
        return np.asarray(np.nan_to_num(self.probabilities, nan=0.0).max(axis=1), np.float64)

    def rows_where(self, condition: Callable[[Clip], bool]) -> Rows:
        """Return the indices of the clips that meet a condition, int64 ``[n]``."""
        return np.flatnonzero([condition(clip) for clip in self.clips])


def outcomes_of_corpus(
    corpus: Corpus, clips: Sequence[Clip], analyses: Sequence[ClipAnalysis]
) -> Outcomes:
    """Return the outcomes of a corpus's clips, with the label choice of ``predict_label``."""
    covered = [analysis.label not in (UNCERTAIN, NO_SPEECH) for analysis in analyses]
    return _outcomes(clips, corpus.labels, probabilities_of(analyses), covered)


def outcomes_of_predictions(
    predictions: Predictions, threshold: float, *, merge_calm: bool = False
) -> Outcomes:
    """Return the outcomes of predictions for RAVDESS.

    Args:
        predictions: of clips with any of the eight labels.
        threshold: probability below which a label is ``uncertain``.
        merge_calm: count neutral and calm as one label.
    """
    shown = predictions.labels(threshold)
    covered = [label not in (UNCERTAIN, NO_SPEECH) for label in shown]
    labels = tuple(label for label in LABELS if not (merge_calm and label == CALM))
    return _outcomes(predictions.clips, labels, predictions.probabilities, covered)


def restrict(labels: Sequence[str], probabilities: Float64) -> Float64:
    """Return probabilities over some of the labels, renormalized; calm counts as neutral if absent.

    Args:
        labels: some of ``realtime_ser.LABELS``.
        probabilities: float64 ``[clips, 8]``; rows of NaN stay so.

    Returns:
        float64 ``[clips, labels]``.
    """
    columns = {label: probabilities[:, index] for index, label in enumerate(LABELS)}
    if NEUTRAL in labels and CALM not in labels:
        columns[NEUTRAL] = columns[NEUTRAL] + columns[CALM]
    chosen = np.stack([columns[label] for label in labels], axis=1)
    total = chosen.sum(axis=1, keepdims=True)
    chosen = np.where(total == 0, SMALLEST_PROBABILITY, chosen)
    return np.asarray(chosen / chosen.sum(axis=1, keepdims=True))


def mean_recall(truth: NDArray[np.int64], right: Bool) -> float:
    """Return the unweighted average recall: the mean recall of the labels that occur.

    A bootstrap computes it thousands of times, hence not with scikit-learn.

    Args:
        truth: true labels, int64 ``[clips]``, at least one.
        right: whether each was recognized, bool ``[clips]``.
    """
    counts = np.bincount(truth)
    hits = np.bincount(truth, weights=right)
    return float(np.mean(hits[counts > 0] / counts[counts > 0]))


def recalls(outcomes: Outcomes) -> dict[str, float | None]:
    """Return the recall of each label, ``None`` for a label without clips."""
    return {
        label: mean_or_none(outcomes.right[outcomes.truth == index])
        for index, label in enumerate(outcomes.labels)
    }


def calibration_error(outcomes: Outcomes) -> float | None:
    """Return the expected calibration error of the clips with speech, ``None`` without any."""
    speech = outcomes.has_speech
    if not speech.any():
        return None
    return reliability(outcomes.probabilities[speech], outcomes.truth[speech]).error


def accuracy_by_coverage(outcomes: Outcomes) -> Mapping[str, float]:
    """Return the accuracy of the likeliest label over the most confident share of the clips."""
    order = np.argsort(-outcomes.confidence, kind="stable")
    right = outcomes.right[order]
    return {
        f"{share:.2f}": float(right[: max(1, round(share * len(right)))].mean())
        for share in COVERAGES
    }


def mean_or_none(values: NDArray[np.bool_] | Float64) -> float | None:
    """Return the mean, ``None`` without values."""
    return float(values.mean()) if len(values) else None


def _outcomes(
    clips: Sequence[Clip], labels: tuple[str, ...], probabilities: Float64, covered: Sequence[bool]
) -> Outcomes:
    return Outcomes(
        tuple(clips),
        labels,
        restrict(labels, probabilities),
        np.array([_index(clip, labels) for clip in clips], np.int64),
        np.array(covered, np.bool_),
    )


def _index(clip: Clip, labels: tuple[str, ...]) -> int:
    merged = clip.label == CALM and CALM not in labels
    return labels.index(NEUTRAL if merged else str(clip.label))
