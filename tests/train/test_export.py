"""Export and quantization, on small untrained networks. Needs the train extra."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_ser.emotion.frontend import FRAME_STEPS
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.events import LABELS

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "sklearn", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of untrained networks with one convolution."""
    import keras
    from keras import layers

    from train.model.recipe import load_recipe
    from train.model.runs import ORIGIN_FILE
    from train.model.saved import CLASSIFIER_FILE, EMBEDDER_FILE

    keras.utils.set_random_seed(1)
    maps = load_recipe("best").feature_maps
    inputs = [
        keras.Input((FRAME_STEPS, feature_map.bands), name=feature_map.name) for feature_map in maps
    ]
    joined = layers.Reshape((FRAME_STEPS, -1, 1))(layers.Concatenate()(inputs))
    positions = layers.Conv2D(128, 3, strides=(32, 4), activation="relu")(joined)
    embedding = layers.GlobalAveragePooling2D()(positions)
    embed = keras.Model(inputs, layers.Reshape((1, 128))(embedding))
    window = keras.Input((None, 128))
    pooled = layers.GlobalAveragePooling1D()(window)
    classify = keras.Model(window, layers.Dense(len(LABELS))(pooled))
    folder = tmp_path_factory.mktemp("run")
    embed.save(folder / EMBEDDER_FILE)
    classify.save(folder / CLASSIFIER_FILE)
    (folder / ORIGIN_FILE).write_text('{"recipe": "pitch"}')
    return folder


def random_frames(model: EmotionModel) -> list[dict[str, Any]]:
    random = np.random.default_rng(2)
    return [
        {
            feature_map.name: random.normal(-3, 2, (FRAME_STEPS, feature_map.bands)).astype(
                np.float32
            )
            for feature_map in model.manifest.feature_maps
        }
        for _ in range(4)
    ]


def test_the_temperature_divides_the_logits_and_is_in_the_manifest(
    run: Path, tmp_path: Path
) -> None:
    from train.model.calibration import Calibration
    from train.model.export import export
    from train.model.recipe import load_recipe

    recipe = load_recipe("best")
    export(recipe, run, tmp_path / "cold")
    export(recipe, run, tmp_path / "warm", calibration=Calibration(temperature=2.0))
    cold, warm = EmotionModel(tmp_path / "cold"), EmotionModel(tmp_path / "warm")
    embeddings = [cold.embed(frame).embedding for frame in random_frames(cold)]
    logits = np.log(cold.classify(embeddings)) / 2
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(warm.classify(embeddings), expected, atol=1e-6)
    training = json.loads((tmp_path / "warm" / "manifest.json").read_text())["training"]
    assert training["temperature"] == 2.0


def test_the_prior_makes_neutral_and_calm_less_likely_and_is_in_the_manifest(
    run: Path, tmp_path: Path
) -> None:
    from train.model.calibration import Calibration
    from train.model.export import export
    from train.model.recipe import load_recipe

    recipe = load_recipe("best")
    export(recipe, run, tmp_path / "plain")
    export(recipe, run, tmp_path / "shifted", calibration=Calibration(prior=1.5, temperature=2.0))
    plain, shifted = EmotionModel(tmp_path / "plain"), EmotionModel(tmp_path / "shifted")
    embeddings = [plain.embed(frame).embedding for frame in random_frames(plain)]
    quiet = np.array([label in ("neutral", "calm") for label in LABELS])
    weights = np.exp((np.log(plain.classify(embeddings)) - 1.5 * quiet) / 2)
    np.testing.assert_allclose(shifted.classify(embeddings), weights / weights.sum(), atol=1e-6)
    training = json.loads((tmp_path / "shifted" / "manifest.json").read_text())["training"]
    assert training["prior"] == 1.5


def test_the_threshold_of_uncertain_is_in_the_manifest(run: Path, tmp_path: Path) -> None:
    from train.model.calibration import Calibration
    from train.model.export import export
    from train.model.recipe import load_recipe
    from train.model.rejection import Rejection

    rejection = Rejection(0.42, 0.2, {"nemo": 0.9})
    export(
        load_recipe("best"), run, tmp_path / "model", calibration=Calibration(rejection=rejection)
    )
    manifest = EmotionModel(tmp_path / "model").manifest
    assert manifest.uncertain_threshold == 0.42
    assert manifest.training["uncertain"] == {
        "threshold": 0.42,
        "error": 0.2,
        "coverage": {"nemo": 0.9},
    }


@pytest.mark.parametrize("kind", ["float16", "int8-weights", "int8"])
def test_a_quantized_network_predicts_nearly_the_same(run: Path, tmp_path: Path, kind: Any) -> None:
    from train.model.export import export
    from train.model.quantized import Quantized
    from train.model.recipe import load_recipe

    recipe = load_recipe("best")
    export(recipe, run, tmp_path / "float")
    whole = EmotionModel(tmp_path / "float")
    frames = random_frames(whole)
    export(recipe, run, tmp_path / kind, quantized=Quantized(kind, frames))
    small = EmotionModel(tmp_path / kind)

    assert (
        json.loads((tmp_path / kind / "manifest.json").read_text())["training"]["weights"] == kind
    )
    embeddings = [[model.embed(frame).embedding for frame in frames] for model in (whole, small)]
    assert not np.array_equal(embeddings[0], embeddings[1])
    np.testing.assert_allclose(
        small.classify(embeddings[1]), whole.classify(embeddings[0]), atol=0.02
    )
    # The window's network is unchanged; only the order of its sums may differ.
    np.testing.assert_allclose(
        small.classify(embeddings[0]), whole.classify(embeddings[0]), atol=1e-6
    )


def test_values_outside_the_calibrated_range_are_detected(run: Path, tmp_path: Path) -> None:
    from train.model.export import QUANTIZED_TOLERANCE, export, parity
    from train.model.quantized import Quantized
    from train.model.recipe import load_recipe
    from train.model.saved import load_networks

    recipe = load_recipe("best")
    export(recipe, run, tmp_path / "float")
    frames = random_frames(EmotionModel(tmp_path / "float"))
    loud = [{name: 100 * values for name, values in frame.items()} for frame in frames]
    export(recipe, run, tmp_path / "small", quantized=Quantized("int8", frames))
    model = EmotionModel(tmp_path / "small")
    assert parity(*load_networks(run), model, frames=loud)[1] > QUANTIZED_TOLERANCE
