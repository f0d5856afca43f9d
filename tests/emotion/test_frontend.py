import numpy as np
import pytest
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser.emotion.frontend import (
    FRAME_SAMPLES,
    Frontend,
    LevelNormalization,
    level_gain,
    log_map,
    step_powers,
    to_float,
)
from realtime_ser.emotion.spectra import YAMNET_MEL, FeatureMap, filter_bank, spectral_columns

PITCH = FeatureMap("pitch", 1024, 2048, 48, 70.0, 1100.0, "log")
BOTH = (YAMNET_MEL, PITCH)


def mel_in_double_precision(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """YAMNet's log-mel a second time, from its description, one filter at a time."""

    def mel(hertz: float) -> float:
        return 1127 * float(np.log(1 + hertz / 700))

    edges = np.linspace(mel(125), mel(7500), 66)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    columns = range(0, len(samples) - 399, 160)
    frames = np.stack([samples[start : start + 400] * window for start in columns])
    magnitudes = np.abs(np.fft.rfft(frames.astype(np.float64), 512))
    positions = [mel(bin_ * 16000 / 512) for bin_ in range(257)]
    values: NDArray[np.float64] = np.full((len(frames), 64), 0.001)
    for band, (low, center, high) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        for bin_, position in enumerate(positions):
            weight = min((position - low) / (center - low), (high - position) / (high - center))
            values[:, band] += max(0.0, weight) * magnitudes[:, bin_]
    return np.log(values)


def test_the_mel_map_is_yamnets() -> None:
    samples = to_float(speech("one_utterance"))
    ours = log_map(spectral_columns(samples, YAMNET_MEL), np.float32(1), YAMNET_MEL)
    assert np.abs(ours - mel_in_double_precision(samples)).max() < 1e-3


def pitch_in_double_precision(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """The pitch map from its description, on every sample."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    columns = range(0, len(samples) - 1023, 160)
    frames = np.stack([samples[start : start + 1024] * window for start in columns])
    return np.abs(np.fft.rfft(frames.astype(np.float64), 2048)) @ filter_bank(PITCH)


def test_decimation_does_not_change_the_pitch_map() -> None:
    samples = to_float(speech("three_utterances"))
    ours = log_map(spectral_columns(samples, PITCH), np.float32(3), PITCH)
    expected = np.log(3 * pitch_in_double_precision(samples) + PITCH.log_offset)
    difference = np.abs(ours - expected)
    assert difference.max() < 5e-4
    assert difference.mean() < 1e-6


@pytest.mark.parametrize("hertz", [1500, 2900, 3300, 4000, 4700, 5100, 7000, 7900])
def test_tones_above_the_pitch_map_do_not_alias_into_it(hertz: int) -> None:
    """At -20 dBFS, the level every frame is scaled to, they move no band by more than 3 %."""
    tone = np.sin(2 * np.pi * hertz / 16_000 * np.arange(4000)).astype(np.float32)
    tone *= np.float32(0.1 * np.sqrt(2))
    found = spectral_columns(tone, PITCH)
    expected = pitch_in_double_precision(tone)
    assert np.abs(found - expected).max() < 0.03 * PITCH.log_offset


@pytest.mark.parametrize(
    "odd",
    [
        FeatureMap("short", 400, 512, 16, 70.0, 1100.0, "log"),
        FeatureMap("tight", 1024, 1024, 48, 70.0, 1100.0, "log"),
        FeatureMap("wide", 1024, 2048, 48, 70.0, 1200.0, "log"),
    ],
    ids=lambda each: each.name,
)
def test_maps_that_cannot_be_decimated_are_exact(odd: FeatureMap) -> None:
    samples = to_float(speech("one_utterance"))
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(odd.window_samples) / odd.window_samples)
    starts = range(0, len(samples) - odd.window_samples + 1, 160)
    windows = np.stack([samples[start : start + odd.window_samples] * hann for start in starts])
    expected = np.abs(np.fft.rfft(windows, odd.fft_samples)) @ filter_bank(odd)
    np.testing.assert_allclose(spectral_columns(samples, odd), expected, atol=1e-4)


@pytest.mark.parametrize("hop", [1, 12, 48, 96])
def test_frames_are_the_same_in_blocks_of_any_size(hop: int) -> None:
    samples = speech("one_utterance")
    whole = Frontend(hop, BOTH).process(samples)
    for size in (1, 159, 480, 15_600):
        frontend = Frontend(hop, BOTH)
        frames = [
            frame
            for start in range(0, len(samples), size)
            for frame in frontend.process(samples[start : start + size])
        ]
        assert [frame.start_step for frame in frames] == [frame.start_step for frame in whole]
        for mine, theirs in zip(frames, whole, strict=True):
            for name in ("mel", "pitch"):
                np.testing.assert_array_equal(mine.maps[name], theirs.maps[name])


def test_frames_are_columns_of_the_utterance_scaled_by_the_level_so_far() -> None:
    samples = speech("three_utterances")
    columns = spectral_columns(to_float(samples), YAMNET_MEL)
    powers = step_powers(to_float(samples))
    frames = Frontend(48).process(samples)
    assert len(frames) == (len(samples) - FRAME_SAMPLES) // (48 * 160) + 1
    for frame in frames:
        end = frame.start_step + 96
        gain = level_gain(powers[:end], LevelNormalization())
        expected = log_map(columns[frame.start_step : end], gain, YAMNET_MEL)
        np.testing.assert_allclose(frame.maps["mel"], expected, atol=1e-4)


def test_a_louder_voice_gives_the_same_frames() -> None:
    quiet = speech("one_utterance") // 8 * 8
    loud, soft = Frontend(48).process(quiet), Frontend(48).process(quiet // 8)
    for mine, theirs in zip(loud, soft, strict=True):
        np.testing.assert_allclose(mine.maps["mel"], theirs.maps["mel"], atol=1e-4)


def test_a_frame_does_not_depend_on_later_samples() -> None:
    samples = speech("one_utterance")
    early = Frontend(48, BOTH).process(samples[:FRAME_SAMPLES])[0]
    with_more = Frontend(48, BOTH).process(samples)[0]
    np.testing.assert_array_equal(early.maps["pitch"], with_more.maps["pitch"])


def test_an_utterance_too_short_for_a_frame_is_padded() -> None:
    frontend = Frontend(48)
    assert not frontend.process(speech("short_word")[:4000])
    (frame,) = frontend.flush()
    assert frame.maps["mel"].shape == (96, 64)
    assert np.ptp(frame.maps["mel"][60:]) < 1e-6, "the padding is silence"


def test_a_complete_utterance_is_not_padded_again() -> None:
    frontend = Frontend(48)
    frontend.process(speech("one_utterance"))
    assert frontend.flush() == []


def test_every_band_has_a_filter() -> None:
    for feature_map in BOTH:
        assert (filter_bank(feature_map).sum(axis=0) > 0).all(), feature_map.name
