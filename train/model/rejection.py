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

    def __str__(self) -> str:
        shares = ", ".join(f"{share:.2f} in {name}" for name, share in self.coverage.items())
        return (
            f"uncertain below {self.threshold:g}: {self.error:.2f} of the labels shown for speakers"
            f" set aside are wrong; share of clips with a label: {shares}"
        )
