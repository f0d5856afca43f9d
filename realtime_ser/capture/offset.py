"""Removes a constant offset, which cheap and digital microphones add: an offset is not sound.

The offset is estimated from the means of 30 ms frames, each weighted by the inverse of its
variance: silence shows the offset, while a voice moves the mean about. Offsets as small as those of
ordinary sound cards are left alone, so that such audio passes bit for bit.
"""

import math

import numpy as np
from numpy.typing import NDArray

FRAME_SECONDS = 0.03
"""The speech gate's frame."""

SMALLEST_OFFSET = 0.002
"""Share of full scale up to which an offset is left alone."""

CERTAINTY = 6.0
"""Standard errors of the estimate by which an offset is told from the swing of a voice."""

MEMORY_FRAMES = 100
"""Frames after which an estimate has lost two thirds of its weight: three seconds."""

STEP = 1 / 32768
"""A step of 16 bits; its square is added to each variance, for there is nothing below it."""

Float32 = NDArray[np.float32]


class OffsetRemover:
    """Removes the offset of one channel; the result depends on the samples alone.

    Whole frames of 30 ms come out; ``flush`` gives the rest.

    Args:
        rate: of the samples, in hertz.
    """

    def __init__(self, rate: int) -> None:
        self._frame = max(1, round(rate * FRAME_SECONDS))
        self._pending: Float32 = np.empty(0, np.float32)
        self._restart()

    def process(self, samples: Float32) -> Float32:
        """Return the next samples without their offset, shape ``[n]``."""
        pending = np.concatenate((self._pending, samples))
        whole = len(pending) - len(pending) % self._frame
        self._pending = pending[whole:]
        frames = pending[:whole].reshape(-1, self._frame)
        wide = frames.astype(np.float64)
        for frame, mean, variance in zip(
            frames, wide.mean(axis=1).tolist(), wide.var(axis=1).tolist(), strict=True
        ):
            self._clean(frame, mean, variance)
        return pending[:whole]

    def flush(self) -> Float32:
        """Return what is left, shape ``[n]``; the next samples start anew."""
        rest, self._pending = self._pending, np.empty(0, np.float32)
        if self._removed is not None:
            rest = rest - np.float32(self._removed)
        self._restart()
        return rest

    def _restart(self) -> None:
        self._weighted = self._weights = 0.0
        self._frames = 0
        self._removed: float | None = None

    def _clean(self, frame: Float32, mean: float, variance: float) -> None:
        """Estimate the offset, and remove it from a frame in place."""
        forgetting = math.exp(-1 / MEMORY_FRAMES)
        weight = 1 / (variance + STEP**2)
        self._weighted = forgetting * self._weighted + weight * mean
        self._weights = forgetting * self._weights + weight
        self._frames += 1
        offset = self._weighted / self._weights
        certain = abs(offset) > max(SMALLEST_OFFSET, CERTAINTY / math.sqrt(self._weights))
        if self._removed is None and not certain:
            return
        before = offset if self._frames == 1 else self._removed or 0.0
        self._removed = offset
        frame -= np.linspace(before, offset, len(frame), endpoint=False, dtype=np.float32)
        np.clip(frame, -1, 1, out=frame)
