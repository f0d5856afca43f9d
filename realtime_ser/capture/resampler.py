"""From blocks of any rate and channel count to 16 kHz mono int16."""

import numpy as np
from numpy.typing import NDArray

from realtime_ser.errors import AudioInputError
from realtime_ser.fork_safety import import_native
from realtime_ser.samples import FULL_SCALE, to_int16
from realtime_ser.settings import SAMPLE_RATE

LOWEST_RATE = 4_000
HIGHEST_RATE = 384_000
"""Rates that are resampled, in hertz: below there is no speech left, above no sound card."""

Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]


class Resampler:
    """Averages the channels of one stream and brings it to 16 kHz.

    What comes out depends on the samples alone, not on how they are split into blocks. 16 kHz mono
    int16 passes unchanged. soxr's high quality takes no longer than its lower ones: nothing is lost
    up to 7.2 kHz, 0.5 dB at 7.5 kHz, and what lies above 8.1 kHz is folded at -130 dB or less,
    below the -98 dB of 16-bit rounding. It hands its output over in pieces, 21 ms late on average.

    Args:
        rate: of the blocks, in hertz.
        channels: of the blocks.

    Raises:
        AudioInputError: the rate lies outside 4 to 384 kHz.
    """

    def __init__(self, rate: int, channels: int) -> None:
        check_rate(rate)
        self._rate = rate
        self._channels = channels
        self._frames = 0
        self._stream = None
        if rate != SAMPLE_RATE:
            soxr = import_native("soxr")
            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def process(self, block: Float32 | Int16) -> Int16:
        """Take the next samples and return what they complete, shape ``[n]``.

        Args:
            block: shape ``[frames, channels]``, or ``[frames]`` for one channel; floats have full
                scale at ±1 and are clipped there.

        Raises:
            AudioInputError: the samples hold NaN or infinity.
        """
        block = block.reshape(-1, self._channels)
        if block.dtype.kind == "f":
            self._check_finite(block)
        self._frames += len(block)
        if block.dtype == np.int16 and self._channels == 1 and self._stream is None:
            return to_int16(block[:, 0])
        mono = _mono(block)
        return to_int16(mono if self._stream is None else self._stream.resample_chunk(mono))

    def flush(self) -> Int16:
        """End the stream and return the last samples, shape ``[n]``; the next block starts anew."""
        self._frames = 0
        if self._stream is None:
            return np.empty(0, np.int16)
        rest = self._stream.resample_chunk(np.empty(0, np.float32), last=True)
        self._stream.clear()
        return to_int16(rest)

    def _check_finite(self, block: Float32 | Int16) -> None:
        finite = np.isfinite(block)
        if not finite.all():
            unusable = ~finite.all(axis=1)
            second = (self._frames + int(unusable.argmax())) / self._rate
            raise AudioInputError(
                f"samples hold NaN or infinity at about {second:.2f} s",
                "repair what produced them, or cut that part out",
            )


def check_rate(rate: int) -> None:
    """Raise an ``AudioInputError`` for a rate, in hertz, outside 4 to 384 kHz."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioInputError(
            f"unsupported rate of {rate} Hz",
            f"convert the audio to a rate from {LOWEST_RATE} to {HIGHEST_RATE} Hz",
        )


def _mono(block: Float32 | Int16) -> Float32:
    """Return the mean of the channels, shape ``[frames]``, full scale at ±1.

    Summed channel by channel: NumPy's own sum over an axis rounds differently for different block
    sizes. Clipped first, so that no value, however absurd, overflows in the resampler.
    """
    if block.dtype == np.int16:
        block = block * np.float32(1 / FULL_SCALE)
    clipped: Float32 = block.clip(np.float32(-1), np.float32(1))
    total = clipped[:, 0].copy()
    for channel in range(1, clipped.shape[1]):
        total += clipped[:, channel]
    total /= np.float32(clipped.shape[1])
    return total
