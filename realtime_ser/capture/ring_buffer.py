"""A ring buffer between two threads, indexed by absolute sample; new audio replaces the oldest."""

from dataclasses import dataclass
from threading import Condition
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Chunk(Generic[Scalar]):
    """The result of one read.

    Attributes:
        start: absolute index of the first sample.
        samples: a copy, shape ``[n]`` for one channel, else ``[n, channels]``.
        lost: samples per channel that were overwritten before this read: those right before
            ``start``.
    """

    start: int
    samples: NDArray[Scalar]
    lost: int


class RingBuffer(Generic[Scalar]):
    """The newest samples of a stream, for one writer thread and one reader thread.

    Both copy under a lock, which they hold only while they copy. Reading consumes samples, so a
    display must not read from this buffer.

    Args:
        capacity: largest number of samples per channel in the buffer.
        channels: number of channels.
        dtype: type of a sample.
    """

    def __init__(self, capacity: int, channels: int = 1, *, dtype: type[Scalar]) -> None:
        self.capacity = capacity
        self._samples = np.zeros(capacity if channels == 1 else (capacity, channels), dtype)
        self._changed = Condition()  # reentrant: a signal handler may close it during a read
        self._written = 0
        self._next = 0
        self._lost = 0
        self._closed = False

    @property
    def written(self) -> int:
        """Samples per channel written so far: the absolute index of the next one."""
        return self._written

    @property
    def lost(self) -> int:
        """Samples per channel overwritten before they were read, so far."""
        with self._changed:
            return self._lost + self._overwritten()

    @property
    def unread(self) -> int:
        """Samples per channel waiting to be read."""
        with self._changed:
            return self._waiting()

    @property
    def closed(self) -> bool:
        """Whether the stream has ended; unread samples can still be read."""
        return self._closed

    def write(self, block: NDArray[Scalar]) -> None:
        """Append a block, shape ``[n]`` or ``[n, channels]``, over the oldest samples if full.

        Ignored after ``close``. An empty block wakes the reader as well.
        """
        block = block.reshape(-1, *self._samples.shape[1:])
        with self._changed:
            if self._closed:
                return
            end = self._written + len(block)
            newest = block[-self.capacity :]
            begin = (end - len(newest)) % self.capacity
            until_wrap = min(len(newest), self.capacity - begin)
            self._samples[begin : begin + until_wrap] = newest[:until_wrap]
            self._samples[: len(newest) - until_wrap] = newest[until_wrap:]
            self._written = end
            self._changed.notify()

    def read(self, limit: int) -> Chunk[Scalar]:
        """Return the oldest unread samples, at most ``limit`` and perhaps none; never waits."""
        with self._changed:
            lost = self._overwritten()
            start = self._next + lost
            count = min(limit, self._waiting())
            begin = start % self.capacity
            until_wrap = min(count, self.capacity - begin)
            samples = np.concatenate(
                (self._samples[begin : begin + until_wrap], self._samples[: count - until_wrap])
            )
            self._next = start + count
            self._lost += lost
        return Chunk(start, samples, lost)

    def wait(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for samples; return whether there are any.

        Returns at once when the buffer is closed, and early when an empty block is written.
        """
        with self._changed:
            if not (self._waiting() or self._closed):
                self._changed.wait(timeout)
            return self._waiting() > 0

    def close(self) -> None:
        """Mark the end of the stream and wake the reader."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _overwritten(self) -> int:
        return max(0, self._written - self.capacity - self._next)

    def _waiting(self) -> int:
        return min(self._written - self._next, self.capacity)
