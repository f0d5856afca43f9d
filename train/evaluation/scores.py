"""Scores: what predictions amount to beside the true labels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
    recall_score,
)

from realtime_ser.events import LABELS, UNCERTAIN
from train.data.ravdess import Clip
from train.evaluation.predictions import NO_SPEECH, Predictions

COLUMNS = (*LABELS, UNCERTAIN, NO_SPEECH)
"""What a clip can be taken for: the columns of a confusion matrix."""


def accuracy_and_uar(labels: NDArray[np.int64], logits: NDArray[np.float32]) -> tuple[float, float]:
    """Return accuracy and unweighted average recall (UAR) of the likeliest labels.

    Args:
        labels: indices into ``LABELS``, shape ``[clips]``.
        logits: shape ``[clips, 8]``.
    """
    guesses: Any = logits.argmax(axis=1)
    recall = recall_score(labels, guesses, average="macro")
    return float(accuracy_score(labels, guesses)), float(recall)


def figures(predictions: Predictions, threshold: float) -> dict[str, Any]:
    """Return every figure of some predictions but their calibration.

    ``uncertain`` and ``no speech`` count as wrong; the figures named ``likeliest`` ignore the
    threshold. Precision is 0 for a label that is never given.

    Args:
        predictions: at least one clip of every label.
        threshold: probability below which a clip's label is ``uncertain``.

    Returns:
        Accuracy, UAR (which is the macro recall), macro precision and F1, precision, recall and
        F1 of each label, UAR of each sex (``None`` without clips of it), all 0 to 1; and the
        confusion matrix, clips by label in rows and by what they were taken for in ``columns``.
    """
    truth = [LABELS[label] for label in predictions.labels]
    guesses = predictions.guesses(threshold)
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, guesses, labels=LABELS, zero_division=0
    )
    return {
        "accuracy": float(accuracy_score(truth, guesses)),
        "uar": uar(truth, guesses),
        "macro_precision": float(precision.mean()),
        "macro_f1": float(f1.mean()),
        "accuracy_likeliest": float(accuracy_score(truth, predictions.guesses(0.0))),
        "uar_likeliest": uar(truth, predictions.guesses(0.0)),
        "uar_women": uar_of(predictions, threshold, lambda clip: clip.actor % 2 == 0),
        "uar_men": uar_of(predictions, threshold, lambda clip: clip.actor % 2 == 1),
        "precision": _by_label(precision),
        "recall": _by_label(recall),
        "f1": _by_label(f1),
        "columns": list(COLUMNS),
        "confusion": confusion_matrix(truth, guesses, labels=COLUMNS)[: len(LABELS)].tolist(),
    }


def uar(truth: Sequence[str], guesses: Sequence[str]) -> float:
    """Return the mean recall of the labels that occur: the unweighted average recall."""
    present = [label for label in LABELS if label in truth]
    recall = recall_score(truth, guesses, labels=present, average="macro", zero_division=0)
    return float(recall)


def uar_of(
    predictions: Predictions, threshold: float, chosen: Callable[[Clip], bool]
) -> float | None:
    """Return the UAR of some of the clips, ``None`` where there are none."""
    some = predictions.of_clips(chosen)
    if not some.clips:
        return None
    return uar([LABELS[label] for label in some.labels], some.guesses(threshold))


def _by_label(values: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(LABELS, values.tolist(), strict=True))


def combined(trees: Sequence[Any], function: Callable[[Sequence[float]], float | None]) -> Any:
    """Return mappings of figures as one, each figure a function of those at the same place.

    Places that are ``None`` are passed over.
    """
    if isinstance(trees[0], Mapping):
        return {key: combined([each[key] for each in trees], function) for key in trees[0]}
    return function([each for each in trees if each is not None])


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, ``None`` without values."""
    return float(np.mean(values)) if values else None


def deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation, ``None`` for less than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def rounded(tree: Any) -> Any:
    """Return figures with every float rounded to four digits."""
    if isinstance(tree, Mapping):
        return {key: rounded(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [rounded(value) for value in tree]
    return round(tree, 4) if isinstance(tree, float) else tree
