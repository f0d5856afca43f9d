"""Training, on Keras itself. Needs the train extra; parts need YAMNet, and say so."""

import json
import os
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
from realtime_ser.emotion.model import EmotionModel, bundled_model_folder

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

    from train.network import YAMNET_URL

    samples = to_float(speech("three_utterances"))
    published = tensorflow_hub.load(YAMNET_URL)(samples)[2].numpy()
    ours = log_map(spectral_columns(samples, YAMNET_MEL), np.float32(1), YAMNET_MEL)
    assert len(published) >= len(ours)
    assert np.abs(published[: len(ours)] - ours).max() < 1e-3


@needs_yamnet
def test_the_body_starts_as_the_published_module() -> None:
    import tensorflow_hub

    from train.network import YAMNET_URL, NetworkSettings, embedder, load_published_weights

    samples = to_float(speech("one_utterance"))[:15_600]
    _, embeddings, log_mel = tensorflow_hub.load(YAMNET_URL)(samples)
    embed = embedder([YAMNET_MEL], NetworkSettings())
    load_published_weights(embed)
    ours = np.asarray(embed(log_mel.numpy()[np.newaxis, :96])).mean(axis=1)
    np.testing.assert_allclose(ours, embeddings.numpy()[:1], atol=1e-4)


def test_training_frames_are_those_of_the_live_program() -> None:
    from realtime_ser.settings import Settings
    from train.evaluate import framed
    from train.recipe import load_recipe
    from train.utterances import gated, spectra

    feature_maps = load_recipe("pitch").feature_maps
    utterance = gated(speech("one_utterance"))
    trained = framed(spectra(utterance, feature_maps), feature_maps, Settings())
    live = Frontend(Settings().hop_steps, feature_maps).process(utterance)
    for each in feature_maps:
        expected = np.stack([frame.maps[each.name] for frame in live])
        np.testing.assert_allclose(trained[each.name], expected, atol=1e-3)


def test_augmentation_repeats_under_a_seed() -> None:
    from train.augmentation import augmented_frames
    from train.recipe import load_recipe
    from train.utterances import gated, spectra

    recipe = load_recipe("pitch")
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

    from train.augmentation import augmented_frames
    from train.recipe import load_recipe
    from train.utterances import spectra

    recipe = load_recipe("first")
    settings = replace(
        recipe.augmentation, gain_db=0, tilt_db=0, noise_share=0, masked_bands=0, masked_steps=0
    )
    utterance = spectra(speech("one_utterance")[:15_600], recipe.feature_maps)
    frames = augmented_frames(
        utterance, recipe.feature_maps, settings, 48, np.random.default_rng(0)
    )
    gain = level_gain(utterance.powers, LevelNormalisation())
    expected = log_map(utterance.columns["mel"], gain, YAMNET_MEL)
    np.testing.assert_allclose(frames["mel"][0], expected, atol=1e-5)


@needs_yamnet
@pytest.mark.slow
def test_a_run_is_trained_resumed_exported_and_loaded(tmp_path: Path) -> None:
    from dataclasses import replace

    from train.export import export
    from train.fit import fit
    from train.recipe import load_recipe

    data = fake_ravdess(tmp_path / "data")
    recipe = load_recipe("pitch")
    recipe = replace(
        recipe,
        fit=replace(recipe.fit, epochs=1),
        augmentation=replace(recipe.augmentation, speeds=(1.0, 1.1)),
    )
    fit(recipe, data, tmp_path / "run", final=False)
    scores = json.loads((tmp_path / "run" / "validation.json").read_text())
    assert scores["clips"] == 4 * 8
    fit(replace(recipe, fit=replace(recipe.fit, epochs=2)), data, tmp_path / "run", final=False)
    rows = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1"], "resumed, not repeated"

    export(recipe, tmp_path / "run", tmp_path / "model")
    model = EmotionModel(tmp_path / "model")
    assert (tmp_path / "model" / "model.tflite").stat().st_size > 10_000_000
    assert model.manifest.feature_maps == recipe.feature_maps


def test_card_and_readme_state_the_scores_of_the_manifest(tmp_path: Path) -> None:
    import shutil

    from train.model_card import readme_with_scores, write_model_card

    folder = Path(shutil.copytree(bundled_model_folder(), tmp_path / bundled_model_folder().name))
    card = (folder / "README.md").read_text()
    scores = json.loads((folder / "manifest.json").read_text())["metrics"]["held-out"]
    write_model_card(folder, scores)
    assert (folder / "README.md").read_text() == card
    assert EmotionModel(folder).manifest == EmotionModel(bundled_model_folder()).manifest
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert readme_with_scores(readme, scores) == readme
