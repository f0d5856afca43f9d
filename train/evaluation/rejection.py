"""The threshold of ``uncertain``, chosen by the error of the labels that are shown.

To answer only if the highest posterior probability reaches a threshold is the best rule for any
share of refused answers (C. K. Chow, "On optimum recognition error and reject tradeoff", IEEE
Transactions on Information Theory, 1970). The threshold weighs two values against each other (Y.
Geifman and R. El-Yaniv, "Selective classification for deep neural networks", arXiv:1705.08500):
the *coverage*, the share of clips that are shown a label, and the *selective risk*, the share of
these labels that are wrong.
"""

from collections.abc import Mapping

import numpy as np

from train.evaluation.group_calibration import Group
from train.model.rejection import Rejection

LARGEST_ERROR = 0.3
"""Selective risk that is aimed at, the mean over corpora."""

SMALLEST_COVERAGE = 0.8
"""Coverage that every corpus retains, whatever the selective risk."""

THRESHOLDS = np.arange(100) / 100
"""What can be chosen: two digits, as a user would give them."""


def choose_rejection(groups: Mapping[str, Group], temperature: float) -> Rejection:
    """Return the lowest threshold whose error is at most ``LARGEST_ERROR``.

    Thresholds that leave less than ``SMALLEST_COVERAGE`` of any corpus are not considered. If none
    of the others has so small an error, it is the one with the smallest.

    Args:
        groups: clips of speakers set aside, by corpus; at least one.
        temperature: of the probabilities that the threshold is compared with.
    """
    rejections = [_rejection(groups, temperature, float(value)) for value in THRESHOLDS]
    allowed = [
        choice for choice in rejections if min(choice.coverage.values()) >= SMALLEST_COVERAGE
    ]
    sufficient = [choice for choice in allowed if choice.error <= LARGEST_ERROR]
    return sufficient[0] if sufficient else min(allowed, key=lambda each: each.error)


def _rejection(groups: Mapping[str, Group], temperature: float, threshold: float) -> Rejection:
    shown = {name: group.confidence(temperature) >= threshold for name, group in groups.items()}
    errors = [1 - group.is_right[shown[name]].mean() for name, group in groups.items()]
    return Rejection(
        threshold,
        float(np.mean(errors)),
        {name: float(labels.mean()) for name, labels in shown.items()},
    )
