"""The measure of likeness: what a busy machine does to audio passes, what processing does fails."""

import numpy as np
import pytest
import soxr
from likeness import PASSING, Float32, likeness
from speech_clips import speech

PERIOD = 6000
"""Samples of 16 kHz between two places where audio is lost or delayed."""


@pytest.fixture(scope="module")
def played() -> Float32:
    samples = speech("three_utterances").astype(np.float32)
    samples /= 32768
    return samples


def measured(heard: Float32, played: Float32) -> float:
    """Likeness, at the rates of a browser and of the file that its microphone plays."""
    return likeness(
        soxr.resample(heard, 16_000, 44_100), 44_100, soxr.resample(played, 16_000, 48_000), 48_000
    )


def stretches(samples: Float32) -> list[Float32]:
    return np.array_split(samples, len(samples) // PERIOD)


def test_equal_audio_passes_wherever_it_begins(played: Float32) -> None:
    assert measured(played, played) > 0.99
    assert measured(np.concatenate((np.zeros(5000, np.float32), played[7777:])), played) > 0.99


def test_lost_and_delayed_audio_passes(played: Float32) -> None:
    lost = [stretch[1000:] for stretch in stretches(played)]
    delayed = [np.pad(stretch, (0, 1000)) for stretch in stretches(played)]
    assert measured(np.concatenate(lost), played) > PASSING
    assert measured(np.concatenate(delayed), played) > PASSING


@pytest.mark.parametrize("gain", [0.9, 1.1])
def test_a_gain_fails(played: Float32, gain: float) -> None:
    assert measured(gain * played, played) < PASSING


def test_a_high_pass_filter_fails(played: Float32) -> None:
    """Noise suppression and echo cancellation begin with one."""
    slow = np.convolve(played, np.full(16, 1 / 16, np.float32))[: len(played)]
    assert measured(played - slow, played) < PASSING


def test_another_speed_fails(played: Float32) -> None:
    assert measured(soxr.resample(played, 44_100, 48_000), played) < PASSING


def test_silence_is_no_likeness(played: Float32) -> None:
    with pytest.raises(AssertionError, match="hardly anything"):
        measured(np.zeros_like(played), played)
