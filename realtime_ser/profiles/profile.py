"""What a profile is, and how what two programs have learned for one profile is merged."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from realtime_ser.emotion.corrections import MOST_CORRECTIONS, Correction
from realtime_ser.emotion.timbre import Float64, no_timbre
from realtime_ser.emotion.voice import VoiceStatistics, no_voice


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What one model has learned of a named voice.

    Attributes:
        statistics: of the voice's embeddings.
        timbre: moments of its cepstra, float64 ``[21, 21]``, see ``emotion.timbre``.
        corrections: what the user has corrected, oldest first.
        seconds: speech that it has learned from, in seconds, corrections aside.
        generation: a random number drawn when the profile was created. A profile that was forgotten
            and created again has another one.
        revision: how often it was written.
    """

    statistics: VoiceStatistics
    timbre: Float64
    corrections: tuple[Correction, ...] = ()
    seconds: float = 0.0
    generation: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """The factors, 0 to 1, by which what was known before has decayed."""

    statistics: float = 1.0
    timbre: float = 1.0


def new_profile(channels: int) -> Profile:
    """Return the profile of a voice that was never heard."""
    return Profile(no_voice(channels), no_timbre(), generation=secrets.randbits(63))


def merged(stored: Profile, known: Profile, base: Profile, weights: Weights) -> Profile:
    """Return the stored profile with what ``known`` has learned since it was ``base``.

    The statistics come out as if one program had heard both: counts, sums and sums of squares add
    up, and what is older has decayed.

    Args:
        stored: as another program has written it meanwhile.
        known: what this program knows now.
        base: what this program knew when it last wrote, or read, the profile.
        weights: the factors by which ``base`` has decayed in ``known``.
    """
    sums = weights.statistics * (_sums(stored.statistics) - _sums(base.statistics))
    sums += _sums(known.statistics)
    timbre = weights.timbre * (stored.timbre - base.timbre) + known.timbre
    removed = _keys(base.corrections) - _keys(known.corrections)
    present = _keys((*base.corrections, *stored.corrections))
    corrections = (
        *(correction for correction in stored.corrections if _key(correction) not in removed),
        *(correction for correction in known.corrections if _key(correction) not in present),
    )
    return replace(
        stored,
        statistics=_statistics(sums),
        timbre=timbre,
        corrections=corrections[-MOST_CORRECTIONS:],
        seconds=stored.seconds + max(known.seconds - base.seconds, 0.0),
    )


def _keys(corrections: Sequence[Correction]) -> set[tuple[str, bytes]]:
    return {_key(correction) for correction in corrections}


def _key(correction: Correction) -> tuple[str, bytes]:
    return correction.label, correction.pooled.tobytes()


def _sums(statistics: VoiceStatistics) -> Float64:
    """Return count, sums and sums of squares of each channel, shape ``[3, channels]``."""
    count = np.full(statistics.channels, statistics.count)
    mean = statistics.mean
    return np.stack([count, count * mean, count * (statistics.variance + np.square(mean))])


def _statistics(sums: Float64) -> VoiceStatistics:
    count = max(float(sums[0, 0]), 0.0)
    if count < 1e-6:  # rounding may leave a trace of nothing
        return no_voice(sums.shape[1])
    mean = sums[1] / count
    return VoiceStatistics(count, mean, np.maximum(sums[2] / count - np.square(mean), 0.0))
