"""The timbre of a voice: a rough measure of whether two stretches of speech have one speaker.

The embeddings of the network separate emotions, and speakers only poorly. Cepstra, the classic
features of speaker recognition, do the opposite (D. A. Reynolds and R. C. Rose, Robust
text-independent speaker identification using Gaussian mixture speaker models, IEEE Transactions on
Speech and Audio Processing 3, 1995). Here a voice is one Gaussian, and the distance of a stretch of
speech is the Mahalanobis distance of its mean cepstrum.
"""

import math
from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

COEFFICIENTS = 20
"""Cepstral coefficients, from the first: the zeroth is the level."""

QUIETEST = 2.0
"""Columns this far below the loudest of their frame, in natural logarithms, are pauses."""

SMALLEST_VARIANCE = 1e-4
"""Is added to the variance of each coefficient."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


def no_timbre() -> Float64:
    """Return the moments of no speech at all."""
    return np.zeros((COEFFICIENTS + 1, COEFFICIENTS + 1))


def moments(maps: Mapping[str, Float32]) -> Float64:
    """Return the sum of ``x xᵀ`` over the loud columns of a frame, ``x`` a 1 and its cepstrum.

    They hold count, sums and products, so the moments of two stretches of speech add up.

    Args:
        maps: the feature maps of a frame; the first, float32 ``[steps, bands]``, is used.

    Returns:
        float64, shape ``[21, 21]``.
    """
    spectrum = next(iter(maps.values())).astype(np.float64)
    level = spectrum.mean(axis=1)
    loud = spectrum[level > level.max() - QUIETEST]
    extended = np.ones((len(loud), COEFFICIENTS + 1))
    extended[:, 1:] = loud @ _cosines(spectrum.shape[1])
    product: Float64 = extended.T @ extended
    return product


def distance(speech: Float64, voice: Float64) -> float:
    """Return the Mahalanobis distance of the mean cepstrum of some speech from a voice.

    Args:
        speech: moments of what is compared.
        voice: moments of the voice; their covariance measures the distance.
    """
    mean, covariance = _gaussian(voice)
    difference = speech[0, 1:] / speech[0, 0] - mean
    covariance.flat[:: COEFFICIENTS + 1] += SMALLEST_VARIANCE
    return math.sqrt(max(float(difference @ np.linalg.solve(covariance, difference)), 0.0))


def is_possible(voice: Float64) -> bool:
    """Whether moments, finite and of the right shape, may be those of speech, or of none."""
    if not np.allclose(voice, voice.T):
        return False
    smallest = float(np.linalg.eigvalsh(voice)[0])
    return smallest >= -1e-6 * max(1.0, float(np.abs(voice).max()))


def _gaussian(voice: Float64) -> tuple[Float64, Float64]:
    mean = voice[0, 1:] / voice[0, 0]
    return mean, voice[1:, 1:] / voice[0, 0] - np.outer(mean, mean)


@cache
def _cosines(bands: int) -> Float64:
    """Return the discrete cosine transform (type II), shape ``[bands, coefficients]``."""
    band = np.arange(bands)[:, np.newaxis] + 0.5
    order = np.arange(1, COEFFICIENTS + 1)
    cosines: Float64 = np.cos(np.pi * band * order / bands) / bands
    return cosines
