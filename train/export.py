"""Export: the trained networks as one LiteRT file with two signatures, in a model folder."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import FRAME_STEPS, FeatureMap
from realtime_ser.emotion.manifest import MANIFEST_FILE, MODEL_FILE, Manifest
from realtime_ser.emotion.model import EmotionModel
from train.fit import ORIGIN_FILE
from train.recipe import Recipe

PARITY_TOLERANCE = 1e-4
"""Largest difference allowed between Keras's and LiteRT's float outputs."""


class _Exported(tensorflow.Module):  # type: ignore[misc]
    """The two networks as functions whose variables the converter can see."""

    def __init__(
        self, embed: keras.Model, classify: keras.Model, feature_maps: Sequence[FeatureMap]
    ) -> None:
        super().__init__()
        self._networks = (embed, classify)
        # A Keras 3 model held by a tf.Module is not tracked; its variables have to be named.
        self._variables = [
            variable.value for network in self._networks for variable in network.variables
        ]
        self._names = [each.name for each in feature_maps]
        frames = {
            each.name: tensorflow.TensorSpec((1, FRAME_STEPS, each.bands), name=each.name)
            for each in feature_maps
        }
        positions = tensorflow.TensorSpec((None, *embed.output.shape[1:]), name="embeddings")
        self.embed = tensorflow.function(self._embed).get_concrete_function(**frames)
        self.classify = tensorflow.function(self._classify).get_concrete_function(
            embeddings=positions
        )

    def _embed(self, **maps: tensorflow.Tensor) -> dict[str, tensorflow.Tensor]:
        values = [maps[name] for name in self._names]
        embed = self._networks[0]
        return {"embedding": embed(values, training=False)}

    def _classify(self, embeddings: tensorflow.Tensor) -> dict[str, tensorflow.Tensor]:
        channels = embeddings.shape[-1]
        positions = tensorflow.reshape(embeddings, (1, -1, channels))
        logits = self._networks[1](positions, training=False)
        return {"probabilities": tensorflow.nn.softmax(logits)[0]}


def export(recipe: Recipe, run: Path, folder: Path) -> None:
    """Convert the networks of a finished run into the model folder ``folder``.

    Raises:
        ValueError: the converted network does not agree with Keras.
    """
    embed = keras.saving.load_model(run / "embedder.keras")
    classify = keras.saving.load_model(run / "classifier.keras")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(_convert(embed, classify, recipe.feature_maps))
    manifest = Manifest(
        name=folder.name,
        feature_maps=recipe.feature_maps,
        embedding_shape=tuple(embed.output.shape[1:]),
        files=file_hashes(folder),
        training={
            **json.loads((run / ORIGIN_FILE).read_text()),
            "parameters": int(embed.count_params() + classify.count_params()),
        },
    )
    (folder / MANIFEST_FILE).write_text(manifest.to_json())
    difference = parity(embed, classify, EmotionModel(folder))
    if difference > PARITY_TOLERANCE:
        raise ValueError(f"LiteRT differs from Keras by {difference:.2g}")
    print(f"{folder / MODEL_FILE}: within {difference:.1g} of Keras")


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a model folder but its manifest."""
    files = sorted(each for each in folder.iterdir() if each.name != MANIFEST_FILE)
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def parity(embed: keras.Model, classify: keras.Model, model: EmotionModel) -> float:
    """Return the largest difference of embeddings and probabilities on random frames."""
    random = np.random.default_rng(0)
    pairs = [_both(embed, model, random) for _ in range(7)]
    window = np.concatenate([expected for expected, _ in pairs])[np.newaxis]
    probabilities = np.asarray(keras.ops.softmax(classify(window, training=False)))[0]
    found = model.classify([embedding for _, embedding in pairs])
    differences = [np.abs(expected - embedding).max() for expected, embedding in pairs]
    return float(max(*differences, np.abs(probabilities - found).max()))


def _both(
    embed: keras.Model, model: EmotionModel, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    maps = {
        each.name: random.normal(-3, 2, (FRAME_STEPS, each.bands)).astype(np.float32)
        for each in model.manifest.feature_maps
    }
    inputs = [values[np.newaxis] for values in maps.values()]
    return np.asarray(embed(inputs, training=False))[0], model.embed(maps)


def _convert(
    embed: keras.Model, classify: keras.Model, feature_maps: Sequence[FeatureMap]
) -> bytes:
    module = _Exported(embed, classify, feature_maps)
    with tempfile.TemporaryDirectory() as saved:
        signatures = {"embed": module.embed, "classify": module.classify}
        tensorflow.saved_model.save(module, saved, signatures=signatures)
        converter = tensorflow.lite.TFLiteConverter.from_saved_model(saved)
        content: bytes = converter.convert()
    return content


def update_manifest(folder: Path, **changes: Any) -> None:
    """Rewrite the manifest with these values changed and the files' present hashes."""
    path = folder / MANIFEST_FILE
    values = json.loads(path.read_text())
    path.write_text(
        json.dumps({**values, **changes, "files": file_hashes(folder)}, indent=2) + "\n"
    )
