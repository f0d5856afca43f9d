"""Scores of predictions: accuracy, recall, precision, F1, confusion matrix."""

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
from train.corpora.clip import Clip
from train.evaluation.predictions import NO_SPEECH, Predictions

COLUMNS = (*LABELS, UNCERTAIN, NO_SPEECH)
"""What can be predicted for a clip: the columns of a confusion matrix."""


def scores_of(predictions: Predictions, threshold: float) -> dict[str, Any]:
    """Return every score of some predictions except their calibration.

    ``uncertain`` and ``no speech`` count as wrong; the scores named ``likeliest`` ignore the
    threshold. Precision is 0 for a label that is never predicted.

    Args:
        predictions: at least one clip of every label.
        threshold: probability below which a clip's label is ``uncertain``.

    Returns:
        Accuracy, UAR (the macro recall), macro precision and F1, precision, recall and F1 of each
        label, UAR of each sex (``None`` without clips of it), all 0 to 1; and the confusion matrix,
        true labels in rows and predicted ones in ``columns``.
    """
    truth = _names(predictions)
    labels, likeliest = predictions.labels(threshold), predictions.labels(0.0)
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, labels, labels=LABELS, zero_division=0
    )
    return {
        "accuracy": float(accuracy_score(truth, labels)),
        "uar": uar(truth, labels),
        "macro_precision": float(precision.mean()),
        "macro_f1": float(f1.mean()),
        "accuracy_likeliest": float(accuracy_score(truth, likeliest)),
        "uar_likeliest": uar(truth, likeliest),
        "uar_women": uar_where(predictions, threshold, lambda clip: clip.sex == "female"),
        "uar_men": uar_where(predictions, threshold, lambda clip: clip.sex == "male"),
        "precision": _by_label(precision),
        "recall": _by_label(recall),
        "f1": _by_label(f1),
        "columns": list(COLUMNS),
        "confusion": confusion_matrix(truth, labels, labels=COLUMNS)[: len(LABELS)].tolist(),
    }


def uar(truth: Sequence[str], labels: Sequence[str]) -> float:
    """Return the unweighted average recall: the mean recall of the labels in ``truth``."""
    present = [label for label in LABELS if label in truth]
    recall = recall_score(truth, labels, labels=present, average="macro", zero_division=0)
    return float(recall)


def uar_where(
    predictions: Predictions, threshold: float, condition: Callable[[Clip], bool]
) -> float | None:
    """Return the UAR of the clips that meet a condition, ``None`` if there are none."""
    chosen = predictions.where(condition)
    return uar(_names(chosen), chosen.labels(threshold)) if chosen.clips else None


def _names(predictions: Predictions) -> list[str]:
    return [LABELS[index] for index in predictions.truth]


def _by_label(values: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(LABELS, values.tolist(), strict=True))


def combine(trees: Sequence[Any], function: Callable[[Sequence[float]], float | None]) -> Any:
    """Return nested mappings of scores as one, applying a function to those at the same place.

    Scores that are ``None`` are left out.
    """
    if isinstance(trees[0], Mapping):
        return {key: combine([tree[key] for tree in trees], function) for key in trees[0]}
    return function([tree for tree in trees if tree is not None])


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, ``None`` without values."""
    return float(np.mean(values)) if values else None


def deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation, ``None`` for less than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def rounded(tree: Any) -> Any:
    """Return scores with every float rounded to four digits."""
    if isinstance(tree, Mapping):
        return {key: rounded(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [rounded(value) for value in tree]
    return round(tree, 4) if isinstance(tree, float) else tree
