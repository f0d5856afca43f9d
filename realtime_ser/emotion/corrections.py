"""Corrections: what a user says the last utterance was, learned as a small change of the head.

The change is kernel logistic regression with the network's log-probabilities as an offset (J. Zhu
and T. Hastie, Kernel logistic regression and the import vector machine, Journal of Computational
and Graphical Statistics 14, 2005). With corrections ``i``, their labels ``y`` as rows of the
identity, and ``z`` for embeddings standardized by the training voices::

    probabilities(x) = softmax(log network(x) + sum_i weights_i * kernel(x_i, x))
    weights_i        = (y_i - probabilities(x_i)) / (shrinkage * corrections of the same label)
    kernel(a, b)     = similarity * max(0, cosine(z_a, z_b)) ** 2

A correction that agrees with the probabilities has hardly any weight, the weights of one label
together do not exceed ``1 / shrinkage``, however many there are, and corrections that contradict
each other cancel out.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realtime_ser.events import LABELS

MOST_CORRECTIONS = 64
"""Corrections that are used; the oldest are dropped."""

ITERATIONS = 200
"""Steps to find the weights."""

SMALLEST = 1e-6
"""Replaces a probability or a length of 0."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CorrectionSettings:
    """How far corrections change the head.

    Attributes:
        shrinkage: of the weights; the larger, the less a correction changes.
        similarity: the kernel of two utterances that are alike.
    """

    shrinkage: float = 1.0
    similarity: float = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """What a user says an utterance was. The arrays are read-only.

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
        settings: how far corrections change the head.
    """

    def __init__(
        self, training: ArrayLike | None = None, settings: CorrectionSettings | None = None
    ) -> None:
        self.settings = settings or CorrectionSettings()
        self._training = None if training is None else np.asarray(training, np.float64)
        self._lock = threading.Lock()
        self._restored: tuple[Correction, ...] = ()
        self._change = _Change((), np.zeros((0, 0)), np.zeros((0, len(LABELS))))

    @property
    def all(self) -> tuple[Correction, ...]:
        """The corrections in use, oldest first."""
        return self._change.corrections

    def restore(self, corrections: Sequence[Correction]) -> None:
        """Use these corrections instead of those so far; of too many, the newest."""
        with self._lock:
            self._restored = tuple(corrections)[-MOST_CORRECTIONS:]
            self._change = self._learned(self._restored)

    def add(self, correction: Correction) -> None:
        """Use one more correction."""
        with self._lock:
            corrections = (*self.all, correction)[-MOST_CORRECTIONS:]
            self._change = self._learned(corrections)

    def undo(self) -> Correction | None:
        """Take the newest correction back and return it; ``None`` if there is none."""
        with self._lock:
            if not self.all:
                return None
            *rest, newest = self.all
            self._change = self._learned(tuple(rest))
        return newest

    def clear(self) -> None:
        """Go back to the corrections that ``restore`` gave, or to none."""
        self.restore(self._restored)

    def apply(self, probabilities: Float32, pooled: Float32) -> Float32:
        """Return a window's probabilities as the corrections change them, float32 ``[8]``.

        Args:
            probabilities: the network's, float32 ``[8]``.
            pooled: mean of the window's normalized embeddings over its positions, float32
                ``[channels]``.
        """
        change = self._change
        if not change.corrections:
            return probabilities
        kernel = self._kernel(self._directions(pooled[np.newaxis]), change.directions)
        changed = _softmax(_log(probabilities) + kernel[0] @ change.weights)
        return changed.astype(np.float32)

    def _learned(self, corrections: tuple[Correction, ...]) -> "_Change":
        """Return the change that all given corrections make."""
        if not corrections:
            return _Change((), np.zeros((0, 0)), np.zeros((0, len(LABELS))))
        directions = self._directions(np.stack([correction.pooled for correction in corrections]))
        kernel = self._kernel(directions, directions)
        offsets = _log(np.stack([correction.probabilities for correction in corrections]))
        labels = [LABELS.index(correction.label) for correction in corrections]
        wanted = np.eye(len(LABELS))[labels]
        shrinkage = self.settings.shrinkage * np.bincount(labels)[labels, np.newaxis]
        # A damped fixed-point iteration. The softmax changes by at most half of what its inputs
        # change by, so a step that is small against the kernel's norm always converges.
        step = 1 / (1 + kernel.sum(axis=1).max() / (2 * self.settings.shrinkage))
        weights = np.zeros_like(wanted)
        for _ in range(ITERATIONS):
            residual = (wanted - _softmax(offsets + kernel @ weights)) / shrinkage
            weights += step * (residual - weights)
        return _Change(corrections, directions, weights)

    def _kernel(self, some: Float64, others: Float64) -> Float64:
        kernel: Float64 = self.settings.similarity * np.square(np.maximum(0.0, some @ others.T))
        return kernel

    def _directions(self, pooled: Float32) -> Float64:
        """Return standardized embeddings, ``[n, channels]``, scaled to length 1."""
        values = pooled.astype(np.float64)
        if self._training is not None:
            mean, deviation = self._training
            values = (values - mean) / deviation
        lengths = np.linalg.norm(values, axis=1, keepdims=True)
        directions: Float64 = values / np.maximum(lengths, SMALLEST)
        return directions


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """What some corrections change: directions ``[n, channels]`` and weights ``[n, 8]``."""

    corrections: tuple[Correction, ...]
    directions: Float64
    weights: Float64


def _log(probabilities: Float32) -> Float64:
    logarithms: Float64 = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST))
    return logarithms


def _softmax(logits: Float64) -> Float64:
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    normalized: Float64 = shares / shares.sum(axis=-1, keepdims=True)
    return normalized


def _frozen(values: ArrayLike) -> Float32:
    copy = np.array(values, np.float32)
    copy.setflags(write=False)
    return copy
