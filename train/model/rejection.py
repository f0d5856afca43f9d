"""What the threshold of ``uncertain`` does to speakers that nothing was trained on."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejection:
    """What a threshold does to clips of speakers set aside.

    Attributes:
        threshold: probability below which a label is ``uncertain``.
        error: share of the labels shown that are wrong, the mean over corpora.
        coverage: share of the clips that are shown a label, by corpus.
    """

    threshold: float
    error: float
    coverage: Mapping[str, float]
