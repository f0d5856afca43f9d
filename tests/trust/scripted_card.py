"""A sound card that delivers what it is given, in blocks of any sizes, as fast as it is read."""

from collections.abc import Iterable, Iterator
from itertools import cycle

import numpy as np
import soxr
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


class ScriptedCard:
    """A live source of float32 blocks.

    Args:
        samples: shape ``[frames, channels]``.
        rate: of the samples, in hertz.
        sizes: of the blocks, in turn.
    """

    name, live, overflows, lost_frames = "scripted card", True, 0, 0
    problem: str | None = None

    def __init__(self, samples: Float32, rate: int, sizes: Iterable[int]) -> None:
        self.rate, self.channels = rate, samples.shape[1]
        self._blocks = blocks(samples, sizes)

    def read(self) -> Float32 | None:
        return next(self._blocks, None)

    def close(self) -> None:
        self._blocks = iter(())


def blocks(samples: Float32, sizes: Iterable[int]) -> Iterator[Float32]:
    """Cut samples into blocks of these sizes, in turn."""
    at = 0
    for size in cycle(sizes):
        if at >= len(samples):
            return
        yield samples[at : at + size]
        at += size


def as_card(samples: NDArray[np.int16], rate: int, channels: int) -> Float32:
    """Return 16 kHz int16 samples as a card of that rate and so many equal channels gives them."""
    mono = samples.astype(np.float32) / np.float32(32768)
    if rate != 16_000:
        mono = soxr.resample(mono, 16_000, rate)
    return np.repeat(mono[:, np.newaxis], channels, axis=1)
