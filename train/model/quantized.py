"""Converts networks to LiteRT, with the weights of a frame's network quantized.

``embed`` takes nearly all of a hop's time, and is quantized; ``classify`` stays float32.
LiteRT's post-training quantization is B. Jacob et al.'s (arXiv:1712.05877), weights by channel.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow
from numpy.typing import NDArray

from realtime_ser.settings import Settings
from train.audio.utterances import load_utterances
from train.corpora.clip import Clip
from train.model.framing import last_window
from train.model.recipe import Recipe

Kind = Literal["float16", "int8-weights", "int8"]
Float32 = NDArray[np.float32]

KINDS: tuple[Kind, ...] = ("float16", "int8-weights", "int8")
CALIBRATION_CLIPS = 160


@dataclass(frozen=True, slots=True)
class Quantized:
    """How a frame's network is quantized.

    Attributes:
        kind: ``float16`` and ``int8-weights`` quantize the weights only; with ``int8`` the
            activations are whole numbers too.
        frames: for ``int8``: frames that show the range of each layer's values, by name of the
            map ``[96, bands]``.
    """

    kind: Kind
    frames: Sequence[Mapping[str, Float32]] = ()


def calibration_frames(
    recipe: Recipe, clips: Sequence[Clip], cache: Path
) -> list[dict[str, Float32]]:
    """Return one frame of each of some clips, the same every time.

    Args:
        recipe: states the feature maps.
        clips: training clips.
        cache: folder where spectra are cached.
    """
    chosen = random.Random(0).sample(list(clips), min(len(clips), CALIBRATION_CLIPS))
    variations = recipe.variations  # as in training, so that the cache has them
    utterances = load_utterances(chosen, recipe.feature_maps, variations, cache)
    windows = [
        last_window(utterance.variants[0], recipe.feature_maps, Settings())
        for utterance in utterances
    ]
    return [
        {name: values[number % len(values)] for name, values in window.items()}
        for number, window in enumerate(windows)
    ]


def convert(saved: str, quantized: Quantized | None) -> bytes:
    """Convert a saved model with the signatures ``embed`` and ``classify`` to a LiteRT file.

    Args:
        saved: folder of TensorFlow's saved model.
        quantized: how to quantize ``embed``; ``None`` leaves everything float32.
    """
    if quantized is None:
        whole: bytes = tensorflow.lite.TFLiteConverter.from_saved_model(saved).convert()
        return whole
    classify = tensorflow.lite.TFLiteConverter.from_saved_model(saved, signature_keys=["classify"])
    return merge_files(classify.convert(), _converted_embed(saved, quantized))


def _converted_embed(saved: str, quantized: Quantized) -> bytes:
    converter = tensorflow.lite.TFLiteConverter.from_saved_model(saved, signature_keys=["embed"])
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    if quantized.kind == "float16":
        converter.target_spec.supported_types = [tensorflow.float16]
    if quantized.kind == "int8":
        converter.representative_dataset = lambda: _batches(quantized.frames)
    content: bytes = converter.convert()
    return content


def _batches(frames: Sequence[Mapping[str, Float32]]) -> Iterator[dict[str, Float32]]:
    for frame in frames:
        yield {name: values[np.newaxis] for name, values in frame.items()}


def merge_files(first: bytes, second: bytes) -> bytes:
    """Merge two LiteRT files into one that has the signatures of both.

    Args:
        first: its subgraphs keep their indices; its metadata is used.
        second: a single graph without control flow, which would refer to subgraphs by index.
    """
    import flatbuffers  # type: ignore[import-untyped]

    model, other = _unpacked(first), _unpacked(second)
    codes, buffers = len(model.operatorCodes), len(model.buffers)
    (graph,) = other.subgraphs
    for tensor in graph.tensors:
        tensor.buffer += buffers
    for operator in graph.operators:
        operator.opcodeIndex += codes
    for signature in other.signatureDefs:
        signature.subgraphIndex = len(model.subgraphs)
    for part in ("operatorCodes", "buffers", "subgraphs", "signatureDefs"):
        getattr(model, part).extend(getattr(other, part))
    builder = flatbuffers.Builder(len(first) + len(second))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _unpacked(content: bytes) -> Any:
    from ai_edge_litert import schema_py_generated

    return schema_py_generated.ModelT.InitFromPackedBuf(content, 0)
