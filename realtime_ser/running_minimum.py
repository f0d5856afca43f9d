"""The smallest or largest of the last values of a sequence, in constant time for each value."""

from collections import deque


class RunningMinimum:
    """The smallest of the last ``length`` values.

    Holds only the values that can still become the smallest, in rising order, each with its index.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._candidates: deque[tuple[int, float]] = deque()
        self._next = 0

    def add(self, value: float) -> float:
        """Take the next value, and return the smallest of the last ``length``."""
        candidates = self._candidates
        while candidates and candidates[-1][1] >= value:
            candidates.pop()
        candidates.append((self._next, value))
        self._next += 1
        if candidates[0][0] < self._next - self._length:
            candidates.popleft()
        return candidates[0][1]


class RunningMaximum:
    """The largest of the last ``length`` values."""

    def __init__(self, length: int) -> None:
        self._negative = RunningMinimum(length)

    def add(self, value: float) -> float:
        """Take the next value, and return the largest of the last ``length``."""
        return -self._negative.add(-value)
