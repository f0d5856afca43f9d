"""Training, on Keras itself. Needs the train extra; parts need YAMNet, and say so."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from speech_clips import speech

from realtime_ser.emotion.frontend import (
    YAMNET_MEL,
    Frontend,
    LevelNormalisation,
    level_gain,
    log_map,
    spectral_columns,
    to_float,
)
from realtime_ser.emotion.model import EmotionModel

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "tensorflow_hub", "sklearn", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

needs_yamnet = pytest.mark.skipif(
    "TFHUB_CACHE_DIR" not in os.environ, reason="TFHUB_CACHE_DIR names no copy of YAMNet"
)


def fake_ravdess(folder: Path) -> Path:
    """Lay out the tests' synthetic speech as two clips of every label by every actor up to 20."""
    clips = [speech(name) for name in ("one_utterance", "speech_at_once")]
    for actor in range(1, 21):
        (folder / f"Actor_{actor:02}").mkdir(parents=True)
        for label in range(1, 9):
            name = f"03-01-{label:02}-01-01-01-{actor:02}.flac"
            samples = np.roll(clips[label % 2], 160 * (actor + label))
            soundfile.write(folder / f"Actor_{actor:02}" / name, samples, 16_000)
    return folder


@needs_yamnet
def test_the_mel_map_agrees_with_the_published_module() -> None:
    import tensorflow_hub

    from benchmarks.hub import YAMNET_URL

    samples = to_float(speech("three_utterances"))
    published = tensorflow_hub.load(YAMNET_URL)(samples)[2].numpy()
    ours = log_map(spectral_columns(samples, YAMNET_MEL), np.float32(1), YAMNET_MEL)
    assert len(published) >= len(ours)
    assert np.abs(published[: len(ours)] - ours).max() < 1e-3


@needs_yamnet
def test_the_body_starts_as_the_published_module() -> None:
    import tensorflow_hub

    from benchmarks.hub import YAMNET_URL
    from train.methods.network import NetworkSettings, embedder, load_published_weights

    samples = to_float(speech("one_utterance"))[:15_600]
    _, embeddings, log_mel = tensorflow_hub.load(YAMNET_URL)(samples)
    embed = embedder([YAMNET_MEL], NetworkSettings())
    load_published_weights(embed)
    ours = np.asarray(embed(log_mel.numpy()[np.newaxis, :96])).mean(axis=1)
    np.testing.assert_allclose(ours, embeddings.numpy()[:1], atol=1e-4)


def test_training_frames_are_those_of_the_live_program() -> None:
    from realtime_ser.settings import Settings
    from train.data.utterances import gated, spectra
    from train.methods.framing import framed
    from train.methods.window_recipe import load_window_recipe

    feature_maps = load_window_recipe("best").feature_maps
    utterance = gated(speech("one_utterance"))
    trained = framed(spectra(utterance, feature_maps), feature_maps, Settings())
    live = Frontend(Settings().hop_steps, feature_maps).process(utterance)
    for each in feature_maps:
        expected = np.stack([frame.maps[each.name] for frame in live])
        np.testing.assert_allclose(trained[each.name], expected, atol=1e-3)


def test_augmentation_repeats_under_a_seed() -> None:
    from train.data.utterances import gated, spectra
    from train.methods.augmentation import augmented_frames
    from train.methods.window_recipe import load_window_recipe

    recipe = load_window_recipe("best")
    utterance = spectra(gated(speech("one_utterance")), recipe.feature_maps)
    first, again, other = (
        augmented_frames(
            utterance, recipe.feature_maps, recipe.augmentation, 48, np.random.default_rng(seed)
        )
        for seed in (1, 1, 2)
    )
    for each in recipe.feature_maps:
        np.testing.assert_array_equal(first[each.name], again[each.name])
        assert not np.array_equal(first[each.name], other[each.name])


def test_an_unaugmented_frame_is_a_normalised_one() -> None:
    from dataclasses import replace

    from train.data.utterances import spectra
    from train.methods.augmentation import augmented_frames
    from train.methods.window_recipe import load_window_recipe

    recipe = load_window_recipe("best")
    settings = replace(
        recipe.augmentation,
        gain_db=0,
        tilt_db=0,
        noise_share=0,
        masked_bands=0,
        masked_steps=0,
        room_share=0,
        narrow_band_share=0,
        cropped_share=0,
    )
    utterance = spectra(speech("one_utterance")[:15_600], recipe.feature_maps)
    frames = augmented_frames(
        utterance, recipe.feature_maps, settings, 48, np.random.default_rng(0)
    )
    gain = level_gain(utterance.powers, LevelNormalisation())
    expected = log_map(utterance.columns["mel"], gain, YAMNET_MEL)
    np.testing.assert_allclose(frames["mel"][0], expected, atol=1e-5)


def test_a_room_in_training_does_to_energies_what_a_room_does_to_sound() -> None:
    from scipy.signal import fftconvolve

    from train.data.utterances import spectra
    from train.methods.augmentation import STEP_SECONDS, Room, reverberated
    from train.methods.window_recipe import load_window_recipe

    maps = load_window_recipe("best").feature_maps
    dry = to_float(speech("one_utterance"))
    seconds, random = 0.4, np.random.default_rng(0)
    tail = random.normal(size=6_400) * 10 ** (-3 * np.arange(6_400) / 16_000 / seconds)
    tail[:160] = 0  # what comes within a step belongs to the direct sound
    response = tail / np.sqrt(np.square(tail).sum())
    response[0] = 1
    wet = fftconvolve(dry, response)[: len(dry)]
    expected = spectra((wet * 32_767).astype(np.int16), maps)
    found = reverberated(
        spectra(speech("one_utterance"), maps), Room(10 ** (-6 * STEP_SECONDS / seconds), 1)
    )
    for name, columns in expected.columns.items():
        decibels = [
            10 * np.log10(np.square(each).mean(axis=1) + 1e-6)
            for each in (
                columns,
                found.columns[name],
                spectra(speech("one_utterance"), maps).columns[name],
            )
        ]
        error, change = (np.abs(decibels[0] - each).mean() for each in decibels[1:])
        assert error < 2.5 < change, (name, error, change)


def test_a_narrow_band_in_training_is_that_of_a_filter() -> None:
    from scipy.signal import butter, sosfilt

    from realtime_ser.emotion.frontend import band_centres
    from train.data.utterances import spectra
    from train.methods.augmentation import narrowed
    from train.methods.window_recipe import load_window_recipe

    maps = load_window_recipe("best").feature_maps
    whole = speech("one_utterance")
    filtered = sosfilt(
        butter(10, (300, 3_400), "bandpass", fs=16_000, output="sos"), to_float(whole)
    )
    expected = spectra((filtered * 32_767).astype(np.int16), maps)
    found = narrowed(spectra(whole, maps), maps, 300, 3_400)
    hertz = band_centres(YAMNET_MEL)
    for inside, limit in ((True, 1.5), (False, -25.0)):
        chosen = ((hertz > 400) & (hertz < 3_000)) if inside else (hertz > 5_500)
        energies = [np.square(each.columns["mel"][:, chosen]).sum() for each in (expected, found)]
        before = np.square(spectra(whole, maps).columns["mel"][:, chosen]).sum()
        changes = 10 * np.log10(np.array(energies) / before)
        assert (np.abs(changes) < limit).all() if inside else (changes < limit).all(), changes
    ratio = 10 * np.log10(found.powers.mean() / expected.powers.mean())
    assert abs(ratio) < 3


def test_frames_lie_a_hop_apart_or_further_where_there_is_room() -> None:
    from train.methods.augmentation import frame_starts

    random = np.random.default_rng(1)
    drawn = [frame_starts(400, 3, (48, 110), random) for _ in range(200)]
    distances = {b - a for starts in drawn for a, b in pairwise(starts)}
    assert min(distances) == 48
    assert max(distances) == 110
    assert min(starts[0] for starts in drawn) < 5
    assert 300 < max(starts[-1] for starts in drawn) <= 400 - 96
    assert frame_starts(120, 3, (48, 110), random)[2] <= 24


def test_what_is_cut_off_is_cut_off_everywhere_and_leaves_a_frame() -> None:
    from train.data.utterances import spectra
    from train.methods.augmentation import cropped

    utterance = spectra(speech("one_utterance")[:32_000], (YAMNET_MEL,))
    shorter = cropped(utterance, 20, 30)
    np.testing.assert_array_equal(shorter.columns["mel"], utterance.columns["mel"][20:-30])
    np.testing.assert_array_equal(shorter.powers, utterance.powers[20:-30])
    for beginning, end in ((500, 0), (0, 500), (70, 70), (500, 500)):
        assert len(cropped(utterance, beginning, end).powers) == 96


def test_a_network_and_its_companion_answer_as_the_mean_of_their_log_probabilities() -> None:
    import keras

    from train.methods.convolutions import ConvolutionSettings, frame_convolutions, mean_and_highest
    from train.methods.network import NetworkSettings, classifier, embedder, together

    keras.utils.set_random_seed(1)
    settings = ConvolutionSettings(("mel",), (2, 2, 2, 2, 4), 0.3)
    embed = embedder([YAMNET_MEL], NetworkSettings())
    companion = frame_convolutions([YAMNET_MEL], settings)
    pairs = (
        (embed, classifier(embed.output.shape[-1], NetworkSettings())),
        (companion, mean_and_highest(companion.output.shape[-1], settings)),
    )
    frames = np.random.default_rng(0).normal(-3, 2, (5, 96, 64)).astype(np.float32)

    def logits(embed: keras.Model, classify: keras.Model) -> np.ndarray:
        positions = np.asarray(embed([frames]))
        assert positions.shape[:2] == (5, 3)
        return np.asarray(classify(positions.reshape(1, 15, -1)))

    both = logits(*together(*pairs))
    expected = np.mean([keras.ops.log_softmax(logits(*pair)) for pair in pairs], axis=0)
    np.testing.assert_allclose(both, expected, atol=1e-5)
    assert together(*pairs)[0].get_layer("layer6_pointwise_conv_relu") is not None


@needs_yamnet
@pytest.mark.slow
def test_a_run_is_trained_resumed_exported_and_loaded(tmp_path: Path) -> None:
    from dataclasses import replace

    from train.data.ravdess import list_clips
    from train.data.splits import Split
    from train.methods.window_recipe import load_window_recipe
    from train.methods.windows import WindowMethod, fit
    from train.publishing.export import export
    from train.recipe import read_recipe

    clips = list_clips(fake_ravdess(tmp_path / "data"), range(1, 21))
    split = Split("trial", tuple(clips[:128]), tuple(clips[128:]), ())
    run, cache = tmp_path / "run", tmp_path / "cache"
    recipe = load_window_recipe("best")
    assert recipe.companion
    recipe = replace(
        recipe,
        fit=replace(recipe.fit, epochs=1, thawed_epochs=0),
        augmentation=replace(recipe.augmentation, speeds=(1.0, 1.1)),
        companion=replace(recipe.companion, fit=replace(recipe.companion.fit, epochs=1)),
    )
    alone = replace(recipe, companion=None)
    fit(alone, split, run / "first", cache)
    (run / "first" / "classifier.keras").unlink()  # as if it had been cut short
    longer = replace(recipe, fit=replace(recipe.fit, epochs=2, thawed_epochs=1))
    fit(longer, split, run, cache)
    rows = (run / "first" / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1", "2"], "resumed"
    rows = (run / "companion" / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0"]
    table = read_recipe("best")
    del table["method"]
    logits = WindowMethod("best", table, cache).logits(split.validation, run)
    assert logits.shape == (32, 8)

    export(recipe, run, tmp_path / "model")
    model = EmotionModel(tmp_path / "model")
    assert (tmp_path / "model" / "model.tflite").stat().st_size > 10_000_000
    assert model.manifest.feature_maps == recipe.feature_maps
