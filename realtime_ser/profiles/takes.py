"""Whether a stretch of speech is good enough to learn a voice from: its level, noise, clipping."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.samples import FULL_SCALE, Int16
from realtime_ser.settings import SAMPLE_RATE

BLOCK = SAMPLE_RATE // 100
"""Samples of a level: 10 ms."""

REMEMBERED = 60 * 100
"""Levels that are stored: one minute."""

SHORTEST = 0.9
"""Seconds of speech in a take; about one frame."""

QUIETEST = -50.0
"""Level of speech below which a take is too quiet, in dB of full scale."""

LEAST_ABOVE_NOISE = 12.0
"""Decibels by which the level of speech must exceed the noise around it."""

CLIPPED = 0.99
"""Share of full scale from which on a sample counts as clipped."""

MOST_CLIPPED = 0.001
"""Share of clipped samples in a take."""

SILENCE = 1e-9

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Take:
    """An utterance, as it was recorded.

    Attributes:
        seconds: its length.
        level: of its louder half, in dB of full scale (RMS).
        noise: median level around it, or of its pauses where nothing is around it.
        clipped: share of its samples that are at full scale.
    """

    seconds: float
    level: float
    noise: float
    clipped: float

    @property
    def problem(self) -> str | None:
        """What is wrong, and what to do, in one line; ``None`` for a good take."""
        if self.clipped > MOST_CLIPPED:
            return "clipped: turn the input level down, or move away from the microphone"
        if self.level < QUIETEST:
            return "too quiet: speak up, turn the input level up, or move closer"
        if self.level - self.noise < LEAST_ABOVE_NOISE:
            return "too noisy: find a quieter place, or move closer to the microphone"
        if self.seconds < SHORTEST:
            return "too short: say the whole sentence without a pause"
        return None


class TakeMeter:
    """Measures takes in a stream of audio; stores the levels of the last minute, no samples."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.int16)
        self._powers = np.zeros(0)
        self._clipped = np.zeros(0)
        self._dropped = 0
        self._last_end = 0

    def add(self, samples: Int16) -> None:
        """Take the next 16 kHz samples, int16, shape ``[n]``."""
        samples = np.concatenate((self._rest, samples))
        whole = len(samples) // BLOCK * BLOCK
        self._rest = samples[whole:].copy()
        blocks = samples[:whole].reshape(-1, BLOCK).astype(np.float64) / FULL_SCALE
        self._powers = np.append(self._powers, np.square(blocks).mean(axis=1))
        self._clipped = np.append(self._clipped, (np.abs(blocks) >= CLIPPED).mean(axis=1))
        excess = len(self._powers) - REMEMBERED
        if excess > 0:
            self._powers, self._clipped = self._powers[excess:], self._clipped[excess:]
            self._dropped += excess

    def measure(self, start: float, end: float) -> Take:
        """Return the take from ``start`` to ``end``, in seconds of audio since the beginning."""
        first, last = (max(round(100 * time) - self._dropped, 0) for time in (start, end))
        speech = self._powers[first:last]
        before = self._powers[max(self._last_end - self._dropped, 0) : first]
        around = np.append(before, self._powers[last:])
        self._last_end = last + self._dropped
        loud = np.sort(speech)[len(speech) // 2 :]
        noise = np.median(around) if len(around) >= 20 else _quantile(speech, 0.05)
        return Take(
            end - start,
            _decibels(float(loud.mean()) if len(loud) else 0.0),
            _decibels(float(noise)),
            float(self._clipped[first:last].mean()) if len(speech) else 0.0,
        )


def _quantile(powers: Float64, share: float) -> float:
    return float(np.quantile(powers, share)) if len(powers) else 0.0


def _decibels(power: float) -> float:
    return 10 * float(np.log10(max(power, SILENCE)))
