"""From blocks of any rate and channel count to 16 kHz mono int16."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.capture.mixdown import Mixdown
from realtime_ser.errors import AudioInputError
from realtime_ser.fork_safety import import_native
from realtime_ser.samples import ScaleWatch, quantize
from realtime_ser.settings import SAMPLE_RATE

LOWEST_RATE = 4_000
HIGHEST_RATE = 384_000
"""Rates that are resampled, in hertz: below there is no speech left, above no sound card."""

PATIENCE_SECONDS = 3
"""Seconds of samples beyond ±1 that are gathered before the error says what they look like."""

Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]

_NOTHING: Int16 = np.empty(0, np.int16)


class Resampler:
    """Mixes the channels of one stream, and converts it to 16 kHz.

    The output depends on the samples alone, not on how they are split into blocks. 16 kHz mono
    int16 passes unchanged. soxr's high quality takes no longer than its
    lower ones: nothing is lost up to 7.2 kHz, 0.5 dB at 7.5 kHz, and what lies above 8.1 kHz is
    folded at -130 dB or less, below the -98 dB of 16-bit rounding. Its output comes in pieces, 21
    ms late on average.

    Args:
        rate: of the blocks, in hertz.
        channels: of the blocks.
        channel: which to use, from 1; ``mix`` for their mean, ``auto`` for the mean unless it
            loses a voice.
        name: of the source, for errors and the log.

    Raises:
        AudioInputError: the rate lies outside 4 to 384 kHz, or there is no such channel.
    """

    def __init__(
        self, rate: int, channels: int, channel: int | str = "auto", name: str = ""
    ) -> None:
        check_rate(rate)
        self._rate = rate
        self._channels = channels
        self._prefix = f"{name}: " if name else ""
        self._frames = 0
        self._returned = 0
        self._lag = math.inf
        self._waiting: list[Float32 | Int16] = []
        self._scale = ScaleWatch()
        self._mixdown = Mixdown(rate, channels, channel, name or "the input")
        self._stream = None
        if rate != SAMPLE_RATE:
            soxr = import_native("soxr")
            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def process(self, block: Float32 | Int16, wanted: int = 0) -> Int16:
        """Take the next samples and return what they complete, shape ``[n]``.

        Args:
            block: shape ``[frames, channels]``, or ``[frames]`` for one channel; floats have full
                scale at ±1 and are clipped there.
            wanted: samples that the caller needs before it can do anything, such as
                ``Pipeline.samples_wanted``. Blocks are gathered until they can give that many
                samples: one long block takes far less time than many short ones.

        Raises:
            AudioInputError: the samples hold NaN or infinity, or are integers that were made floats
                without being scaled.
        """
        block = block.reshape(-1, self._channels)
        if block.dtype.kind == "f" and not math.isfinite(np.vdot(block, block)):
            self._check_finite(block)  # or their squares overflowed
        self._frames += len(block)
        possible = self._frames * SAMPLE_RATE / self._rate - self._returned
        if possible - (self._lag if self._returned else 0) < wanted:
            self._waiting.append(block.copy())  # the caller may reuse its buffer
            return _NOTHING
        blocks, self._waiting = [*self._waiting, block], []
        samples = self._convert(blocks)
        self._returned += len(samples)
        self._lag = min(self._lag, possible - len(samples))  # soxr's, and of incomplete frames
        return samples

    def flush(self) -> Int16:
        """End the stream and return its last samples, shape ``[n]``.

        The next block starts a new stream.

        Raises:
            AudioInputError: the samples were integers that were made floats without being scaled.
        """
        blocks, self._waiting = self._waiting, []
        converted = self._convert(blocks)
        with self._named():
            self._scale.conclude()
        self._frames = self._returned = 0
        rest = self._mixdown.flush()
        if self._stream is not None:
            rest = self._stream.resample_chunk(rest, last=True)
            self._stream.clear()
        return np.concatenate((converted, quantize(rest)))

    def _convert(self, blocks: list[Float32 | Int16]) -> Int16:
        """Mix and resample blocks, a second at a time to bound the memory."""
        if not blocks:
            return _NOTHING
        whole: Any = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        joined = self._scaled(whole)
        if len(joined) <= self._rate:
            return self._resample(joined)
        starts = range(0, len(joined), self._rate)
        return np.concatenate(
            [self._resample(joined[start : start + self._rate]) for start in starts]
        )

    def _resample(self, block: Float32 | Int16) -> Int16:
        if self._stream is None and self._channels == 1 and block.dtype == np.int16:
            return block[:, 0].astype(np.int16)  # a copy: the caller may reuse its buffer
        mono = self._mixdown.process(block)
        return quantize(mono if self._stream is None else self._stream.resample_chunk(mono))

    def _scaled(self, block: Float32 | Int16) -> Float32 | Int16:
        """Return a block, or silence while its samples look like unscaled integers."""
        if block.dtype.kind != "f":
            return block
        with self._named():
            self._scale.look(block, patience=PATIENCE_SECONDS * self._rate * self._channels)
        return np.zeros_like(block) if self._scale.suspicious else block  # the peak will tell

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Add the name of the source to an error."""
        try:
            yield
        except AudioInputError as error:
            raise AudioInputError(f"{self._prefix}{error.problem}", error.remedy) from None

    def _check_finite(self, block: Float32 | Int16) -> None:
        finite = np.isfinite(block)
        if not finite.all():
            unusable = ~finite.all(axis=1)
            second = (self._frames + int(unusable.argmax())) / self._rate
            raise AudioInputError(
                f"{self._prefix}samples hold NaN or infinity at about {second:.2f} s",
                "repair what produced them, or cut that part out",
            )


def check_rate(rate: int) -> None:
    """Raise an ``AudioInputError`` for a rate, in hertz, outside 4 to 384 kHz."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioInputError(
            f"unsupported rate of {rate} Hz",
            f"convert the audio to a rate from {LOWEST_RATE} to {HIGHEST_RATE} Hz",
        )
