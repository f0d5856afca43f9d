"""Removal of a sound card's constant offset, before anything measures the signal."""

import numpy as np
from numpy.typing import NDArray

WINDOW_SAMPLES = 1024
"""Samples whose mean is subtracted: 64 ms. As a high-pass filter this has its -3 dB point near 7 Hz
and changes nothing above 80 Hz by more than 0.6 dB."""

_LIMITS = np.int32(-32768), np.int32(32767)

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
        self._sums = np.zeros(1, np.int32)

    def process(self, samples: Int16) -> Int16:
        """Filter the next samples, shape ``[n]``; returns the same shape, clipped to int16."""
        known = len(self._sums)
        # Sums of all samples so far. They may wrap, but differences over a window do not.
        sums = np.empty(known + len(samples), np.int32)
        sums[:known] = self._sums
        np.cumsum(samples, dtype=np.int32, out=sums[known:])
        sums[known:] += self._sums[-1]
        self._sums = sums[-WINDOW_SAMPLES:].copy()
        means = _means(sums, known)
        filtered: Int16 = np.clip(samples - means, *_LIMITS).astype(np.int16)
        return filtered


def _means(sums: NDArray[np.int32], known: int) -> NDArray[np.int32]:
    """Return the rounded mean of the window that ends with each new sample.

    Args:
        sums: running sums; those of the last ``WINDOW_SAMPLES`` samples before the first new one,
            or, at the start of a stream, a zero and those of all samples before it.
        known: how many of them are from before the first new sample.
    """
    first_full = max(0, WINDOW_SAMPLES - known)  # new sample at which the window is full
    full = sums[known + first_full :] - sums[known + first_full - WINDOW_SAMPLES : -WINDOW_SAMPLES]
    full += WINDOW_SAMPLES // 2
    full >>= WINDOW_SAMPLES.bit_length() - 1  # rounds down, also below zero
    if not first_full:
        return full
    partial = sums[known : known + first_full]
    counts = np.arange(known, known + len(partial), dtype=np.int32)
    return np.concatenate(((2 * partial + counts) // (2 * counts), full))
