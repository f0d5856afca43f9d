"""The statistics of a voice: running mean and variance of its embeddings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class VoiceStatistics:
    """Mean and variance of a voice's embeddings, before normalization. The arrays are read-only.

    Attributes:
        count: positions that they come from, weighted by their age.
        mean: of each channel, float64 ``[channels]``.
        variance: of each channel, float64 ``[channels]``.

    Raises:
        ValueError: the arrays have different lengths, a value is not finite, or the count or a
            variance is negative.
    """

    count: float
    mean: Float64
    variance: Float64

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", float(self.count))
        for name in ("mean", "variance"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        if self.mean.ndim != 1 or self.mean.shape != self.variance.shape:
            raise ValueError(
                f"mean {self.mean.shape} and variance {self.variance.shape} must be of one length"
            )
        values = np.concatenate(([self.count], self.mean, self.variance))
        if not np.isfinite(values).all():
            raise ValueError("statistics must be finite")
        if self.count < 0 or (self.variance < 0).any():
            raise ValueError("count and variance must not be negative")

    @property
    def channels(self) -> int:
        """The number of channels."""
        return len(self.mean)

    def updated(self, positions: Float64, decay: float = 1.0) -> "VoiceStatistics":
        """Return the statistics after further positions.

        The two groups are merged as in T. F. Chan, G. H. Golub and R. J. LeVeque, Algorithms for
        computing the sample variance, The American Statistician 37 (1983).

        Args:
            positions: float64, shape ``[n, channels]``, n at least 1.
            decay: factor of the weight of what was heard before, for each new position.
        """
        old, new = self.count * decay ** len(positions), float(len(positions))
        total = old + new
        share = new / total
        mean = np.add.reduce(positions) / len(positions)
        deviations = positions - mean
        variance = np.einsum("pc,pc->c", deviations, deviations)
        variance *= share / len(positions)
        variance += (1 - share) * self.variance
        difference = mean - self.mean
        variance += np.square(difference) * (share * (1 - share))
        difference *= share
        difference += self.mean
        return _unchecked(total, difference, variance)


def no_voice(channels: int) -> VoiceStatistics:
    """Return the statistics of a voice that was never heard."""
    return VoiceStatistics(0.0, np.zeros(channels), np.zeros(channels))


def _unchecked(count: float, mean: Float64, variance: Float64) -> VoiceStatistics:
    """Return statistics without the checks, which take longer than an update."""
    statistics = object.__new__(VoiceStatistics)
    for name, value in (("count", count), ("mean", mean), ("variance", variance)):
        object.__setattr__(statistics, name, value)
    mean.flags.writeable = variance.flags.writeable = False
    return statistics


def _frozen(values: ArrayLike) -> Float64:
    copy = np.array(values, np.float64)
    copy.setflags(write=False)
    return copy
