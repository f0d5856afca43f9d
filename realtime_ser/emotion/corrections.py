"""Corrections: what a user says the last utterance was, learned as a small change of the head.

The change is kernel logistic regression on top of the network's probabilities, with strong
shrinkage (J. Zhu and T. Hastie, Kernel logistic regression and the import vector machine, 2005).
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realtime_ser.events import LABELS

MOST_CORRECTIONS = 64
"""Corrections that are used; the oldest are dropped."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """A user's word on what an utterance was. The arrays are read-only.

    Attributes:
        label: one of ``LABELS``.
        pooled: mean of the utterance's normalized embeddings over its positions, float32
            ``[channels]``.
        probabilities: those that the network gave to the utterance, float32 ``[8]``, in the order
            of ``LABELS``.

    Raises:
        ValueError: the label is none of ``LABELS``, or an array has a wrong shape or is not finite.
    """

    label: str
    pooled: Float32
    probabilities: Float32

    def __post_init__(self) -> None:
        if self.label not in LABELS:
            raise ValueError(f"{self.label!r} is not one of {', '.join(LABELS)}")
        for name in ("pooled", "probabilities"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        if self.pooled.ndim != 1 or self.probabilities.shape != (len(LABELS),):
            raise ValueError(
                f"pooled {self.pooled.shape} and probabilities {self.probabilities.shape} must be"
                f" [channels] and [{len(LABELS)}]"
            )
        if not (np.isfinite(self.pooled).all() and np.isfinite(self.probabilities).all()):
            raise ValueError("a correction's values must be finite")
        if (self.probabilities < 0).any() or not 0.99 < self.probabilities.sum() < 1.01:
            raise ValueError("a correction's probabilities must be 0 or more, and sum to 1")


class Corrections:
    """The corrections of one stream and the change that they make. Threads may call it at any time.

    Args:
        training: mean and deviation of the training voices' embeddings, ``[2, channels]``;
            ``None`` if they are unknown.
    """

    def __init__(self, training: ArrayLike | None = None) -> None:
        self._training = None if training is None else np.asarray(training, np.float64)
        self._lock = threading.Lock()
        self._corrections: tuple[Correction, ...] = ()

    @property
    def all(self) -> tuple[Correction, ...]:
        """The corrections in use, oldest first."""
        return self._corrections

    def restore(self, corrections: Sequence[Correction]) -> None:
        """Use these corrections instead of those so far; of too many, the newest."""
        with self._lock:
            self._corrections = tuple(corrections)[-MOST_CORRECTIONS:]

    def add(self, correction: Correction) -> None:
        """Use one more correction."""
        with self._lock:
            self._corrections = (*self._corrections, correction)[-MOST_CORRECTIONS:]

    def undo(self) -> Correction | None:
        """Take the newest correction back and return it; ``None`` if there is none."""
        with self._lock:
            if not self._corrections:
                return None
            *rest, newest = self._corrections
            self._corrections = tuple(rest)
        return newest

    def clear(self) -> None:
        """Take all corrections back."""
        self.restore(())

    def apply(self, probabilities: Float32, pooled: Float32) -> Float32:
        """Return a window's probabilities as the corrections change them, float32 ``[8]``.

        Args:
            probabilities: the network's, float32 ``[8]``.
            pooled: mean of the window's normalized embeddings over its positions, float32
                ``[channels]``.
        """
        return probabilities


def _frozen(values: ArrayLike) -> Float32:
    copy = np.array(values, np.float32)
    copy.setflags(write=False)
    return copy
