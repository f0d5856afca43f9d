"""Removal of a sound card's constant offset, before anything measures the signal."""

import numpy as np
from numpy.typing import NDArray

WINDOW_SAMPLES = 1024
"""Samples whose mean is subtracted: 64 ms. As a high-pass filter this has its -3 dB point near 7 Hz
and changes nothing above 80 Hz by more than 0.6 dB."""

Int16 = NDArray[np.int16]


class OffsetFilter:
    """Subtracts the mean of the last 64 ms from each sample.

    The filter is causal and computes in integers, so its output depends neither on how the samples
    are split into blocks nor, below clipping, on a constant added to all of them. At the start of a
    stream the mean covers the samples so far.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start a new stream."""
        self._recent: NDArray[np.int64] = np.empty(0, np.int64)

    def process(self, samples: Int16) -> Int16:
        """Filter the next samples, shape ``[n]``; returns the same shape, clipped to int16."""
        joined = np.concatenate((self._recent, samples.astype(np.int64)))
        sums = np.concatenate(([0], np.cumsum(joined)))
        ends = np.arange(len(self._recent) + 1, len(joined) + 1)
        counts = np.minimum(ends, WINDOW_SAMPLES)
        doubled = 2 * (sums[ends] - sums[ends - counts])
        means = (doubled + counts) // (2 * counts)  # rounded, also below zero
        self._recent = joined[-WINDOW_SAMPLES:]
        limits = np.iinfo(np.int16)
        filtered: Int16 = np.clip(samples - means, limits.min, limits.max).astype(np.int16)
        return filtered
