"""The program's one sample format: 16-bit integers, as WebRTC's detector and WAV take."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realtime_ser.errors import AudioInputError

Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]

FULL_SCALE = 32768.0
LARGEST_SAMPLE = 1.0 - 1.0 / FULL_SCALE
MOST_CHANNELS = 64
LARGEST_FLOAT = float(np.finfo(np.float32).max)


def to_int16(samples: ArrayLike) -> Int16:
    """Return samples as int16 of the same shape; floats beyond ±1, full scale, are clipped.

    Raises:
        AudioInputError: the values are neither int16 nor floats, or hold NaN or infinity.
    """
    values = np.asarray(samples)
    if values.dtype == np.int16:
        return values
    if values.dtype.kind != "f":
        raise AudioInputError(
            f"samples of type {values.dtype} are not audio", "give int16, or floats within ±1"
        )
    if not np.isfinite(values).all():
        raise AudioInputError(
            "the samples hold NaN or infinity", "repair what produced them, or cut that part out"
        )
    wide = values.astype(np.float32, copy=False) if values.dtype == np.float16 else values
    clipped = wide.clip(-1.0, LARGEST_SAMPLE)
    rounded: Int16 = np.rint(clipped * FULL_SCALE).astype(np.int16)
    return rounded


def as_block(samples: ArrayLike) -> Float32 | Int16:
    """Return samples of shape ``[n]`` or ``[n, channels]`` as int16 or float32 ``[n, channels]``.

    Raises:
        AudioInputError: the shape is another, or the values are neither int16 nor floats.
    """
    values = np.asarray(samples)
    if values.ndim == 1:
        values = values[:, np.newaxis]
    if values.ndim != 2 or not 1 <= values.shape[1] <= MOST_CHANNELS:
        raise AudioInputError(
            f"samples of shape {np.shape(samples)} are not audio",
            f"give [n] or [n, channels] with at most {MOST_CHANNELS} channels",
        )
    if values.dtype == np.int16:
        return values
    if values.dtype.kind != "f":
        raise AudioInputError(
            f"samples of type {values.dtype} are not audio", "give int16, or floats within ±1"
        )
    if values.dtype == np.float64:  # may hold what float32 cannot
        values = np.clip(values, -LARGEST_FLOAT, LARGEST_FLOAT)
    return values.astype(np.float32, copy=False)
