"""Decimation of windows by four, for maps that end at 1100 Hz or lower."""

import functools

import numpy as np
from numpy.typing import NDArray

DECIMATION = 4
DECIMATED_BLOCK = 32
DECIMATION_SHAPE = 18.0
"""The low-pass filter has 33 taps, a Kaiser window of this shape, whose first zero lies at 2.9 kHz,
where 1100 Hz would be folded."""

Float32 = NDArray[np.float32]


@functools.cache
def low_pass() -> NDArray[np.float64]:
    """Return the filter's taps; it attenuates what would alias below 1100 Hz to 1.2e-7."""
    taps = np.kaiser(DECIMATED_BLOCK + 1, DECIMATION_SHAPE)
    normalized: NDArray[np.float64] = taps / taps.sum()
    return normalized


@functools.cache
def _decimators() -> tuple[Float32, Float32]:
    """Return the weights of 32 samples in their own eight outputs and in the next: ``[32, 8]``."""
    places = 2 * DECIMATED_BLOCK // DECIMATION
    tap = DECIMATION * np.arange(places) - np.arange(DECIMATED_BLOCK)[:, np.newaxis]
    shares = np.where((tap >= 0) & (tap <= DECIMATED_BLOCK), low_pass()[tap % len(low_pass())], 0)
    own, following = np.split(shares.astype(np.float32), 2, axis=1)
    return np.ascontiguousarray(own), np.ascontiguousarray(following)


def decimated(windows: Float32) -> Float32:
    """Return windows low-passed, every fourth sample: ``[columns, (window_samples + 32) // 4]``."""
    columns, length = len(windows), windows.shape[1] // DECIMATION
    own, following = _decimators()
    blocks = windows.reshape(columns, -1, DECIMATED_BLOCK)
    sums = np.zeros((columns, length + own.shape[1]), np.float32)
    # Column by column: each product is too small for a BLAS to use threads.
    sums[:, :length] = (blocks @ own).reshape(columns, length)
    sums[:, own.shape[1] :] += (blocks @ following).reshape(columns, length)
    return sums
