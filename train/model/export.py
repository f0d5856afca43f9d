"""Exports trained networks to a model folder: one LiteRT file with two signatures, a manifest."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import FRAME_STEPS
from realtime_ser.emotion.manifest import MANIFEST_FILE, MODEL_FILE, STATISTICS_FILE, Manifest
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.emotion.spectra import FeatureMap
from realtime_ser.settings import DEFAULT_THRESHOLD, Settings
from train.corpora.clip import Clip
from train.files import read_json
from train.model import speech_head, speech_output
from train.model.calibration import UNCALIBRATED, Calibration, calibrated
from train.model.model_folder import file_hashes
from train.model.quantized import Quantized, convert
from train.model.runs import ORIGIN_FILE
from train.model.saved import load_networks
from train.model.voice_statistics import add_statistics

Float32 = NDArray[np.float32]

WINDOW_FRAMES = Settings().window_frames

PARITY_TOLERANCE = 1e-4
"""Largest difference allowed between Keras's and LiteRT's float outputs."""

QUANTIZED_TOLERANCE = 0.2
"""Largest difference allowed between a window's probabilities if the network is quantized; a layer
whose values saturate exceeds it. ``python -m experiments quantization`` measures how often labels
change."""


class Exportable(Protocol):
    """A recipe of any kind."""

    @property
    def removes_offset(self) -> bool:
        """Whether it trains on samples whose offset is removed."""

    @property
    def feature_maps(self) -> tuple[FeatureMap, ...]:
        """The maps that the embedder takes, in its order."""


class _Exported(tensorflow.Module):  # type: ignore[misc]
    """The two networks as functions whose variables the converter can find.

    ``embed`` returns a frame's embedding and, if the network has it, the speech output.
    """

    def __init__(
        self,
        embed: keras.Model,
        classify: keras.Model,
        feature_maps: Sequence[FeatureMap],
        calibration: Calibration,
    ) -> None:
        super().__init__()
        self._networks = (embed, classify)
        self._calibration = calibration
        # A tf.Module does not track Keras 3 models, so their variables have to be listed.
        self._variables = [
            variable.value for network in self._networks for variable in network.variables
        ]
        self._names = [feature_map.name for feature_map in feature_maps]
        frames = {
            feature_map.name: tensorflow.TensorSpec(
                (1, FRAME_STEPS, feature_map.bands), name=feature_map.name
            )
            for feature_map in feature_maps
        }
        positions = tensorflow.TensorSpec((None, *embed.outputs[0].shape[1:]), name="embeddings")
        self.embed = tensorflow.function(self._embed).get_concrete_function(**frames)
        self.classify = tensorflow.function(self._classify).get_concrete_function(
            embeddings=positions
        )

    def _embed(self, **maps: tensorflow.Tensor) -> dict[str, tensorflow.Tensor]:
        values = [maps[name] for name in self._names]
        embedding, *speech = _outputs(self._networks[0], values)
        return {"embedding": embedding, **({"speech": speech[0][:, 0]} if speech else {})}

    def _classify(self, embeddings: tensorflow.Tensor) -> dict[str, tensorflow.Tensor]:
        channels = embeddings.shape[-1]
        positions = tensorflow.reshape(embeddings, (1, -1, channels))
        logits = self._networks[1](positions, training=False)
        return {"probabilities": tensorflow.nn.softmax(calibrated(logits, self._calibration))[0]}


def export(
    recipe: Exportable,
    run: Path,
    folder: Path,
    calibration: Calibration = UNCALIBRATED,
    quantized: Quantized | None = None,
    voices: Sequence[Clip] = (),
) -> None:
    """Write the networks of a finished run to the model folder ``folder``.

    Args:
        recipe: what the run was trained with.
        run: folder of the finished run.
        folder: the model folder, created if it is missing.
        calibration: what is applied to the logits.
        quantized: how to quantize the frame's network; ``None`` leaves it float32.
        voices: clips that the run was trained on, for the statistics of the training voices;
            without them the model does not adapt to voices.

    Raises:
        ValueError: the converted network differs from the Keras one.
    """
    rejection = calibration.rejection
    embed, classify = load_networks(run)
    embed, threshold = _with_speech_output(embed, run)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STATISTICS_FILE).unlink(missing_ok=True)
    exported = _Exported(embed, classify, recipe.feature_maps, calibration)
    (folder / MODEL_FILE).write_bytes(_convert(exported, quantized))
    manifest = Manifest(
        name=folder.name,
        feature_maps=recipe.feature_maps,
        embedding_shape=tuple(embed.outputs[0].shape[1:]),
        files=file_hashes(folder),
        speech_threshold=threshold,
        uncertain_threshold=rejection.threshold if rejection else DEFAULT_THRESHOLD,
        removes_offset=recipe.removes_offset,
        training={
            **read_json(run / ORIGIN_FILE),
            "prior": calibration.prior,
            "temperature": calibration.temperature,
            **({"uncertain": asdict(rejection)} if rejection else {}),
            "weights": quantized.kind if quantized else "float32",
            "parameters": int(embed.count_params() + classify.count_params()),
        },
    )
    (folder / MANIFEST_FILE).write_text(manifest.to_json())
    frames = quantized.frames if quantized else ()
    embeddings, probabilities = parity(embed, classify, EmotionModel(folder), calibration, frames)
    difference = probabilities if quantized else max(embeddings, probabilities)
    if difference > (QUANTIZED_TOLERANCE if quantized else PARITY_TOLERANCE):
        raise ValueError(f"LiteRT differs from Keras by {difference:.2g}")
    print(f"{folder / MODEL_FILE}: within {difference:.1g} of Keras")
    if voices:
        add_statistics(folder, voices)


def _with_speech_output(embed: keras.Model, run: Path) -> tuple[keras.Model, float | None]:
    if (run / speech_output.SCORES_FILE).exists():
        return speech_output.with_speech_output(embed, run)
    return speech_head.with_speech_output(embed, run)


def parity(
    embed: keras.Model,
    classify: keras.Model,
    model: EmotionModel,
    calibration: Calibration = UNCALIBRATED,
    frames: Sequence[Mapping[str, Float32]] = (),
) -> tuple[float, float]:
    """Return the largest differences between Keras and LiteRT: of embeddings, and of probabilities.

    Args:
        embed: the Keras network of a frame, with or without a speech output.
        classify: the Keras network of a window.
        model: the exported model.
        calibration: what the model applies to the logits.
        frames: inputs, by name of the map ``[96, bands]``; random values if there are none.
    """
    chosen = frames[:WINDOW_FRAMES] or _random_frames(model.manifest.feature_maps)
    stacked = [np.stack([frame[name] for frame in chosen]) for name in chosen[0]]
    expected, *speech = (np.asarray(output) for output in _outputs(embed, stacked))
    computed = [model.embed(frame) for frame in chosen]
    embeddings = np.stack([result.embedding for result in computed])
    window = expected.reshape(1, -1, expected.shape[-1])
    logits = calibrated(classify(window, training=False), calibration)
    probabilities = [np.asarray(keras.ops.softmax(logits))[0] - model.classify(list(embeddings))]
    probabilities += [output[:, 0] - [frame.speech for frame in computed] for output in speech]
    return (
        float(np.abs(expected - embeddings).max()),
        float(np.abs(np.concatenate(probabilities)).max()),
    )


def _random_frames(feature_maps: Sequence[FeatureMap]) -> list[dict[str, Float32]]:
    random = np.random.default_rng(0)
    return [
        {
            feature_map.name: random.normal(-3, 2, (FRAME_STEPS, feature_map.bands)).astype(
                np.float32
            )
            for feature_map in feature_maps
        }
        for _ in range(WINDOW_FRAMES)
    ]


def _outputs(embed: keras.Model, maps: Sequence[Any]) -> list[Any]:
    """Return all outputs of a frame's network, for a batch of each map."""
    outputs = embed(list(maps), training=False)
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _convert(module: _Exported, quantized: Quantized | None) -> bytes:
    with tempfile.TemporaryDirectory() as saved:
        signatures = {"embed": module.embed, "classify": module.classify}
        tensorflow.saved_model.save(module, saved, signatures=signatures)
        return convert(saved, quantized)
