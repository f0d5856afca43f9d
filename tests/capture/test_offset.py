"""A constant offset is not sound: it is removed, and audio without one passes bit for bit."""

import numpy as np
import pytest
from speech_clips import speech

from realtime_ser.capture.offset import OffsetRemover
from realtime_ser.capture.resampler import Resampler

VOICE = (speech("three_utterances") / 32768).astype(np.float32)


def cleaned(samples: np.ndarray, block: int = 1_000) -> np.ndarray:
    remover = OffsetRemover(16_000)
    parts = [remover.process(samples[at : at + block]) for at in range(0, len(samples), block)]
    return np.concatenate([*parts, remover.flush()])


@pytest.mark.parametrize("offset", [0.005, 0.02, -0.1, 0.4])
@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_a_constant_offset_is_removed(offset: float, gain: float) -> None:
    voice = VOICE * np.float32(gain)

    np.testing.assert_allclose(cleaned(voice + np.float32(offset)), voice, atol=4e-4)


@pytest.mark.parametrize("clip", ["one_utterance", "speech_at_once", "short_word"])
@pytest.mark.parametrize("offset", [0.0, 0.001])
def test_audio_without_an_offset_is_not_changed(clip: str, offset: float) -> None:
    samples = (speech(clip) / 32768).astype(np.float32) + np.float32(offset)

    np.testing.assert_array_equal(cleaned(samples.copy()), samples)


def test_an_offset_that_begins_later_is_removed_without_a_jump() -> None:
    samples = np.zeros(192_000, np.float32)
    samples[32_000:] = 0.05

    heard = cleaned(samples)

    assert np.abs(heard[-8_000:]).max() < 0.005
    assert np.abs(np.diff(heard[32_001:])).max() < 0.001


@pytest.mark.parametrize("block", [1, 479, 481, 16_000])
def test_block_size_changes_no_bit(block: int) -> None:
    samples = VOICE[:20_000] + np.float32(0.03)

    np.testing.assert_array_equal(cleaned(samples, block), cleaned(samples, len(samples)))


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_an_offset_is_removed_at_any_rate(rate: int) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 300 * np.arange(2 * rate) / rate)
    tone[: rate // 2] = 0
    plain, shifted = (Resampler(rate, 1) for _ in range(2))
    expected = np.concatenate((plain.process(tone.astype(np.float32)), plain.flush()))
    heard = np.concatenate((shifted.process((tone + 0.05).astype(np.float32)), shifted.flush()))

    assert np.abs(heard.astype(int) - expected).max() <= 20
