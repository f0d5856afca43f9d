"""Adaptation with a profile: the profile learns from its own voice and not from other people's.

The timbre of the profile is compared with that of two stretches of speech: the last seconds of the
utterance, and about ten seconds of all recent speech, in which emotions average out. If the
distance of either exceeds a limit, the profile does not learn. If the distance of the utterance
exceeds a higher limit, it is certainly another voice, and its embeddings are not normalized. When
recent speech exceeds its limit, the other voice has been speaking for some time, so what the
profile learned in the last ``REFERENCE_FRAMES`` frames is undone.
"""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realtime_ser.emotion.adaptation import Adaptation, AdaptationSettings
from realtime_ser.emotion.timbre import distance, moments, no_timbre
from realtime_ser.emotion.voice import VoiceStatistics

WINDOW_FRAMES = 8
"""The last frames of an utterance that are compared with the profile: 4.3 s at the usual hop."""

REFERENCE_FRAMES = 32
"""Speech is compared with the profile as it was so many frames ago: the newest may be a guest's."""

COLUMN_SECONDS = 0.01

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """When a voice counts as another one.

    The values were chosen on the nine speakers of nEMO and speakers 3 to 8 of RAVDESS; ``python -m
    experiments measure-guard`` compares them with others, see ``docs/profiles.md``. Distances are
    those of ``timbre.distance``.

    Attributes:
        farthest: distance of an utterance above which the profile does not learn.
        other: distance of an utterance above which it is another voice.
        excess: both limits are higher for short utterances, by ``excess / seconds``.
        farthest_recent: distance of recent speech above which the profile does not learn.
        excess_recent: this limit is higher for little speech, by ``excess_recent / seconds``.
        recent: weight of recent speech, per later frame.
        well_known: seconds of speech that a profile needs before its timbre is reliable. Until then
            it learns from every voice.
        decay: weight of the profile's timbre, per later frame.
    """

    farthest: float = 1.9
    other: float = 2.5
    excess: float = 0.3
    farthest_recent: float = 1.0
    excess_recent: float = 0.5
    recent: float = 0.94
    well_known: float = 10.0
    decay: float = 0.999


@dataclass(frozen=True, slots=True, eq=False)
class KnownVoice:
    """What is known of the profile's voice. Replaced as a whole, so that any thread may read it.

    Attributes:
        statistics: of its embeddings.
        timbre: moments of its cepstra, float64 ``[21, 21]``.
        frames: learned from since ``restore_voice``.
        fade: the factor by which the statistics given to ``restore_voice`` have decayed.
        clears: how often ``clear`` was called.
    """

    statistics: VoiceStatistics
    timbre: Float64
    frames: int = 0
    fade: float = 1.0
    clears: int = 0


class GuardedAdaptation(Adaptation):
    """The voice of a profile. It does not learn from other voices, and does not normalize them.

    Args:
        training: mean and deviation of the training voices' embeddings, ``[2, channels]``.
        settings: how to adapt.
        guard: when a voice counts as another one.
        new_share: share of a frame's columns that the frame before did not have: the hop divided
            by the length of a frame.
    """

    def __init__(
        self,
        training: ArrayLike,
        settings: AdaptationSettings | None = None,
        guard: GuardSettings | None = None,
        *,
        new_share: float = 0.5,
    ) -> None:
        super().__init__(training, settings)
        self._new_share = new_share
        self.guard_settings = guard or GuardSettings()
        self._own = Adaptation(training, self.settings)
        self._is_other_voice = False
        self._changing = threading.RLock()
        self._known = self._loaded = KnownVoice(self._own.statistics, no_timbre())
        self._recent_timbre = no_timbre()
        self._learns = True
        self._before: deque[KnownVoice] = deque(maxlen=REFERENCE_FRAMES)
        self._begin()

    @property
    def known(self) -> KnownVoice:
        """What is known of the profile's voice now."""
        return self._known

    @property
    def statistics(self) -> VoiceStatistics:
        """What was heard of the profile's voice so far."""
        return self._known.statistics

    @property
    def share(self) -> float:
        """The share that the voice has in what it is normalized by, 0 to 1; 0 for another voice."""
        return 0.0 if self._is_other_voice else self._own.share

    @property
    def is_other_voice(self) -> bool:
        """Whether the voice that spoke last is certainly not the profile's."""
        return self._is_other_voice

    @property
    def learns(self) -> bool:
        """Whether the profile learns from what was said last."""
        return self._learns

    def restore_voice(self, statistics: VoiceStatistics, timbre: Float64) -> None:
        """Continue with what a profile knows of a voice.

        Raises:
            ValueError: the statistics have another number of channels.
        """
        with self._changing:
            self._own.restore(statistics)
            self._known = self._loaded = KnownVoice(statistics, timbre)
            self._is_other_voice, self._learns = False, True
            self._recent_timbre = no_timbre()
            self._before.clear()
            self._begin()

    def take_back(self, known: KnownVoice) -> None:
        """Go back to what was known at an earlier time."""
        with self._changing:
            self._own.restore(known.statistics)
            self._known = known
            self._before.clear()

    def clear(self) -> None:
        """Forget what was heard since ``restore_voice``."""
        with self._changing:
            loaded, clears = self._loaded, self._known.clears + 1
            self.restore_voice(loaded.statistics, loaded.timbre)
            self._known = KnownVoice(loaded.statistics, loaded.timbre, clears=clears)

    def begin_utterance(self) -> None:
        """Begin a new utterance: somebody else may speak now."""
        with self._changing:
            self._begin()

    def hear(self, maps: Mapping[str, Float32]) -> None:
        """Take a frame's feature maps, before its embedding, and decide whose voice it is."""
        with self._changing:
            self._frame = self._new_share * moments(maps)
            self._window.append(self._frame)
            self._before.append(self._known)
            self._recent_timbre = self.guard_settings.recent * self._recent_timbre + self._frame
            self._decide()

    def normalize(self, embedding: Float32) -> Float32:
        """Normalize a frame's embedding by the voice that speaks, and learn from it.

        Args:
            embedding: float32, shape ``[..., channels]``.
        """
        with self._changing:
            if self._is_other_voice:
                return embedding
            before = self._own.statistics
            normalized = self._own.normalize(embedding)
            if self._learns:
                self._learn(self._own.statistics, embedding.size // embedding.shape[-1])
            else:
                self._own.restore(before)
            return normalized

    def _learn(self, statistics: VoiceStatistics, positions: int) -> None:
        old = self._known
        count = old.statistics.count
        fade = (statistics.count - positions) / count if count else 1.0
        self._known = KnownVoice(
            statistics,
            self.guard_settings.decay * old.timbre + self._frame,
            old.frames + 1,
            old.fade * fade,
            old.clears,
        )

    def _begin(self) -> None:
        self._frame = no_timbre()
        self._window: deque[Float64] = deque(maxlen=WINDOW_FRAMES)

    def _decide(self) -> None:
        guard, reference = self.guard_settings, self._before[0]
        if _seconds(reference.timbre) < guard.well_known:
            self._is_other_voice, self._learns = False, True
            return
        speech = np.sum(self._window, axis=0)
        utterance = distance(speech, reference.timbre) - guard.excess / _seconds(speech)
        recent = distance(self._recent_timbre, reference.timbre)
        recent -= guard.excess_recent / _seconds(self._recent_timbre)
        if recent > guard.farthest_recent:
            self.take_back(reference)
        self._is_other_voice = utterance > guard.other
        self._learns = utterance <= guard.farthest and recent <= guard.farthest_recent


def _seconds(timbre: Float64) -> float:
    """Return how much speech moments come from, without its pauses."""
    return float(timbre[0, 0]) * COLUMN_SECONDS
