"""Profiles with made-up numbers, and a way to compare two."""

import numpy as np

from realtime_ser.emotion.corrections import Correction
from realtime_ser.emotion.timbre import COEFFICIENTS
from realtime_ser.emotion.voice import VoiceStatistics
from realtime_ser.events import LABELS
from realtime_ser.profiles.profile import Profile

MODEL = "ab" * 32
"""SHA-256 of a network that there is not."""

CHANNELS = 6


def correction(seed: int, channels: int = CHANNELS) -> Correction:
    random = np.random.default_rng(seed)
    return Correction(
        LABELS[seed % len(LABELS)],
        random.normal(size=channels).astype(np.float32),
        np.full(len(LABELS), 1 / len(LABELS), np.float32),
    )


def profile(seed: int = 0, corrections: int = 2, *, revision: int = 1) -> Profile:
    random = np.random.default_rng(seed)
    cepstra = np.column_stack((np.ones(500), random.normal(size=(500, COEFFICIENTS))))
    return Profile(
        VoiceStatistics(40.0, random.normal(size=CHANNELS), random.random(CHANNELS)),
        cepstra.T @ cepstra,
        tuple(correction(number) for number in range(corrections)),
        seconds=12.5,
        generation=7,
        revision=revision,
    )


def assert_same(one: Profile, other: Profile, tolerance: float = 0.0) -> None:
    np.testing.assert_allclose(one.statistics.count, other.statistics.count, tolerance)
    np.testing.assert_allclose(one.statistics.mean, other.statistics.mean, tolerance, tolerance)
    np.testing.assert_allclose(
        one.statistics.variance, other.statistics.variance, tolerance, tolerance
    )
    np.testing.assert_allclose(one.timbre, other.timbre, tolerance, tolerance)
    np.testing.assert_allclose(one.seconds, other.seconds, tolerance)
    assert [each.label for each in one.corrections] == [each.label for each in other.corrections]
    for mine, yours in zip(one.corrections, other.corrections, strict=True):
        np.testing.assert_array_equal(mine.pooled, yours.pooled)
        np.testing.assert_array_equal(mine.probabilities, yours.probabilities)
