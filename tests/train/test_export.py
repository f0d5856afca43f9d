"""Export, on small networks made for the purpose. Needs the train extra."""

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
    """A finished run of untrained networks, a convolution deep."""
    import keras
    from keras import layers

    from train.methods.runs import ORIGIN_FILE
    from train.methods.window_recipe import load_window_recipe
    from train.methods.windows import CLASSIFIER_FILE, EMBEDDER_FILE

    keras.utils.set_random_seed(1)
    maps = load_window_recipe("best").feature_maps
    inputs = [keras.Input((FRAME_STEPS, each.bands), name=each.name) for each in maps]
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
            each.name: random.normal(-3, 2, (FRAME_STEPS, each.bands)).astype(np.float32)
            for each in model.manifest.feature_maps
        }
        for _ in range(4)
    ]


def test_the_temperature_divides_the_logits_and_stands_in_the_manifest(
    run: Path, tmp_path: Path
) -> None:
    from train.methods.window_recipe import load_window_recipe
    from train.publishing.export import export

    recipe = load_window_recipe("best")
    export(recipe, run, tmp_path / "cold")
    export(recipe, run, tmp_path / "warm", temperature=2.0)
    cold, warm = EmotionModel(tmp_path / "cold"), EmotionModel(tmp_path / "warm")
    embeddings = [cold.embed(frame).embedding for frame in random_frames(cold)]
    logits = np.log(cold.classify(embeddings)) / 2
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(warm.classify(embeddings), expected, atol=1e-6)
    training = json.loads((tmp_path / "warm" / "manifest.json").read_text())["training"]
    assert training["temperature"] == 2.0


@pytest.mark.parametrize("kind", ["float16", "int8-weights", "int8"])
def test_a_quantised_network_is_smaller_and_says_nearly_the_same(
    run: Path, tmp_path: Path, kind: Any
) -> None:
    from train.methods.window_recipe import load_window_recipe
    from train.publishing.export import export
    from train.publishing.quantised import Quantised

    recipe = load_window_recipe("best")
    export(recipe, run, tmp_path / "float")
    whole = EmotionModel(tmp_path / "float")
    frames = random_frames(whole)
    export(recipe, run, tmp_path / kind, quantised=Quantised(kind, frames))
    small = EmotionModel(tmp_path / kind)

    assert (
        json.loads((tmp_path / kind / "manifest.json").read_text())["training"]["weights"] == kind
    )
    embeddings = [[model.embed(each).embedding for each in frames] for model in (whole, small)]
    assert not np.array_equal(embeddings[0], embeddings[1])
    np.testing.assert_allclose(
        small.classify(embeddings[1]), whole.classify(embeddings[0]), atol=0.02
    )
    # The window's network is as it was, to the last bit but the order of its sums.
    np.testing.assert_allclose(
        small.classify(embeddings[0]), whole.classify(embeddings[0]), atol=1e-6
    )


def test_values_out_of_the_range_shown_are_noticed(run: Path, tmp_path: Path) -> None:
    from train.methods.window_recipe import load_window_recipe
    from train.methods.windows import load_networks
    from train.publishing.export import QUANTISED_TOLERANCE, export, parity
    from train.publishing.quantised import Quantised

    recipe = load_window_recipe("best")
    export(recipe, run, tmp_path / "float")
    frames = random_frames(EmotionModel(tmp_path / "float"))
    loud = [{name: 100 * values for name, values in frame.items()} for frame in frames]
    export(recipe, run, tmp_path / "small", quantised=Quantised("int8", frames))
    model = EmotionModel(tmp_path / "small")
    assert parity(*load_networks(run), model, frames=loud)[1] > QUANTISED_TOLERANCE


@pytest.mark.parametrize(
    ("uar", "hop_ms", "expected"),
    [
        (0.650, 1.0, "int8 takes 0.50 of a hop's time and changes UAR by +0.000"),
        (0.646, 1.0, "int8 takes 0.50 of a hop's time and changes UAR by -0.004"),
        (0.644, 1.0, "float32 stays"),
        (0.660, 2.1, "float32 stays"),
    ],
)
def test_a_variant_is_chosen_when_it_is_faster_and_hears_as_well(
    uar: float, hop_ms: float, expected: str
) -> None:
    from train.evaluation.quantisation import Variant, as_table, verdict

    variants = [
        Variant("float32", 15.0, 0.66, 0.650, 1.0, 1.2, 2.0),
        Variant("int8", 4.0, 0.66, uar, 0.97, 0.3, hop_ms),
    ]
    assert verdict(variants).startswith(expected)
    assert f"| int8 | 4.0 | {uar:.3f} | 0.660 | 0.970 | 0.30 | {hop_ms:.2f} |" in as_table(
        variants, 240
    )
