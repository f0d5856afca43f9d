"""Export: the trained networks as one LiteRT file with two signatures, in a model folder."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import FRAME_STEPS, FeatureMap
from realtime_ser.emotion.manifest import MANIFEST_FILE, MODEL_FILE, Manifest
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.settings import Settings
from train.methods.no_speech import with_speech
from train.methods.runs import ORIGIN_FILE
from train.methods.window_recipe import WindowRecipe
from train.methods.windows import load_networks
from train.publishing.quantised import Quantised, convert

Float32 = NDArray[np.float32]

WINDOW_FRAMES = Settings().window_frames

PARITY_TOLERANCE = 1e-4
"""Largest difference allowed between Keras's and LiteRT's float outputs."""

QUANTISED_TOLERANCE = 0.2
"""Largest difference of a window's probabilities allowed where the network is quantised: what a
layer out of its range exceeds. How often labels change, ``python -m train quantise`` measures."""


class _Exported(tensorflow.Module):  # type: ignore[misc]
    """The two networks as functions whose variables the converter can see.

    ``embed`` gives a frame's embedding, and where there is a second output, whether it is speech.
    """

    def __init__(
        self,
        embed: keras.Model,
        classify: keras.Model,
        feature_maps: Sequence[FeatureMap],
        temperature: float,
    ) -> None:
        super().__init__()
        self._networks = (embed, classify)
        self._temperature = temperature
        # A Keras 3 model held by a tf.Module is not tracked; its variables have to be named.
        self._variables = [
            variable.value for network in self._networks for variable in network.variables
        ]
        self._names = [each.name for each in feature_maps]
        frames = {
            each.name: tensorflow.TensorSpec((1, FRAME_STEPS, each.bands), name=each.name)
            for each in feature_maps
        }
        positions = tensorflow.TensorSpec((None, *embed.outputs[0].shape[1:]), name="embeddings")
        self.embed = tensorflow.function(self._embed).get_concrete_function(**frames)
        self.classify = tensorflow.function(self._classify).get_concrete_function(
            embeddings=positions
        )

    def _embed(self, **maps: tensorflow.Tensor) -> dict[str, tensorflow.Tensor]:
        values = [maps[name] for name in self._names]
        embedding, *speech = _outputs(self._networks[0], values)
        further = {"speech": speech[0][:, 0]} if speech else {}
        return {"embedding": embedding, **further}

    def _classify(self, embeddings: tensorflow.Tensor) -> dict[str, tensorflow.Tensor]:
        channels = embeddings.shape[-1]
        positions = tensorflow.reshape(embeddings, (1, -1, channels))
        logits = self._networks[1](positions, training=False)
        return {"probabilities": tensorflow.nn.softmax(logits / self._temperature)[0]}


def export(
    recipe: WindowRecipe,
    run: Path,
    folder: Path,
    temperature: float = 1.0,
    quantised: Quantised | None = None,
) -> None:
    """Convert the networks of a finished run into the model folder ``folder``.

    Args:
        recipe: what the run was trained by.
        run: folder of the finished run.
        folder: model folder to write.
        temperature: what the logits are divided by, so that confidence and accuracy agree.
        quantised: how to store the frame's network; ``None`` leaves it float32.

    Raises:
        ValueError: the converted network does not agree with Keras.
    """
    embed, classify = load_networks(run)
    embed, threshold = with_speech(embed, run)
    folder.mkdir(parents=True, exist_ok=True)
    exported = _Exported(embed, classify, recipe.feature_maps, temperature)
    (folder / MODEL_FILE).write_bytes(_convert(exported, quantised))
    manifest = Manifest(
        name=folder.name,
        feature_maps=recipe.feature_maps,
        embedding_shape=tuple(embed.outputs[0].shape[1:]),
        files=file_hashes(folder),
        speech_threshold=threshold,
        training={
            **json.loads((run / ORIGIN_FILE).read_text()),
            "temperature": temperature,
            "weights": quantised.kind if quantised else "float32",
            "parameters": int(embed.count_params() + classify.count_params()),
        },
    )
    (folder / MANIFEST_FILE).write_text(manifest.to_json())
    frames = quantised.frames if quantised else ()
    embeddings, probabilities = parity(embed, classify, EmotionModel(folder), temperature, frames)
    difference = probabilities if quantised else max(embeddings, probabilities)
    if difference > (QUANTISED_TOLERANCE if quantised else PARITY_TOLERANCE):
        raise ValueError(f"LiteRT differs from Keras by {difference:.2g}")
    print(f"{folder / MODEL_FILE}: within {difference:.1g} of Keras")


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a model folder but its manifest."""
    files = sorted(each for each in folder.iterdir() if each.name != MANIFEST_FILE)
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def parity(
    embed: keras.Model,
    classify: keras.Model,
    model: EmotionModel,
    temperature: float = 1.0,
    frames: Sequence[Mapping[str, Float32]] = (),
) -> tuple[float, float]:
    """Return the largest difference of embeddings, and of a window's or speech's probabilities.

    Args:
        embed: Keras's network of a frame, with speech as its second output or without.
        classify: Keras's network of a window.
        model: what they were exported to.
        temperature: what the model divides logits by.
        frames: what to compare on, for each map ``[96, bands]``; random values without any.
    """
    chosen = frames[:WINDOW_FRAMES] or _random_frames(model.manifest.feature_maps)
    stacked = [np.stack([each[name] for each in chosen]) for name in chosen[0]]
    expected, *speech = (np.asarray(each) for each in _outputs(embed, stacked))
    found = [model.embed(each) for each in chosen]
    embeddings = np.stack([each.embedding for each in found])
    window = expected.reshape(1, -1, expected.shape[-1])
    logits = classify(window, training=False) / temperature
    probabilities = [np.asarray(keras.ops.softmax(logits))[0] - model.classify(list(embeddings))]
    probabilities += [each[:, 0] - [frame.speech for frame in found] for each in speech]
    return (
        float(np.abs(expected - embeddings).max()),
        float(np.abs(np.concatenate(probabilities)).max()),
    )


def _random_frames(feature_maps: Sequence[FeatureMap]) -> list[dict[str, Float32]]:
    random = np.random.default_rng(0)
    return [
        {
            each.name: random.normal(-3, 2, (FRAME_STEPS, each.bands)).astype(np.float32)
            for each in feature_maps
        }
        for _ in range(WINDOW_FRAMES)
    ]


def _outputs(embed: keras.Model, maps: Sequence[Any]) -> list[Any]:
    """Return the outputs of a frame's network for a batch of each map."""
    outputs = embed(list(maps), training=False)
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _convert(module: _Exported, quantised: Quantised | None) -> bytes:
    with tempfile.TemporaryDirectory() as saved:
        signatures = {"embed": module.embed, "classify": module.classify}
        tensorflow.saved_model.save(module, saved, signatures=signatures)
        return convert(saved, quantised)


def update_manifest(folder: Path, **changes: Any) -> None:
    """Rewrite the manifest with these values changed and the files' present hashes."""
    path = folder / MANIFEST_FILE
    values = json.loads(path.read_text())
    path.write_text(
        json.dumps({**values, **changes, "files": file_hashes(folder)}, indent=2) + "\n"
    )
