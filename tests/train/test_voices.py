"""Other voices: how far pitch, formants and tempo are moved, and that a seed draws the same."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from speech_clips import speech

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

parselmouth = pytest.importorskip("parselmouth", reason="the train extra is not installed")

from train.audio.voices import VoiceSettings, other_voices  # noqa: E402

UTTERANCE = speech("one_utterance")
ITSELF = VoiceSettings(count=2, semitones=0, formants=1, intonation=1, tempo=1, seed=1)


def median_pitch(samples: NDArray[np.int16]) -> float:
    pitch = parselmouth.Sound(samples / 2**15, 16_000).to_pitch(None, 75, 600)
    heard = pitch.selected_array["frequency"]
    return float(np.median(heard[heard > 0]))


def spectral_centroid(samples: NDArray[np.int16]) -> float:
    power = np.square(np.abs(np.fft.rfft(samples / 2**15)))
    return float(np.average(np.fft.rfftfreq(len(samples), 1 / 16_000), weights=power))


def of_kind(**settings: Any) -> list[NDArray[np.int16]]:
    from dataclasses import replace

    return other_voices(UTTERANCE, replace(ITSELF, count=6, **settings))


def test_pitch_moves_within_its_limits_and_takes_nothing_along() -> None:
    voices = of_kind(semitones=5.0)
    shifts = [12 * np.log2(median_pitch(voice) / median_pitch(UTTERANCE)) for voice in voices]
    assert max(map(abs, shifts)) < 5.5
    assert np.ptp(shifts) > 2
    assert {len(voice) for voice in voices} == {len(UTTERANCE)}


def test_formants_move_by_themselves() -> None:
    voices = of_kind(formants=1.18)
    centroids = [spectral_centroid(voice) / spectral_centroid(UTTERANCE) for voice in voices]
    assert np.ptp(centroids) > 0.05
    pitches = [median_pitch(voice) / median_pitch(UTTERANCE) for voice in voices]
    np.testing.assert_allclose(pitches, 1, atol=0.05)


def test_tempo_moves_by_itself() -> None:
    lengths = [len(voice) / len(UTTERANCE) for voice in of_kind(tempo=1.15)]
    assert 1 / 1.16 < min(lengths) < 0.97
    assert 1.03 < max(lengths) < 1.16


def test_a_seed_draws_the_same_voices_again_and_another_draws_others() -> None:
    first, again, other = (of_kind(semitones=5.0, seed=seed) for seed in (1, 1, 2))
    for one, two, three in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one, two)
        assert not np.array_equal(one, three)


def test_what_has_no_pitch_or_hardly_any_length_is_no_error() -> None:
    noise = np.random.default_rng(1).integers(-3000, 3000, 16_000).astype(np.int16)
    assert len(other_voices(noise, ITSELF)) == 2
    assert [len(voice) for voice in other_voices(UTTERANCE[:200], ITSELF)] == [200, 200]
    assert len(other_voices(np.zeros(16_000, np.int16), ITSELF)) == 2
