"""The program's one sample format: 16-bit integers, as WebRTC's detector and WAV take."""

from typing import Any

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
    values = _as_array(samples)
    if values.dtype == np.int16:
        return values
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
    values = _as_array(samples)
    shape = values.shape
    if values.ndim == 1:
        values = values[:, np.newaxis]
    if values.ndim != 2 or not 1 <= values.shape[1] <= MOST_CHANNELS:
        raise AudioInputError(
            f"samples of shape {shape} are not audio",
            f"give [n] or [n, channels] with at most {MOST_CHANNELS} channels",
        )
    if values.dtype == np.int16:
        return values
    if values.dtype.itemsize > 4:  # may hold what float32 cannot
        values = np.clip(values, -LARGEST_FLOAT, LARGEST_FLOAT)
    return values.astype(np.float32, copy=False)


def _as_array(samples: ArrayLike) -> NDArray[Any]:
    """Return samples as an array of int16 in this machine's byte order, or of floats.

    Raises:
        AudioInputError: they cannot be made an array, or are neither.
    """
    if isinstance(samples, (str, bytes, bytearray)):
        raise AudioInputError(
            f"samples of type {type(samples).__name__} are not audio",
            "give an array, as numpy.frombuffer(data, numpy.int16) makes one of raw samples",
        )
    try:
        values = np.asarray(samples)
    except Exception as error:  # foreign types may raise anything
        raise AudioInputError(
            "the samples cannot be made an array, as lists of unequal length cannot",
            "give one array of shape [n] or [n, channels]",
        ) from error
    if values.dtype.kind == "i" and values.dtype.itemsize == 2:
        return values.astype(np.int16, copy=False)
    if values.dtype.kind != "f":
        raise AudioInputError(
            f"samples of type {values.dtype} are not audio", "give int16, or floats within ±1"
        )
    return values
