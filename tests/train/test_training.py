"""Training with Keras. Needs the train extra; some tests need YAMNet."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from speech_clips import speech

from realtime_ser.emotion.frontend import (
    Frontend,
    LevelNormalization,
    level_gain,
    log_map,
    to_float,
)
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.emotion.spectra import YAMNET_MEL, spectral_columns

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "tensorflow_hub", "sklearn", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

needs_yamnet = pytest.mark.skipif(
    "TFHUB_CACHE_DIR" not in os.environ, reason="TFHUB_CACHE_DIR names no copy of YAMNet"
)


def fake_ravdess(folder: Path) -> Path:
    """Write a clip of synthetic speech for every label and every speaker up to 20."""
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
    from train.model.yamnet import published_yamnet

    samples = to_float(speech("three_utterances"))
    published = published_yamnet()(samples)[2].numpy()
    ours = log_map(spectral_columns(samples, YAMNET_MEL), np.float32(1), YAMNET_MEL)
    assert len(published) >= len(ours)
    assert np.abs(published[: len(ours)] - ours).max() < 1e-3


@needs_yamnet
def test_the_body_starts_from_the_published_weights() -> None:
    from train.model.network import NetworkSettings, embedder
    from train.model.yamnet import load_published_weights, published_yamnet

    samples = to_float(speech("one_utterance"))[:15_600]
    _, embeddings, log_mel = published_yamnet()(samples)
    embed = embedder([YAMNET_MEL], NetworkSettings())
    load_published_weights(embed)
    ours = np.asarray(embed(log_mel.numpy()[np.newaxis, :96])).mean(axis=1)
    np.testing.assert_allclose(ours, embeddings.numpy()[:1], atol=1e-4)


def test_training_frames_are_those_of_the_live_program() -> None:
    from realtime_ser.settings import Settings
    from train.audio.utterances import longest_utterance, spectra
    from train.model.framing import last_window
    from train.model.recipe import load_recipe

    feature_maps = load_recipe("best").feature_maps
    utterance = longest_utterance(speech("one_utterance"))
    trained = last_window(spectra(utterance, feature_maps), feature_maps, Settings())
    live = Frontend(Settings().hop_steps, feature_maps).process(utterance)
    for feature_map in feature_maps:
        expected = np.stack([frame.maps[feature_map.name] for frame in live])
        np.testing.assert_allclose(trained[feature_map.name], expected, atol=1e-3)


def test_augmentation_is_reproducible() -> None:
    from train.audio.utterances import longest_utterance, spectra
    from train.model.augmentation import augmented_frames
    from train.model.recipe import load_recipe

    recipe = load_recipe("best")
    utterance = spectra(longest_utterance(speech("one_utterance")), recipe.feature_maps)
    first, again, other = (
        augmented_frames(
            utterance, recipe.feature_maps, recipe.augmentation, 48, np.random.default_rng(seed)
        )
        for seed in (1, 1, 2)
    )
    for feature_map in recipe.feature_maps:
        np.testing.assert_array_equal(first[feature_map.name], again[feature_map.name])
        assert not np.array_equal(first[feature_map.name], other[feature_map.name])


def test_a_frame_without_augmentation_is_a_normalized_one() -> None:
    from dataclasses import replace

    from train.audio.utterances import spectra
    from train.model.augmentation import augmented_frames
    from train.model.recipe import load_recipe

    recipe = load_recipe("best")
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
    gain = level_gain(utterance.powers, LevelNormalization())
    expected = log_map(utterance.columns["mel"], gain, YAMNET_MEL)
    np.testing.assert_allclose(frames["mel"][0], expected, atol=1e-5)


def test_a_room_in_training_changes_energies_as_a_room_changes_sound() -> None:
    from train.audio.channels import reverberate, room_response
    from train.audio.utterances import spectra
    from train.model.augmentation import STEP_SECONDS, Room, reverberated
    from train.model.recipe import load_recipe

    maps = load_recipe("best").feature_maps
    dry = to_float(speech("one_utterance"))
    seconds = 0.4
    response = room_response(np.random.default_rng(0), seconds)
    response[1:160] = 0  # reverberation within a step is part of the direct sound
    response[1:] /= np.sqrt(np.square(response[1:]).sum())
    wet = reverberate(dry, response)
    expected = spectra((wet * 32_767).astype(np.int16), maps)
    found = reverberated(
        spectra(speech("one_utterance"), maps), Room(10 ** (-6 * STEP_SECONDS / seconds), 1)
    )
    for name, columns in expected.columns.items():
        decibels = [
            10 * np.log10(np.square(mels).mean(axis=1) + 1e-6)
            for mels in (
                columns,
                found.columns[name],
                spectra(speech("one_utterance"), maps).columns[name],
            )
        ]
        error, change = (np.abs(decibels[0] - level).mean() for level in decibels[1:])
        assert error < 2.5 < change, (name, error, change)


def test_a_narrow_band_in_training_is_that_of_a_filter() -> None:
    from scipy.signal import butter, sosfilt

    from realtime_ser.emotion.spectra import band_centers
    from train.audio.utterances import spectra
    from train.model.augmentation import narrowed
    from train.model.recipe import load_recipe

    maps = load_recipe("best").feature_maps
    whole = speech("one_utterance")
    filtered = sosfilt(
        butter(10, (300, 3_400), "bandpass", fs=16_000, output="sos"), to_float(whole)
    )
    expected = spectra((filtered * 32_767).astype(np.int16), maps)
    found = narrowed(spectra(whole, maps), maps, 300, 3_400)
    hertz = band_centers(YAMNET_MEL)
    for inside, limit in ((True, 1.5), (False, -25.0)):
        chosen = ((hertz > 400) & (hertz < 3_000)) if inside else (hertz > 5_500)
        energies = [
            np.square(spectra.columns["mel"][:, chosen]).sum() for spectra in (expected, found)
        ]
        before = np.square(spectra(whole, maps).columns["mel"][:, chosen]).sum()
        changes = 10 * np.log10(np.array(energies) / before)
        assert (np.abs(changes) < limit).all() if inside else (changes < limit).all(), changes
    ratio = 10 * np.log10(found.powers.mean() / expected.powers.mean())
    assert abs(ratio) < 3


def test_frames_are_a_hop_apart_or_more_if_the_utterance_is_long_enough() -> None:
    from train.model.augmentation import frame_starts

    random = np.random.default_rng(1)
    drawn = [frame_starts(400, 3, (48, 110), random) for _ in range(200)]
    distances = {b - a for starts in drawn for a, b in pairwise(starts)}
    assert min(distances) == 48
    assert max(distances) == 110
    assert min(starts[0] for starts in drawn) < 5
    assert 300 < max(starts[-1] for starts in drawn) <= 400 - 96
    assert frame_starts(120, 3, (48, 110), random)[2] <= 24


def test_cropping_affects_everything_and_leaves_at_least_a_frame() -> None:
    from train.audio.utterances import spectra
    from train.model.augmentation import cropped

    utterance = spectra(speech("one_utterance")[:32_000], (YAMNET_MEL,))
    shorter = cropped(utterance, 20, 30)
    np.testing.assert_array_equal(shorter.columns["mel"], utterance.columns["mel"][20:-30])
    np.testing.assert_array_equal(shorter.powers, utterance.powers[20:-30])
    for beginning, end in ((500, 0), (0, 500), (70, 70), (500, 500)):
        assert len(cropped(utterance, beginning, end).powers) == 96


def test_an_ensemble_averages_log_probabilities() -> None:
    import keras

    from train.model.companion import (
        CompanionSettings,
        companion_classifier,
        companion_embedder,
        ensemble,
    )
    from train.model.network import NetworkSettings, classifier, embedder

    keras.utils.set_random_seed(1)
    settings = CompanionSettings(("mel",), (2, 2, 2, 2, 4), 0.3)
    embed = embedder([YAMNET_MEL], NetworkSettings())
    companion = companion_embedder([YAMNET_MEL], settings)
    pairs = (
        (embed, classifier(embed.output.shape[-1], NetworkSettings())),
        (companion, companion_classifier(companion.output.shape[-1], settings)),
    )
    frames = np.random.default_rng(0).normal(-3, 2, (5, 96, 64)).astype(np.float32)

    def logits(embed: keras.Model, classify: keras.Model) -> np.ndarray:
        positions = np.asarray(embed([frames]))
        assert positions.shape[:2] == (5, 3)
        return np.asarray(classify(positions.reshape(1, 15, -1)))

    both = logits(*ensemble(*pairs))
    expected = np.mean([keras.ops.log_softmax(logits(*pair)) for pair in pairs], axis=0)
    np.testing.assert_allclose(both, expected, atol=1e-5)
    assert ensemble(*pairs)[0].get_layer("layer6_pointwise_conv_relu") is not None


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(96, 64), (48, 33), (7, 5), (3, 2), (1, 1)])
def test_shifted_products_equal_a_depthwise_convolution(stride: int, size: tuple[int, int]) -> None:
    import keras

    from train.model.layers import shifted_products

    keras.utils.set_random_seed(1)
    images = np.random.default_rng(0).normal(size=(2, *size, 6)).astype(np.float32)
    reference = keras.layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)
    expected = np.asarray(reference(images))
    products = np.asarray(shifted_products(images, reference.kernel, stride))
    assert products.shape == expected.shape
    np.testing.assert_allclose(products, expected, atol=1e-5)


def test_shifted_products_have_the_gradients_of_a_depthwise_convolution() -> None:
    import keras
    import tensorflow

    from train.model.layers import shifted_products

    images = tensorflow.constant(
        np.random.default_rng(0).normal(size=(2, 9, 8, 4)).astype(np.float32)
    )
    reference = keras.layers.DepthwiseConv2D(3, 2, padding="same", use_bias=False)
    reference.build(images.shape)
    gradients = []
    for convolve in (reference, lambda values: shifted_products(values, reference.kernel, 2)):
        with tensorflow.GradientTape() as tape:
            tape.watch(images)
            loss = tensorflow.reduce_sum(tensorflow.square(convolve(images)))
        gradients.append(tape.gradient(loss, [images, reference.kernel.value]))
    for expected, gradient in zip(*gradients, strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-4)


def test_the_network_uses_shifted_products_on_jax_only(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    from train.model import layers
    from train.model.network import NetworkSettings, embedder

    shapes: list[tuple[int, ...]] = []

    def spy(images: keras.KerasTensor, kernel: keras.KerasTensor, stride: int) -> keras.KerasTensor:
        shapes.append(tuple(kernel.shape))
        return shifted(images, kernel, stride)

    shifted = layers.shifted_products
    monkeypatch.setattr(layers, "shifted_products", spy)
    keras.utils.set_random_seed(1)
    frame = np.random.default_rng(0).normal(-3, 2, (1, 96, 64)).astype(np.float32)
    embed = embedder([YAMNET_MEL], NetworkSettings())
    expected = np.asarray(embed([frame]))
    assert not shapes
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    np.testing.assert_allclose(np.asarray(embed([frame])), expected, atol=1e-4)
    assert len(shapes) == 13, "all depthwise layers"


@needs_yamnet
@pytest.mark.slow
def test_a_run_is_trained_resumed_exported_and_loaded(tmp_path: Path) -> None:
    from dataclasses import replace

    from train.corpora.ravdess import SPEAKERS, list_clips
    from train.corpora.splits import Split
    from train.model.export import export
    from train.model.fit import WindowMethod, fit
    from train.model.recipe import load_recipe
    from train.model.recipe_files import read_recipe

    clips = list_clips(fake_ravdess(tmp_path / "data"), SPEAKERS[:20])
    split = Split("trial", tuple(clips[:128]), tuple(clips[128:]), ())
    run, cache = tmp_path / "run", tmp_path / "cache"
    recipe = load_recipe("best")
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
    logits = WindowMethod("best", read_recipe("best"), cache).logits(split.validation, run)
    assert logits.shape == (32, 8)

    export(recipe, run, tmp_path / "model")
    model = EmotionModel(tmp_path / "model")
    assert (tmp_path / "model" / "model.tflite").stat().st_size > 10_000_000
    assert model.manifest.feature_maps == recipe.feature_maps
