"""Quantised networks: fewer bits for a frame's network, converted and joined into one file.

Only ``embed``, which is nearly all of a hop, is quantised; ``classify`` stays float32, so that
probabilities keep their digits. LiteRT's post-training quantisation is B. Jacob et al.'s
(arXiv:1712.05877), weights by channel.
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
from train.data.ravdess import Clip
from train.data.utterances import load_utterances
from train.methods.framing import framed
from train.methods.window_recipe import WindowRecipe

Kind = Literal["float16", "int8-weights", "int8"]
Float32 = NDArray[np.float32]

KINDS: tuple[Kind, ...] = ("float16", "int8-weights", "int8")
CALIBRATION_CLIPS = 160


@dataclass(frozen=True, slots=True)
class Quantised:
    """How a frame's network is stored.

    Attributes:
        kind: ``float16`` and ``int8-weights`` store the weights alone so; with ``int8`` the network
            also computes in whole numbers.
        frames: for ``int8``: frames that show how far each layer's values range, for each map
            ``[96, bands]``.
    """

    kind: Kind
    frames: Sequence[Mapping[str, Float32]] = ()


def calibration_frames(
    recipe: WindowRecipe, clips: Sequence[Clip], cache: Path
) -> list[dict[str, Float32]]:
    """Return one frame each of some clips, the same ones every time.

    Args:
        recipe: whose maps.
        clips: training clips.
        cache: folder where spectra are kept.
    """
    chosen = random.Random(0).sample(list(clips), min(len(clips), CALIBRATION_CLIPS))
    variations = recipe.variations  # as in training, and so in its cache
    utterances = load_utterances(chosen, recipe.feature_maps, variations, cache)
    windows = [framed(each.variants[0], recipe.feature_maps, Settings()) for each in utterances]
    return [
        {name: values[number % len(values)] for name, values in window.items()}
        for number, window in enumerate(windows)
    ]


def convert(saved: str, quantised: Quantised | None) -> bytes:
    """Return a saved model with the signatures ``embed`` and ``classify`` as a LiteRT file.

    Args:
        saved: folder of TensorFlow's saved model.
        quantised: how to store ``embed``; ``None`` leaves everything float32.
    """
    if quantised is None:
        whole: bytes = tensorflow.lite.TFLiteConverter.from_saved_model(saved).convert()
        return whole
    classify = tensorflow.lite.TFLiteConverter.from_saved_model(saved, signature_keys=["classify"])
    return joined(classify.convert(), _converted_embed(saved, quantised))


def _converted_embed(saved: str, quantised: Quantised) -> bytes:
    converter = tensorflow.lite.TFLiteConverter.from_saved_model(saved, signature_keys=["embed"])
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    if quantised.kind == "float16":
        converter.target_spec.supported_types = [tensorflow.float16]
    if quantised.kind == "int8":
        converter.representative_dataset = lambda: _batches(quantised.frames)
    content: bytes = converter.convert()
    return content


def _batches(frames: Sequence[Mapping[str, Float32]]) -> Iterator[dict[str, Float32]]:
    for frame in frames:
        yield {name: values[np.newaxis] for name, values in frame.items()}


def joined(first: bytes, second: bytes) -> bytes:
    """Return two LiteRT files as one with the signatures of both.

    Args:
        first: keeps its place, and its metadata.
        second: one graph without branches or loops, which would name graphs by their place.
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
