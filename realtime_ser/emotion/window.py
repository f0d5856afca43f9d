"""The sliding window: the last seconds of an utterance, classified from cached embeddings."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.model import EmotionModel

Float32 = NDArray[np.float32]


class Window:
    """Classifies the newest embeddings of an utterance, and the utterance as a whole.

    The probabilities of a whole utterance are the mean over its full windows, so that they do not
    depend on its last seconds alone. An utterance that never fills a window has those of its last
    one.

    Args:
        model: classifies the embeddings.
        frames: length of the window.
    """

    def __init__(self, model: EmotionModel, frames: int) -> None:
        self._model = model
        self._embeddings: deque[Float32] = deque(maxlen=frames)
        self.reset()

    def reset(self) -> None:
        """Begin a new utterance."""
        self._embeddings.clear()
        self._sum = np.zeros(len(self._model.manifest.labels))
        self._full_windows = 0
        self._newest: Float32 | None = None

    def add(self, embedding: Float32) -> tuple[Float32, Float32]:
        """Add the embedding of a frame, float32, shape ``manifest.embedding_shape``.

        Returns:
            The probabilities of the window and those of the frame alone, float32 ``[8]`` each.
        """
        self._embeddings.append(embedding)
        alone = self._model.classify([embedding])
        window = self._model.classify(list(self._embeddings))
        self._newest = window
        if len(self._embeddings) == self._embeddings.maxlen:
            self._sum += window
            self._full_windows += 1
        return window, alone

    def utterance(self) -> NDArray[np.floating] | None:
        """Return the utterance's probabilities, shape ``[8]``; ``None`` before its first frame."""
        return self._sum / self._full_windows if self._full_windows else self._newest
