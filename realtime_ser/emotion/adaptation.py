"""Adaptation to a voice: embeddings are brought toward the training voices' mean and deviation.

Every channel of an embedding is normalized before it enters the window::

    (embedding - mean) * ratio + training_mean

``mean`` and the ratio of the deviations come from the voice's statistics so far, mixed with those
of the training voices as if these had been heard for a while (the prior). The statistics outlive
the utterance. They need no labels, and depend on nothing but the embeddings in their order, so the
same audio gives the same result in blocks of any size.

What a voice says in one mood for minutes looks like a property of the voice. So its mean is
followed only in part, and the ratio is limited; ``docs/adaptation.md`` compares other choices.
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
        decay: factor of the weight of what was heard, per position; 1 never forgets.
        mean_strength: how far the mixture's mean is followed, from 0 to 1.
        largest_ratio: the training deviation divided by the voice's is limited to the range from
            ``1 / largest_ratio`` to ``largest_ratio``.
        profile_decay: as ``decay``, for a voice that ``restore`` gave.
        profile_positions: positions of a restored voice from which other voices are held back.
        recent_decay: as ``decay``, for the voice that is compared with a restored one.
        farthest: distance from a restored voice above which a voice is another one, see
            ``Adaptation.is_other_voice``.
        other_weight: of what another voice adds to the statistics of a restored one.
    """

    prior: float = 300.0
    decay: float = 0.998
    mean_strength: float = 0.5
    largest_ratio: float = 1.25
    profile_decay: float = 0.9998
    profile_positions: float = 600.0
    recent_decay: float = 0.98
    farthest: float = 0.3
    other_weight: float = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class _RecentMean:
    """The mean of the last few seconds of speech, and the positions that it comes from."""

    count: float
    mean: Float64

    def updated(self, positions: Float64, decay: float) -> "_RecentMean":
        old = self.count * decay ** len(positions)
        total = old + len(positions)
        mean = self.mean * (old / total)
        mean += np.add.reduce(positions) / total
        return _RecentMean(total, mean)


LARGEST_SQUARE = 4.0
"""Limit of one channel in the distance of two voices."""

SMALLEST = 1e-9
"""Least deviation that is divided by."""


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
        self._recent = _RecentMean(0.0, self._voice.mean)
        self._restored: VoiceStatistics | None = None
        self._is_other_voice = False

    @property
    def statistics(self) -> VoiceStatistics:
        """What was heard of the voice so far."""
        return self._voice

    @property
    def share(self) -> float:
        """The share that the voice itself has in the statistics it is normalized by, 0 to 1."""
        voice = self._voice
        return 0.0 if self._is_other_voice else voice.count / (voice.count + self.settings.prior)

    @property
    def is_other_voice(self) -> bool:
        """Whether the voice heard last is too far from the restored one to be the same.

        The distance is the mean over channels of the squared difference of the two means, in
        deviations of the training voices, limited to ``LARGEST_SQUARE``. Another voice is not
        normalized, and hardly changes the statistics.
        """
        return self._is_other_voice

    def restore(self, statistics: VoiceStatistics) -> None:
        """Continue with a voice that was heard before, or begin to gather one for a profile.

        From now on the memory is longer, and a voice that is far from this one is held back.

        Raises:
            ValueError: the statistics have another number of channels.
        """
        channels = len(self._training_mean)
        if statistics.channels != channels:
            raise ValueError(f"statistics of {statistics.channels} channels, not {channels}")
        with self._lock:
            self._restored = self._voice = statistics
            self._recent = _RecentMean(0.0, no_voice(channels).mean)
            self._is_other_voice = False

    def clear(self) -> None:
        """Forget what was heard since ``restore``, or everything if that was never called."""
        with self._lock:
            nothing = no_voice(len(self._training_mean))
            self._voice = nothing if self._restored is None else self._restored
            self._recent = _RecentMean(0.0, nothing.mean)
            self._is_other_voice = False

    def normalize(self, embedding: Float32) -> Float32:
        """Take a frame's embedding into the statistics, and return it normalized.

        Args:
            embedding: float32, shape ``[..., channels]``.
        """
        positions = embedding.reshape(-1, embedding.shape[-1]).astype(np.float64)
        with self._lock:
            self._listen(positions)
            voice, is_other_voice = self._voice, self._is_other_voice
        if is_other_voice:
            return embedding
        mean, ratio = self._mixture(voice)
        positions -= mean
        positions *= ratio
        positions += self._training_mean
        return positions.astype(np.float32).reshape(embedding.shape)

    def _listen(self, positions: Float64) -> None:
        settings = self.settings
        if self._restored is None:
            self._voice = self._voice.updated(positions, settings.decay)
            return
        self._recent = self._recent.updated(positions, settings.recent_decay)
        enough = self._voice.count >= settings.profile_positions
        self._is_other_voice = enough and self._distance() > settings.farthest
        weight = settings.other_weight if self._is_other_voice else 1.0
        self._voice = self._voice.updated(positions, settings.profile_decay, weight)

    def _distance(self) -> float:
        difference = (self._recent.mean - self._voice.mean) / self._training_deviation
        # A few positions say little: their distance counts as far as they are a full memory.
        trust = self._recent.count * (1 - self.settings.recent_decay)
        return float(np.minimum(np.square(difference), LARGEST_SQUARE).mean()) * trust

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
