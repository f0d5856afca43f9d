"""How much less likely neutral and calm are made, so that unknown voices are not all neutral.

A network that is trained on ordinary speech, all of it neutral or calm, takes speech of corpora and
speakers that it does not know for ordinary speech. Subtracting a constant from the logits of both
labels is what a smaller prior probability does (A. Menon et al., "Long-tail learning via logit
adjustment", arXiv:2007.07314). The constant is as large as ordinary speech allows.
"""

from collections.abc import Mapping

import numpy as np

from train.evaluation.group_calibration import Group

SMALLEST_ORDINARY_SHARE = 0.9
"""Share of the ordinary speech of speakers set aside that stays neutral or calm."""

PRIORS = np.arange(0, 3.01, 0.05)
"""What can be chosen, in nats."""


def choose_prior(groups: Mapping[str, Group]) -> float:
    """Return the largest of ``PRIORS`` that leaves ordinary speech neutral or calm.

    That is, the share of clips whose likeliest label is neutral or calm, the mean over the corpora
    of ordinary speech, is at least ``SMALLEST_ORDINARY_SHARE``; 0 if no constant leaves that much.

    Args:
        groups: clips of speakers set aside, by corpus. Without ordinary speech the result is 0.
    """
    ordinary = [group for group in groups.values() if group.is_ordinary]
    if not ordinary:
        return 0.0

    def share(prior: float) -> float:
        return float(np.mean([group.less_quiet(prior).is_right.mean() for group in ordinary]))

    return float(
        max((prior for prior in PRIORS if share(prior) >= SMALLEST_ORDINARY_SHARE), default=0.0)
    )
