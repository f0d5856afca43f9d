"""The threshold of ``uncertain``: where a wrong label and no label are expected to cost the least.

A wrong label costs 1 and ``uncertain`` costs ``COST_OF_UNCERTAIN``. Among all rules that refuse
some answers, the least expected cost is that of refusing where the highest posterior probability is
below a threshold (C. K. Chow, "On optimum recognition error and reject tradeoff", IEEE Transactions
on Information Theory, 1970). With exact probabilities it would be ``1 - COST_OF_UNCERTAIN``; as
they are not exact, and corpora lack some of the labels, it is searched for on speakers that nothing
was trained on.

What a threshold does is described by two values (Y. Geifman and R. El-Yaniv, "Selective
classification for deep neural networks", arXiv:1705.08500): the *coverage*, the share of clips that
are shown a label, and the *selective risk*, here ``error``, the share of these labels that are
wrong.
"""

from collections.abc import Mapping

import numpy as np

from train.evaluation.group_calibration import Group
from train.model.rejection import Rejection

COST_OF_UNCERTAIN = 0.5
"""Relative to that of a wrong label: a label is hidden if it is more often wrong than right."""

SMALLEST_COVERAGE = 0.8
"""Coverage that every corpus retains, whatever the cost."""

THRESHOLDS = np.arange(100) / 100
"""What can be chosen: two digits, as a user would give them."""


def choose_rejection(groups: Mapping[str, Group], temperature: float) -> Rejection:
    """Return the threshold with the least mean cost over corpora.

    Thresholds that leave less than ``SMALLEST_COVERAGE`` of any corpus are not considered. Of
    several thresholds with the same cost, it is the lowest.

    Args:
        groups: clips of speakers set aside, by corpus; at least one.
        temperature: of the probabilities that the threshold is compared with.
    """
    confidences = {name: group.confidence(temperature) for name, group in groups.items()}

    def coverage(threshold: float) -> dict[str, float]:
        return {name: float((values >= threshold).mean()) for name, values in confidences.items()}

    def wrong(threshold: float) -> dict[str, float]:
        """Return the share of all clips that are shown a wrong label, by corpus."""
        return {
            name: float(((confidences[name] >= threshold) & ~group.is_right).mean())
            for name, group in groups.items()
        }

    def cost(threshold: float) -> float:
        hidden = 1 - np.mean([*coverage(threshold).values()])
        return float(np.mean([*wrong(threshold).values()]) + COST_OF_UNCERTAIN * hidden)

    allowed = [value for value in THRESHOLDS if min(coverage(value).values()) >= SMALLEST_COVERAGE]
    threshold = float(min(allowed, key=cost))
    shown, mistakes = coverage(threshold), wrong(threshold)
    errors = [mistakes[name] / share for name, share in shown.items()]
    return Rejection(threshold, float(np.mean(errors)), shown)
