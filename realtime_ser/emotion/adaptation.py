"""Adaptation to a voice: embeddings are moved toward the training voices' mean and deviation.

Every channel of an embedding is normalized before it enters the window::

    (embedding - mean) * ratio + training_mean

``mean`` and the ratio of the deviations come from the voice's statistics so far, mixed with those
of the training voices as if these had been heard for a while before (the prior). The statistics
outlive the utterance. They need no labels and depend only on the sequence of embeddings, so the
same audio gives the same result in blocks of any size.

A mood that lasts for minutes cannot be told from a property of the voice. So the mean is followed
only in part, and the ratio is limited; ``docs/adaptation.md`` compares other choices.
"""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realtime_ser.emotion.voice import VoiceStatistics, no_voice

__all__ = ["Adaptation", "AdaptationSettings", "VoiceStatistics", "no_voice"]

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AdaptationSettings:
    """How a voice's statistics are gathered and used.

    Attributes:
        prior: positions that the training voices count for in the mixture. A frame has as many
            positions as its embedding has rows.
        decay: weight of a position, per later position; 1 never forgets.
        mean_strength: how far the mixture's mean is followed, from 0 to 1.
        largest_ratio: the training deviation divided by the voice's is limited to the range from
            ``1 / largest_ratio`` to ``largest_ratio``.
        profile_decay: the same once ``restore`` was called, as with a profile.
    """

    prior: float = 300.0
    decay: float = 0.998
    mean_strength: float = 0.5
    largest_ratio: float = 1.25
    profile_decay: float = 0.9998


SMALLEST = 1e-9
"""Smaller deviations are replaced by this before a division."""


class Adaptation:
    """The voice of one stream. Threads may call it at any time.

    Args:
        training: mean and deviation of the training voices' embeddings, ``[2, channels]``;
            deviations above 0.
        settings: how to adapt.
    """

    def __init__(self, training: ArrayLike, settings: AdaptationSettings | None = None) -> None:
        self.settings = settings or AdaptationSettings()
        self._training_mean, deviation = np.asarray(training, np.float64)
        # Both deviations may be 0 in a channel that is always the same.
        self._training_deviation = np.maximum(deviation, SMALLEST)
        self._training_variance = np.square(self._training_deviation)
        self._lock = threading.Lock()
        self._voice = no_voice(len(self._training_mean))
        self._restored: VoiceStatistics | None = None

    @property
    def statistics(self) -> VoiceStatistics:
        """What was heard of the voice so far."""
        return self._voice

    @property
    def share(self) -> float:
        """The share that the voice itself has in the statistics it is normalized by, 0 to 1."""
        voice = self._voice
        return voice.count / (voice.count + self.settings.prior)

    def restore(self, statistics: VoiceStatistics) -> None:
        """Continue with the statistics of a voice that was heard before, or with empty ones.

        From now on they decay by ``profile_decay``, which is slower.

        Raises:
            ValueError: the statistics have another number of channels.
        """
        channels = len(self._training_mean)
        if statistics.channels != channels:
            raise ValueError(f"statistics of {statistics.channels} channels, not {channels}")
        with self._lock:
            self._restored = self._voice = statistics

    def clear(self) -> None:
        """Forget what was heard since ``restore``, or everything if that was never called."""
        with self._lock:
            nothing = no_voice(len(self._training_mean))
            self._voice = nothing if self._restored is None else self._restored

    def normalize(self, embedding: Float32) -> Float32:
        """Add a frame's embedding to the statistics, and return it normalized.

        Args:
            embedding: float32, shape ``[..., channels]``.
        """
        positions = embedding.reshape(-1, embedding.shape[-1]).astype(np.float64)
        settings = self.settings
        with self._lock:
            decay = settings.decay if self._restored is None else settings.profile_decay
            voice = self._voice = self._voice.updated(positions, decay)
        mean, ratio = self._mixture(voice)
        positions -= mean
        positions *= ratio
        positions += self._training_mean
        return positions.astype(np.float32).reshape(embedding.shape)

    def _mixture(self, voice: VoiceStatistics) -> tuple[Float64, Float64]:
        """Return the mean, and the ratio of the deviations, of the voice and the prior together."""
        settings = self.settings
        share = voice.count / (voice.count + settings.prior)
        difference = voice.mean - self._training_mean
        variance = share * voice.variance
        variance += (1 - share) * self._training_variance
        variance += np.square(difference) * (share * (1 - share))
        difference *= settings.mean_strength * share
        difference += self._training_mean
        ratio = self._training_deviation / np.sqrt(variance)
        largest = settings.largest_ratio
        return difference, np.minimum(np.maximum(ratio, 1 / largest), largest)
