"""The thresholds of audEERING's ser-tests for the robustness of emotion categories.

https://github.com/audeering/ser-tests, files ``test/emotion/robustness_*.yaml`` (A. Derington et
al., Testing correctness, fairness, and robustness of speech emotion recognition models,
arXiv:2312.06270).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a disturbance may cost at most.

    Attributes:
        change: the change of the UAR has to be above it; ``None`` where the test does not ask.
        unchanged: the share of unchanged labels has to be above it.
    """

    change: float | None
    unchanged: float

    def passed(self, change: float, unchanged: float) -> bool:
        """Return whether both scores, rounded to two digits as in ser-tests, pass."""
        enough = round(unchanged, 2) > self.unchanged
        return enough and (self.change is None or round(change, 2) > self.change)


BACKGROUND_NOISE = Thresholds(change=-0.05, unchanged=0.9)
"""Babble, music and white noise at 20 dB; ser-tests add coughs, sneezes and recorded noises."""

SPECTRAL_TILT = Thresholds(change=-0.02, unchanged=0.8)

LOW_QUALITY_PHONE = Thresholds(change=-0.05, unchanged=0.5)

SIMULATED_ROOM = Thresholds(change=None, unchanged=0.8)
"""Ser-tests compare one room with another; here a room is compared with none, which is harder."""

SMALL_CHANGES = Thresholds(change=None, unchanged=0.95)
"""A tone, zeros, clipped peaks, crops, a gain, filters and noise that are hardly audible."""
