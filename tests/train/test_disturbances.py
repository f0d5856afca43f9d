"""Disturbances: each does what its description says."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser.emotion.frontend import to_float

pytestmark = pytest.mark.train

for module in ("scipy", "sklearn", "tqdm", "parselmouth"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from scipy.signal import welch  # noqa: E402

from train.audio import disturbances  # noqa: E402
from train.audio.channels import room_response  # noqa: E402
from train.audio.levels import rms  # noqa: E402
from train.evaluation.robustness import trials  # noqa: E402

Float32 = NDArray[np.float32]
RATE = 16_000


def random() -> np.random.Generator:
    return np.random.default_rng([3, 1, 5])


@pytest.fixture(scope="module")
def voice() -> Float32:
    return to_float(speech("one_utterance"))


@pytest.fixture(scope="module")
def voices() -> list[Float32]:
    clip = to_float(speech("three_utterances"))
    return [np.roll(clip, 5_000 * index)[:20_000] for index in range(8)]


@pytest.mark.parametrize("decibels", [20.0, 10.0])
@pytest.mark.parametrize("name", ["white_noise", "pink_noise", "hum", "babble"])
def test_the_signal_to_noise_ratio_is_the_one_given(
    name: str, decibels: float, voice: Float32, voices: list[Float32]
) -> None:
    settings: dict[str, Any] = {"voices": voices} if name == "babble" else {}
    noisy = getattr(disturbances, name)(voice, random(), snr_db=decibels, **settings)
    added = noisy - voice
    assert 20 * np.log10(rms(voice) / rms(added)) == pytest.approx(decibels, abs=0.01)


def test_pink_noise_has_equal_power_per_octave_and_white_noise_doubles(voice: Float32) -> None:
    def octaves(name: str) -> list[float]:
        added = getattr(disturbances, name)(np.tile(voice, 5), random(), snr_db=0.0)
        added -= np.tile(voice, 5)
        hertz, power = welch(added, RATE, nperseg=4096)
        edges = [125, 250, 500, 1000, 2000, 4000]
        return [
            10 * np.log10(power[(hertz >= low) & (hertz < high)].sum())
            for low, high in pairwise(edges)
        ]

    np.testing.assert_allclose(np.diff(octaves("pink_noise")), 0.0, atol=0.7)
    np.testing.assert_allclose(np.diff(octaves("white_noise")), 3.0, atol=0.7)


def test_hum_is_at_multiples_of_50_or_60_hertz(voice: Float32) -> None:
    silent_voice = np.full(RATE * 2, 0.1, np.float32)
    found = set()
    for seed in range(8):
        hum = disturbances.hum(silent_voice, np.random.default_rng(seed), snr_db=0.0) - silent_voice
        spectrum = np.abs(np.fft.rfft(hum))
        loud = np.flatnonzero(spectrum > 0.05 * spectrum.max()) / 2
        found.add(loud[0])
        np.testing.assert_allclose(loud, loud[0] * np.arange(1, 11))
    assert found == {50.0, 60.0}


def test_babble_mixes_other_voices_and_never_pauses(voices: list[Float32]) -> None:
    quiet = np.full(3 * RATE, 1e-3, np.float32)
    babbled = disturbances.babble(quiet, random(), voices=voices, snr_db=0.0) - quiet
    again = disturbances.babble(quiet, np.random.default_rng(9), voices=voices, snr_db=0.0) - quiet
    assert abs(np.corrcoef(babbled, again)[0, 1]) < 0.9, "another seed, other voices"
    levels = [rms(part) for part in babbled.reshape(-1, RATE // 4)]
    assert min(levels) > 0.1 * max(levels)


@pytest.mark.parametrize("decay", [0.3, 0.6])
def test_a_room_decays_by_60_db_in_its_reverberation_time(decay: float) -> None:
    response = room_response(random(), decay)
    tail = response[1:]
    assert np.sum(tail**2) == pytest.approx(1.0, rel=0.05), "energy of the direct sound"
    # Schroeder's backward integration; the slope from -5 to -25 dB gives the T20 of ISO 3382.
    left = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / np.sum(tail**2))
    times = np.arange(len(left)) / RATE
    between = (left <= -5) & (left >= -25)
    slope = np.polyfit(times[between], left[between], 1)[0]
    assert -60 / slope == pytest.approx(decay, rel=0.05)


def test_a_room_reverberates_at_the_same_loudness() -> None:
    click = np.zeros(RATE, np.float32)
    click[1000] = 0.5
    wet = disturbances.room(click, random(), decay_seconds=0.3)
    assert rms(wet) == pytest.approx(rms(click), rel=1e-3)
    assert not wet[:999].any() or np.abs(wet[:999]).max() < 1e-6
    assert rms(wet[1001:3000]) > 10 * rms(wet[5000:5800])


def test_the_telephone_passes_only_its_band() -> None:
    noise = np.random.default_rng(1).normal(scale=0.1, size=4 * RATE).astype(np.float32)
    hertz, power = welch(
        disturbances.telephone_line(noise, random()), RATE, nperseg=4096, detrend=False
    )
    within = power[(hertz > 400) & (hertz < 3000)].mean()
    assert power[hertz < 200].max() < 1e-4 * within
    assert power[hertz > 3700].max() < 1e-4 * within
    assert power[(hertz > 330) & (hertz < 3300)].min() > 0.1 * within


def test_the_telephone_quantizes_as_the_mu_law_does() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)).astype(np.float32)
    hertz, power = welch(disturbances.telephone_line(tone, random()), RATE, nperseg=4096)
    beside = power[(hertz > 300) & (hertz < 3400) & (np.abs(hertz - 1000) > 30)].sum()
    assert 30 < 10 * np.log10(power.sum() / beside) < 45, "about 38 dB over its quantization"


@pytest.mark.parametrize("decibels", [-12.0, 12.0])
def test_gain_changes_only_the_level(decibels: float, voice: Float32) -> None:
    changed = disturbances.gain(voice, random(), decibels=decibels)
    np.testing.assert_allclose(changed, voice * 10 ** (decibels / 20), rtol=1e-5)
    limited = disturbances.gain_below_full_scale(voice, random(), decibels=40.0)
    assert np.abs(limited).max() == pytest.approx(1.0)
    np.testing.assert_allclose(limited / rms(limited), voice / rms(voice), rtol=1e-4)


@pytest.mark.parametrize("share", [0.003, 0.05])
def test_clipping_affects_the_share_given(share: float, voice: Float32) -> None:
    clipped = disturbances.clipping(voice, random(), share=share)
    height = np.abs(clipped).max()
    assert np.mean(np.abs(voice) > height) == pytest.approx(share, rel=0.02)
    np.testing.assert_array_equal(clipped, np.clip(voice, -height, height))


def test_a_tilt_raises_each_octave_by_the_same_amount() -> None:
    noise = np.random.default_rng(1).normal(scale=0.05, size=8 * RATE).astype(np.float32)
    tilted = disturbances.tilt(noise, random(), db_per_octave=3.0)
    hertz, power = welch(tilted, RATE, nperseg=4096)
    levels = [
        10 * np.log10(power[np.abs(hertz - center) < 0.1 * center].mean()) for center in (500, 4000)
    ]
    assert levels[1] - levels[0] == pytest.approx(9.0, abs=0.7)
    assert rms(tilted) == pytest.approx(rms(noise), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "settings", "added"),
    [
        ("silence_before", {"seconds": 1.0}, RATE),
        ("silence_after", {"seconds": 1.0}, RATE),
        ("beginning_cropped", {}, -RATE // 10),
        ("end_cropped", {}, -RATE // 10),
    ],
)
def test_silence_and_cropping_at_start_and_end(
    name: str, settings: dict[str, float], added: int, voice: Float32
) -> None:
    changed = getattr(disturbances, name)(voice, random(), **settings)
    if added > 0:
        assert len(changed) == len(voice) + added
        silence, rest = (slice(RATE), slice(RATE, None))
        if name == "silence_after":
            silence, rest = (slice(-RATE, None), slice(-RATE))
        assert not changed[silence].any()
        np.testing.assert_array_equal(changed[rest], voice)
    else:
        cropped = len(voice) - len(changed)
        assert -added <= cropped <= -2 * added
        remaining = voice[cropped:] if name == "beginning_cropped" else voice[:-cropped]
        np.testing.assert_array_equal(changed, remaining)


def test_words_are_cropped_within_the_speech() -> None:
    tone = np.sin(np.arange(RATE)).astype(np.float32)
    clip = np.concatenate((np.zeros(RATE, np.float32), tone, np.zeros(RATE, np.float32)))
    late = disturbances.first_word_cropped(clip, random())
    early = disturbances.last_word_cropped(clip, random())
    assert 0.8 * RATE <= np.count_nonzero(late) <= 0.93 * RATE
    assert 0.8 * RATE <= np.count_nonzero(early) <= 0.93 * RATE
    assert np.abs(late[:100]).max() > 0.5
    assert np.abs(early[-100:]).max() > 0.5


def test_filters_and_offset(voice: Float32) -> None:
    low = disturbances.low_pass(voice, random(), hertz=1000.0)
    high = disturbances.high_pass(voice, random(), hertz=1000.0)
    np.testing.assert_allclose(
        low + high, voice, atol=1e-5
    )  # first-order filters are complementary
    raised = disturbances.offset(voice, random(), height=0.05)
    assert (raised - voice).mean() == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("name", ["mp3", "opus"])
def test_codecs_change_little(name: str, voice: Float32) -> None:
    from scipy.signal import correlate

    coded = getattr(disturbances, name)(voice, random())
    energies = np.sum(voice**2) * np.sum(coded**2)
    similarity = correlate(coded, voice).max() / np.sqrt(energies)
    assert 0.7 < similarity < 0.9999


def test_every_disturbance_changes_the_clip_and_is_reproducible(
    voice: Float32, voices: list[Float32]
) -> None:
    before = voice.copy()
    for trial in trials(voices):
        first, again = trial.disturb(voice, random()), trial.disturb(voice, random())
        assert first.dtype == np.float32, trial.name
        assert np.isfinite(first).all(), trial.name
        np.testing.assert_array_equal(first, again, trial.name)
        assert len(first) != len(voice) or not np.array_equal(first, voice), trial.name
        np.testing.assert_array_equal(voice, before, f"{trial.name} changed its input")


def test_silence_causes_no_division_by_zero(voices: list[Float32]) -> None:
    with np.errstate(all="raise", under="ignore"):
        for trial in trials(voices):
            disturbed = trial.disturb(np.zeros(2 * RATE, np.float32), random())
            assert np.isfinite(disturbed).all(), trial.name
