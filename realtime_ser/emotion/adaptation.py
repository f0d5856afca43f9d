"""Adaptation to a voice: embeddings are brought to the training voices' mean and deviation.

Every channel of an embedding is normalized before it enters the window::

    (embedding - mean) * ratio + training_mean

``mean`` and the ratio of the deviations come from the voice's statistics so far, mixed with those
of the training voices as if these had been heard for a while (the prior). The statistics outlive
the utterance. They need no labels, and depend on nothing but the embeddings in their order, so the
same audio gives the same result in blocks of any size.
"""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AdaptationSettings:
    """How a voice's statistics are gathered and used.

    Attributes:
        prior: positions that the training voices count for in the mixture. A frame has as many
            positions as its embedding has rows.
        decay: factor of the weight of what was heard, per position; 1 never forgets.
        largest_ratio: the training deviation divided by the voice's is limited to the range from
            ``1 / largest_ratio`` to ``largest_ratio``.
    """

    prior: float = 100.0
    decay: float = 0.998
    largest_ratio: float = 1.25


@dataclass(frozen=True, slots=True, eq=False)
class VoiceStatistics:
    """Mean and variance of a voice's embeddings, before normalization. The arrays are read-only.

    Attributes:
        count: positions that they come from, weighted by their age.
        mean: of each channel, float64 ``[channels]``.
        variance: of each channel, float64 ``[channels]``.

    Raises:
        ValueError: the arrays are not of one length, or a value is not finite or negative where it
            must not be.
    """

    count: float
    mean: Float64
    variance: Float64

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", float(self.count))
        for name in ("mean", "variance"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        if self.mean.ndim != 1 or self.mean.shape != self.variance.shape:
            raise ValueError(
                f"mean {self.mean.shape} and variance {self.variance.shape} must be of one length"
            )
        values = np.concatenate(([self.count], self.mean, self.variance))
        if not np.isfinite(values).all():
            raise ValueError("statistics must be finite")
        if self.count < 0 or (self.variance < 0).any():
            raise ValueError("count and variance must not be negative")

    @property
    def channels(self) -> int:
        """The number of channels."""
        return len(self.mean)

    def updated(self, positions: Float32, decay: float) -> "VoiceStatistics":
        """Return the statistics after further positions, ``[n, channels]``, n at least 1.

        Two groups are joined as by T. F. Chan, G. H. Golub and R. J. LeVeque, Algorithms for
        computing the sample variance, The American Statistician 37 (1983).
        """
        values = positions.astype(np.float64)
        new = len(values)
        old = self.count * decay**new
        total = old + new
        mean = values.mean(axis=0)
        difference = mean - self.mean
        squares = np.square(values - mean).sum(axis=0)
        squares += old * self.variance + np.square(difference) * (old * new / total)
        return VoiceStatistics(total, self.mean + difference * (new / total), squares / total)


def no_voice(channels: int) -> VoiceStatistics:
    """Return the statistics of a voice that was never heard."""
    return VoiceStatistics(0.0, np.zeros(channels), np.zeros(channels))


class Adaptation:
    """The voice of one stream. Threads may call it at any time.

    Args:
        training: mean and deviation of the training voices' embeddings, ``[2, channels]``;
            deviations above 0.
        settings: how to adapt.
    """

    def __init__(self, training: ArrayLike, settings: AdaptationSettings | None = None) -> None:
        self.settings = settings or AdaptationSettings()
        self._training_mean, self._training_deviation = np.asarray(training, np.float64)
        self._lock = threading.Lock()
        self._restored = self._voice = no_voice(len(self._training_mean))

    @property
    def statistics(self) -> VoiceStatistics:
        """What was heard of the voice so far."""
        return self._voice

    @property
    def share(self) -> float:
        """The share that the voice itself has in the statistics it is normalized by, 0 to 1."""
        return self._voice.count / (self._voice.count + self.settings.prior)

    def restore(self, statistics: VoiceStatistics) -> None:
        """Continue with the statistics of a voice that was heard before.

        Raises:
            ValueError: they have another number of channels.
        """
        if statistics.channels != len(self._training_mean):
            raise ValueError(
                f"statistics of {statistics.channels} channels, not {len(self._training_mean)}"
            )
        with self._lock:
            self._restored = self._voice = statistics

    def clear(self) -> None:
        """Forget what was heard since ``restore``, or altogether if that was never called."""
        self.restore(self._restored)

    def normalize(self, embedding: Float32) -> Float32:
        """Take a frame's embedding into the statistics, and return it normalized.

        Args:
            embedding: float32, shape ``[..., channels]``.
        """
        with self._lock:
            positions = embedding.reshape(-1, embedding.shape[-1])
            voice = self._voice = self._voice.updated(positions, self.settings.decay)
        mean, deviation = self._mixture(voice)
        largest = self.settings.largest_ratio
        ratio = np.clip(self._training_deviation / deviation, 1 / largest, largest)
        normalized: Float32 = ((embedding - mean) * ratio + self._training_mean).astype(np.float32)
        return normalized

    def _mixture(self, voice: VoiceStatistics) -> tuple[Float64, Float64]:
        """Return mean and deviation of the voice's positions and the prior's together."""
        share = voice.count / (voice.count + self.settings.prior)
        difference = voice.mean - self._training_mean
        variance = share * voice.variance + (1 - share) * np.square(self._training_deviation)
        variance += share * (1 - share) * np.square(difference)
        return self._training_mean + share * difference, np.sqrt(variance)


def _frozen(values: ArrayLike) -> Float64:
    copy = np.array(values, np.float64)
    copy.setflags(write=False)
    return copy
