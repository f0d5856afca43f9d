"""The sliding window: the last seconds of an utterance, classified from cached embeddings."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.corrections import Corrections
from realtime_ser.emotion.model import EmotionModel

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """An utterance so far, as the network alone sees it.

    Attributes:
        pooled: mean of its embeddings over frames and positions, float32 ``[channels]``.
        probabilities: before any correction, float32 ``[8]``.
    """

    pooled: Float32
    probabilities: Float32


class Window:
    """Classifies the newest embeddings of an utterance, and the utterance as a whole.

    The probabilities of a whole utterance are the mean over its full windows, so that they do not
    depend on its last seconds alone. An utterance that never fills a window has those of its last
    one.

    Args:
        model: classifies the embeddings.
        frames: length of the window.
        corrections: change the probabilities; ``None`` for none.

    Attributes:
        newest: the newest utterance that has a frame, ``None`` before the first one. Replaced as a
            whole, so that any thread may read it.
    """

    def __init__(
        self, model: EmotionModel, frames: int, corrections: Corrections | None = None
    ) -> None:
        self._model = model
        self._corrections = Corrections() if corrections is None else corrections
        self._embeddings: deque[Float32] = deque(maxlen=frames)
        self.newest: Utterance | None = None
        self.reset()

    def reset(self) -> None:
        """Begin a new utterance."""
        self._embeddings.clear()
        self._pooled_sum = np.zeros(1)
        self._frames = 0
        self._uncorrected = _UtteranceMean()
        self._corrected = _UtteranceMean()

    def clear(self) -> None:
        """Begin a new utterance, and forget the last one."""
        self.reset()
        self.newest = None

    def add(self, embedding: Float32) -> tuple[Float32, Float32]:
        """Add the embedding of a frame, float32, shape ``manifest.embedding_shape``.

        Returns:
            The probabilities of the window and those of the frame alone, float32 ``[8]`` each.
        """
        self._embeddings.append(embedding)
        frame = _pooled(embedding)
        self._pooled_sum = self._pooled_sum + frame
        self._frames += 1
        alone = self._model.classify([embedding])
        window = self._model.classify(list(self._embeddings))
        full = len(self._embeddings) == self._embeddings.maxlen
        self._uncorrected.add(window, full=full)
        if self._corrections.all:
            alone = self._corrections.apply(alone, frame)
            pooled = np.mean([_pooled(embedding) for embedding in self._embeddings], axis=0)
            window = self._corrections.apply(window, pooled)
        self._corrected.add(window, full=full)
        self.newest = Utterance(
            (self._pooled_sum / self._frames).astype(np.float32),
            np.asarray(self._uncorrected.value, np.float32),
        )
        return window, alone

    def utterance(self) -> NDArray[np.floating] | None:
        """Return the utterance's probabilities, shape ``[8]``; ``None`` before its first frame."""
        return self._corrected.value


class _UtteranceMean:
    """The mean over full windows, or the last window until there is a full one."""

    def __init__(self) -> None:
        self.value: NDArray[np.floating] | None = None
        self._sum: NDArray[np.float64] | None = None
        self._full_windows = 0

    def add(self, window: Float32, *, full: bool) -> None:
        if not full:
            self.value = window
            return
        self._sum = window + (np.zeros(len(window)) if self._sum is None else self._sum)
        self._full_windows += 1
        self.value = self._sum / self._full_windows


def _pooled(embedding: Float32) -> Float32:
    """Return an embedding's mean over its positions, float32 ``[channels]``."""
    mean: Float32 = embedding.reshape(-1, embedding.shape[-1]).mean(axis=0)
    return mean
