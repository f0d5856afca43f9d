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

LOUDEST = 8.0
"""18 dB above full scale: a mix may reach that for moments, and is clipped."""

MOST_LOUD_SAMPLES = 100
"""Samples that may be louder, or whole numbers from 2 on, before they count as integers."""

LARGEST_BYTE = 255.0

_SCALES = [
    (128.0, "8-bit integers", "divide them by 128"),
    (2.0**15, "16-bit integers", "divide them by 32768"),
    (2.0**23, "24-bit integers", "divide them by 8388608"),
    (2.0**31, "32-bit integers", "divide them by 2147483648"),
]
"""Largest value, what has it, and how to bring it to ±1."""


def to_int16(samples: ArrayLike) -> Int16:
    """Return samples as int16 of the same shape; floats a little beyond ±1 are clipped.

    Raises:
        AudioInputError: the values are neither int16 nor floats, hold NaN or infinity, or are
            integers that were made floats without being scaled.
    """
    values = _as_array(samples)
    if values.dtype == np.int16:
        return values
    if not np.isfinite(values).all():
        raise AudioInputError(
            "the samples hold NaN or infinity", "repair what produced them, or cut that part out"
        )
    watch = ScaleWatch()
    watch.look(values)
    watch.conclude()
    return quantize(values.astype(np.float32, copy=False) if values.dtype == np.float16 else values)


def quantize(values: NDArray[Any]) -> Int16:
    """Return float32 or float64 samples as int16, rounded; ``values`` are known to be finite."""
    clipped = values.clip(-1.0, LARGEST_SAMPLE)
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


class ScaleWatch:
    """Notices floats that are unscaled integers: they would be clipped to a square wave.

    Samples of one stream are counted, so that it depends on no block size whether they are noticed.
    """

    def __init__(self) -> None:
        self._suspects = 0
        self._seen = 0
        self._peak = 0.0
        self._lowest = 0.0

    def look(self, values: NDArray[Any], patience: int = 0) -> None:
        """Look at finite floats.

        Args:
            values: of any shape.
            patience: samples after which the peak tells how many bits there are: the beginning
                may be quiet.

        Raises:
            AudioInputError: they are not within ±1 at all.
        """
        self._seen += values.size
        largest, lowest = float(values.max(initial=0.0)), float(values.min(initial=0.0))
        if max(largest, -lowest) < 2.0:
            return
        self._peak = max(self._peak, largest, -lowest)
        self._lowest = min(self._lowest, lowest)
        sizes = np.abs(values)
        whole = (sizes >= 2.0) & (sizes == np.rint(sizes))
        self._suspects += int(np.count_nonzero(whole | (sizes > LOUDEST)))
        if self._seen > patience:
            self.conclude()

    @property
    def suspicious(self) -> bool:
        """Whether what was seen so far is not within ±1 at all."""
        return self._suspects >= MOST_LOUD_SAMPLES

    def conclude(self) -> None:
        """Judge what was seen so far.

        Raises:
            AudioInputError: it is not within ±1 at all.
        """
        if not self.suspicious:
            return
        problem = f"samples reach {self._peak:.7g}, and full scale is 1"
        if self._lowest >= 0 and self._peak <= LARGEST_BYTE:
            raise AudioInputError(
                f"{problem}, so they look like unsigned 8-bit integers",
                "subtract 128, then divide by 128",
            )
        for largest, integers, remedy in _SCALES:
            if self._peak <= largest:
                raise AudioInputError(f"{problem}, so they look like {integers}", remedy)
        raise AudioInputError(problem, "scale them to ±1")


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
        raise AudioInputError(f"samples of type {values.dtype} are not audio", _remedy(values))
    return values


def _remedy(values: NDArray[Any]) -> str:
    """Return how to make audio of an array of another type."""
    remedies = {
        "uint8": "convert them to float, subtract 128 and divide by 128",
        "int8": "convert them to float and divide by 128",
        "uint16": "convert them to float, subtract 32768 and divide by 32768",
        "int32": "convert them to float and divide by 2147483648",
        "int64": "convert them to float and divide by 2147483648",
    }
    remedy = remedies.get(values.dtype.name, "give int16, or floats within ±1")
    if (
        values.dtype.kind == "i"
        and values.size
        and np.abs(values.astype(float)).max() <= FULL_SCALE
    ):
        remedy = "convert them with .astype('int16')" if values.dtype.itemsize > 2 else remedy
    return remedy
