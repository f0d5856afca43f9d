"""Surroundings of an utterance, its frames, and the cache of speech."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from speech_clips import speech

for module in ("scipy", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from realtime_ser.emotion.frontend import Frontend  # noqa: E402
from realtime_ser.emotion.spectra import YAMNET_MEL, FeatureMap  # noqa: E402
from train.audio.frames import FrameSettings, random_frames  # noqa: E402
from train.audio.speech import (  # noqa: E402
    cut_speech,
    load_samples,
    through_opus,
    unchanged,
)
from train.audio.surroundings import (  # noqa: E402
    Recordings,
    SurroundingSettings,
    in_surroundings,
)
from train.corpora.clip import Clip  # noqa: E402

pytestmark = pytest.mark.train

Int16 = NDArray[np.int16]

NOTHING = Recordings([], [], [])
STILL = SurroundingSettings(
    fragment_share=0,
    speed_share=0,
    room_share=0,
    noise_share=0,
    filter_share=0,
    clipped_share=0,
    quietest_dbfs=-20,
    loudest_dbfs=-20,
)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def level_dbfs(samples: Int16) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(samples / 2**15)))))


def correlation(first: Int16, second: Int16) -> float:
    return float(np.corrcoef(first.astype(float), second.astype(float))[0, 1])


def test_without_any_change_only_the_level_is_another() -> None:
    voice = speech("short_word")
    changed = in_surroundings(voice, NOTHING, STILL, random())
    assert level_dbfs(changed) == pytest.approx(-20, abs=0.1)
    assert correlation(voice, changed) > 0.9999


def test_the_same_seed_gives_the_same_samples_and_another_seed_others() -> None:
    voice, settings = speech("one_utterance"), SurroundingSettings()
    first, again, other = (
        in_surroundings(voice, NOTHING, settings, random(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("snr", [5.0, 20.0])
def test_noise_has_the_ratio_that_is_drawn(snr: float) -> None:
    voice = speech("short_word")
    settings = replace(STILL, noise_share=1, lowest_snr_db=snr, highest_snr_db=snr)
    noisy = in_surroundings(voice, NOTHING, replace(settings, babble_share=0), random())
    clean = voice * (correlation(voice, noisy) * np.std(noisy) / np.std(voice))
    found = 20 * np.log10(np.std(clean) / np.std(noisy - clean))
    assert found == pytest.approx(snr, abs=0.5)


def test_long_utterances_are_cut_and_fragments_are_shorter() -> None:
    voice = np.tile(speech("one_utterance"), 5)
    assert len(in_surroundings(voice, NOTHING, STILL, random())) == 4 * 16_000
    fragments = replace(STILL, fragment_share=1)
    lengths = [len(in_surroundings(voice, NOTHING, fragments, random(n))) for n in range(20)]
    assert 0.6 * 16_000 <= min(lengths) < max(lengths) <= 4 * 16_000


def test_a_room_adds_its_tail() -> None:
    click = np.zeros(8000, np.int16)
    click[100] = 20_000
    room = np.zeros(1000, np.float32)
    room[[0, 500]] = 1, 0.5
    settings = replace(STILL, room_share=1, quietest_dbfs=-45, loudest_dbfs=-45)
    changed = in_surroundings(click, Recordings([], [], [room]), settings, random())
    assert changed[600] == pytest.approx(changed[100] / 2, rel=0.01)


def test_clipped_utterances_reach_full_scale() -> None:
    clipped = in_surroundings(
        speech("short_word"), NOTHING, replace(STILL, clipped_share=1), random()
    )
    assert np.abs(clipped.astype(int)).max() >= 32767


def test_frames_are_those_of_the_live_frontend() -> None:
    voice = speech("one_utterance")
    power = FeatureMap("power", fft_samples=1024, log_offset=1e-6, power=True)
    settings = FrameSettings(3, 48, 48, masked_bands=0, masked_steps=0)
    steps = 96 + 2 * 48
    exact = voice[: (steps - 1) * 160 + 400]  # leaves one place for the frames
    frames = random_frames(exact, (YAMNET_MEL, power), settings, random())
    live = Frontend(48, (YAMNET_MEL, power)).process(exact)
    for name in ("mel", "power"):
        assert np.allclose(frames[name], np.stack([frame.maps[name] for frame in live]), atol=1e-4)


def test_a_short_utterance_is_padded_to_a_frame() -> None:
    frames = random_frames(speech("short_word")[:3000], (YAMNET_MEL,), FrameSettings(), random())
    assert frames["mel"].shape == (4, 96, 64)
    assert np.isfinite(frames["mel"]).all()


def test_masks_hide_bands_and_steps() -> None:
    settings = FrameSettings(1, masked_bands=64, masked_steps=0)
    frames = [
        random_frames(speech("one_utterance"), (YAMNET_MEL,), settings, random(seed))
        for seed in range(5)
    ]
    assert any((frame["mel"].std(axis=1) < 1e-6).sum() > 10 for frame in frames)


def test_opus_keeps_length_and_voice() -> None:
    voice = speech("one_utterance")
    decoded = through_opus(voice)
    assert len(decoded) == len(voice)
    assert not np.array_equal(decoded, voice)
    assert correlation(voice, decoded) > 0.9


def test_speech_is_cached_until_a_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "clip.flac"
    soundfile.write(path, speech("one_utterance"), 16_000)
    clips = [Clip(path, "made-up", "1", None, None, "en")]
    (first,) = load_samples(clips, tmp_path / "cache")
    assert np.array_equal(first, cut_speech(speech("one_utterance")))
    (whole,) = load_samples(clips, tmp_path / "cache", cut=unchanged)
    assert np.array_equal(whole, speech("one_utterance"))
    soundfile.write(path, speech("short_word"), 16_000)
    os.utime(path, ns=(1, 1))
    (second,) = load_samples(clips, tmp_path / "cache")
    assert np.array_equal(second, cut_speech(speech("short_word")))
