"""The preprocessing and the features of the baselines, and their cache."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser import AudioInputError
from realtime_ser.emotion.frontend import to_float
from realtime_ser.errors import OutputError, SettingsError
from realtime_ser.settings import SAMPLE_RATE

pytestmark = pytest.mark.train

for module in ("librosa", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from experiments.baselines.features import (  # noqa: E402
    cached_features,
    log_mel,
    mfcc,
    yamnet_patches,
)
from experiments.baselines.preprocess import (  # noqa: E402
    PreprocessSettings,
    preprocess,
    read_float,
    reduce_noise,
)
from train.corpora.clip import Clip  # noqa: E402

Float32 = NDArray[np.float32]

NOTHING = PreprocessSettings(loudness_normalization=False, silence_trimming=False)


@pytest.fixture(scope="module")
def words() -> Float32:
    """One utterance between silences, float32 at 16 kHz."""
    return to_float(speech("one_utterance"))


def rms_dbfs(samples: Float32) -> float:
    return float(10 * np.log10(np.mean(np.square(samples))))


def spoken(samples: Float32) -> slice:
    loud = np.flatnonzero(np.abs(samples) > 0.1 * np.abs(samples).max())
    return slice(int(loud[0]), int(loud[-1]) + 1)


def test_without_steps_a_clip_is_only_padded_or_truncated(words: Float32) -> None:
    longer = preprocess(words, replace(NOTHING, seconds=len(words) / SAMPLE_RATE + 1))
    np.testing.assert_array_equal(longer[: len(words)], words)
    assert not longer[len(words) :].any()
    assert len(longer) == len(words) + SAMPLE_RATE
    shorter = preprocess(words, replace(NOTHING, seconds=0.5))
    np.testing.assert_array_equal(shorter, words[:8000])
    assert longer.dtype == shorter.dtype == np.float32


def test_clips_have_four_seconds(words: Float32) -> None:
    assert preprocess(words, PreprocessSettings()).shape == (4 * SAMPLE_RATE,)


@pytest.mark.parametrize("gain_db", [-30, 0, 6])
def test_loudness_does_not_depend_on_the_recording_level(words: Float32, gain_db: float) -> None:
    settings = PreprocessSettings(seconds=len(words) / SAMPLE_RATE, silence_trimming=False)
    changed = (words * 10 ** (gain_db / 20)).astype(np.float32)
    assert rms_dbfs(preprocess(changed, settings)) == pytest.approx(-20, abs=0.01)


def test_silence_before_and_after_is_removed_but_no_speech(words: Float32) -> None:
    silence = np.zeros(SAMPLE_RATE, np.float32)
    settings = replace(NOTHING, silence_trimming=True, seconds=6)
    trimmed = preprocess(np.concatenate((silence, words, silence)), settings)
    speech_part = words[spoken(words)]
    start = spoken(trimmed).start
    np.testing.assert_array_equal(trimmed[start : start + len(speech_part)], speech_part)
    assert start < SAMPLE_RATE / 4, "librosa cuts in steps of 32 ms and looks 64 ms ahead"


def test_loudness_is_measured_after_trimming(words: Float32) -> None:
    silence = np.zeros(SAMPLE_RATE, np.float32)
    alone = preprocess(words, PreprocessSettings(seconds=2))
    surrounded = np.concatenate((silence, words, silence))
    within = preprocess(surrounded, PreprocessSettings(seconds=2))
    assert rms_dbfs(within) == pytest.approx(rms_dbfs(alone), abs=0.2)


def test_noise_reduction_attenuates_the_pauses_and_not_the_words(words: Float32) -> None:
    silence = np.zeros(SAMPLE_RATE, np.float32)
    clean = np.concatenate((silence, words, silence))
    noise = np.random.default_rng(1).normal(0, 0.003, len(clean)).astype(np.float32)
    reduced = reduce_noise(clean + noise, PreprocessSettings())
    pause = slice(0, SAMPLE_RATE)
    assert rms_dbfs(reduced[pause]) < rms_dbfs(noise[pause]) - 8
    where = spoken(clean)
    error = rms_dbfs(reduced[where] - clean[where]) - rms_dbfs(clean[where])
    assert error < rms_dbfs(noise) - rms_dbfs(clean[where]) < -10


def test_noise_is_reduced_only_when_asked(words: Float32) -> None:
    noisy = words + np.random.default_rng(1).normal(0, 0.01, len(words)).astype(np.float32)
    unreduced = preprocess(noisy, NOTHING)
    np.testing.assert_array_equal(unreduced[: len(noisy)], noisy[: len(unreduced)])
    assert not np.array_equal(unreduced, preprocess(noisy, replace(NOTHING, noise_reduction=True)))


def test_silence_stays_silence() -> None:
    settings = PreprocessSettings(noise_reduction=True)
    assert not preprocess(np.zeros(SAMPLE_RATE, np.float32), settings).any()


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (44_100, 2), (8_000, 1)])
def test_clips_of_any_rate_are_read_at_16_khz_mono(
    tmp_path: Path, rate: int, channels: int
) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    soundfile.write(tmp_path / "tone.wav", np.tile(tone[:, np.newaxis], channels), rate)
    samples = read_float(tmp_path / "tone.wav")
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(2 * SAMPLE_RATE, abs=2)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / SAMPLE_RATE)
    middle = slice(SAMPLE_RATE // 2, -SAMPLE_RATE // 2)
    np.testing.assert_allclose(samples[middle], expected[middle], atol=0.002)


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioInputError, match=r"absent\.wav cannot be opened"):
        read_float(tmp_path / "absent.wav")


def test_log_mel_shows_a_tone_where_and_when_it_is() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    values = log_mel(np.concatenate((np.zeros(SAMPLE_RATE), tone)).astype(np.float32))
    assert values.shape == (201, 64)
    assert values.dtype == np.float32
    # Slaney's scale is linear up to 1 kHz, its 15th mel of 45.2; 64 bands have 66 edges.
    assert (values[110:190].argmax(axis=1) == round(15 / 45.245 * 65) - 1).all()
    assert values[:90].max() == values.max() - 80


@pytest.mark.parametrize("coefficients", [13, 20, 40])
def test_the_number_of_mfccs_is_the_one_given(words: Float32, coefficients: int) -> None:
    values = mfcc(words, coefficients)
    assert values.shape == (1 + len(words) // 160, coefficients)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, mfcc(words, 40)[:, :coefficients], rtol=1e-5)


def test_mfccs_are_the_cosine_transform_of_the_mel_map(words: Float32) -> None:
    from scipy.fft import dct

    expected = dct(log_mel(words), norm="ortho", axis=1)[:, :13]
    np.testing.assert_allclose(mfcc(words, 13), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("coefficients", [0, 12, 41])
def test_other_numbers_of_mfccs_are_refused(words: Float32, coefficients: int) -> None:
    with pytest.raises(SettingsError, match=f"coefficients is {coefficients}: use 13 to 40"):
        mfcc(words, coefficients)


@pytest.fixture(scope="module")
def published_yamnet() -> Callable[[Float32], Any]:
    if "TFHUB_CACHE_DIR" not in os.environ:
        pytest.skip("TFHUB_CACHE_DIR names no copy of YAMNet")
    pytest.importorskip("tensorflow_hub", reason="the train extra is not installed")
    from train.model.yamnet import published_yamnet as load

    module: Callable[[Float32], Any] = load()
    return module


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("samples", [100, 15_600, 15_601, 23_280, 23_281, 64_000])
def test_patches_are_those_of_the_published_module(
    published_yamnet: Callable[[Float32], Any], samples: int
) -> None:
    clip = to_float(np.resize(speech("three_utterances"), samples))
    _, embeddings, log_mel_map = published_yamnet(clip)
    patches = yamnet_patches(clip)
    assert patches.shape == (len(embeddings), 96, 64)
    for index, patch in enumerate(patches):
        expected = log_mel_map.numpy()[48 * index :][:96]
        np.testing.assert_allclose(patch, expected, atol=1e-3)


class Counted:
    """Computes something of a file and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, path: Path) -> Float32:
        self.calls += 1
        return np.full((2, 3), len(path.read_bytes()), np.float32)


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    paths = [tmp_path / "first.wav", tmp_path / "second.wav"]
    for length, path in enumerate(paths, start=1):
        path.write_bytes(b"x" * length)
    return [Clip(path, "few", "1", None, "neutral", "en") for path in paths]


def test_a_cached_array_is_computed_once(tmp_path: Path, clips: list[Clip]) -> None:
    compute = Counted()
    first = cached_features(clips, compute, {"a": 1}, tmp_path / "cache", "things")
    again = cached_features(clips, compute, {"a": 1}, tmp_path / "cache", "things")
    assert compute.calls == 2
    for values, same, length in zip(first, again, (1, 2), strict=True):
        assert values.dtype == same.dtype == np.float32
        np.testing.assert_array_equal(values, np.full((2, 3), length))
        np.testing.assert_array_equal(values, same)


def test_the_key_has_content_settings_and_kind_but_not_the_name(
    tmp_path: Path, clips: list[Clip]
) -> None:
    compute, cache = Counted(), tmp_path / "cache"
    cached_features(clips, compute, {"a": 1, "b": [1, 2]}, cache, "things")
    renamed = replace(clips[0], path=clips[0].path.rename(tmp_path / "renamed.wav"))
    cached_features([renamed], compute, {"b": [1, 2], "a": 1}, cache, "things")
    assert compute.calls == 2
    cached_features([renamed], compute, {"a": 2, "b": [1, 2]}, cache, "things")
    cached_features([renamed], compute, {"a": 1, "b": [1, 2]}, cache, "others")
    renamed.path.write_bytes(b"another")
    assert cached_features([renamed], compute, {"a": 1, "b": [1, 2]}, cache, "things")[0][0, 0] == 7
    assert compute.calls == 5


@pytest.mark.parametrize("share", [0, 0.1, 0.9])
def test_a_damaged_entry_is_computed_again(tmp_path: Path, clips: list[Clip], share: float) -> None:
    compute, cache = Counted(), tmp_path / "cache"
    (whole,) = cached_features(clips[:1], compute, {}, cache, "things")
    (entry,) = cache.iterdir()
    entry.write_bytes(entry.read_bytes()[: int(share * entry.stat().st_size)])
    (repaired,) = cached_features(clips[:1], compute, {}, cache, "things")
    np.testing.assert_array_equal(repaired, whole)
    cached_features(clips[:1], compute, {}, cache, "things")
    assert compute.calls == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_one_line_and_leaves_no_file(tmp_path: Path, clips: list[Clip]) -> None:
    cache = tmp_path / "cache"
    cached_features(clips[:1], Counted(), {}, cache, "things")
    (entry,) = cache.iterdir()
    entry.unlink()
    entry.with_name(f"{entry.name}.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"cannot write to .*No space left.*--runs") as caught:
        cached_features(clips[:1], Counted(), {}, cache, "things")
    assert "\n" not in str(caught.value)
    assert not list(cache.iterdir())


def test_a_cache_that_cannot_be_created_is_named(tmp_path: Path, clips: list[Clip]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write to .*file"):
        cached_features(clips, Counted(), {}, tmp_path / "file" / "cache", "things")
