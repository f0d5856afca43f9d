"""The network: YAMNet's body over feature maps, attentive statistics over time, eight logits.

The body follows M. Plakal and D. Ellis's YAMNet (tensorflow/models, research/audioset/yamnet), a
MobileNet v1 (A. Howard et al., arXiv:1704.04861), and starts from the published weights.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers, ops

from realtime_ser.emotion.frontend import FRAME_STEPS
from realtime_ser.emotion.spectra import YAMNET_MEL, FeatureMap
from realtime_ser.events import LABELS
from train.model.layers import (
    AttentiveStatistics,
    DepthwiseConvolution,
    FixedStatistics,
    Normalization,
    PointwiseConvolution,
    Precision,
)

BATCH_NORM_EPSILON = 1e-4
SEPARABLE_LAYERS = (
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (2, 1024),
    (1, 1024),
)
"""Stride and channels of YAMNet's layers 2 to 14."""

Networks = tuple[keras.Model, keras.Model]
"""The embedder of a frame and the classifier of a window."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """The network's hyper-parameters.

    Attributes:
        attention_units: width of the attention's hidden layer.
        dropout: dropout rate of the pooled statistics.
        pitch_channels: channels of the last convolution over each map other than the mel map.
        batch_norm_momentum: momentum of the running statistics.
        frozen_layers: how many of YAMNet's first layers are frozen until they are thawed; their
            batch normalization keeps the published statistics.
        precision: what the body computes with.
    """

    attention_units: int = 128
    dropout: float = 0.5
    pitch_channels: int = 128
    batch_norm_momentum: float = 0.95
    frozen_layers: int = 0
    precision: Precision = "float32"


def embedder(feature_maps: Sequence[FeatureMap], settings: NetworkSettings) -> keras.Model:
    """Return the network of one frame: maps ``[batch, 96, bands]`` to ``[batch, 3, channels]``.

    The three positions are the last time steps of YAMNet's body; frequency is averaged.
    """
    inputs, outputs = [], []
    for feature_map in feature_maps:
        frame = keras.Input((FRAME_STEPS, feature_map.bands), name=feature_map.name)
        image = layers.Reshape(
            (FRAME_STEPS, feature_map.bands, 1), name=f"{feature_map.name}_image"
        )(frame)
        body = (
            _yamnet_body(image, settings)
            if feature_map.name == YAMNET_MEL.name
            else _pitch_body(image, feature_map.name, settings)
        )
        inputs.append(frame)
        outputs.append(ops.mean(ops.cast(body, "float32"), axis=2))
    joined = outputs[0] if len(outputs) == 1 else layers.Concatenate(name="joined")(outputs)
    return keras.Model(inputs, joined, name="embedder")


def classifier(channels: int, settings: NetworkSettings) -> keras.Model:
    """Return the network of a window: positions ``[batch, time, channels]`` to eight logits."""
    positions = keras.Input((None, channels), name="positions")
    pooled = AttentiveStatistics(settings.attention_units, name="pooling")(positions)
    thinned = layers.Dropout(settings.dropout, name="dropout")(pooled)
    logits = layers.Dense(len(LABELS), name="logits")(thinned)
    return keras.Model(positions, logits, name="classifier")


def training_network(embed: keras.Model, classify: keras.Model, frames: int) -> keras.Model:
    """Return embedder and classifier in one: maps ``[batch, frames, 96, bands]`` to logits."""
    inputs = [keras.Input((frames, *maps.shape[1:]), name=maps.name) for maps in embed.inputs]
    flat = [ops.reshape(maps, (-1, *maps.shape[2:])) for maps in inputs]
    positions, channels = embed.output.shape[1:]
    embeddings = ops.reshape(embed(flat), (-1, frames * positions, channels))
    return keras.Model(inputs, classify(embeddings))


def freeze(embed: keras.Model, frozen_layers: int) -> None:
    """Freeze this many of YAMNet's first layers, and unfreeze all others."""
    for layer in embed.layers:
        layer.trainable = _yamnet_layer(layer.name) > frozen_layers


def _yamnet_body(values: keras.KerasTensor, settings: NetworkSettings) -> keras.KerasTensor:
    dtype = settings.precision
    first = layers.Conv2D(32, 3, 2, padding="same", use_bias=False, name="layer1_conv", dtype=dtype)
    values = _convolve(values, first, settings)
    for number, (stride, channels) in enumerate(SEPARABLE_LAYERS, start=2):
        depthwise = DepthwiseConvolution(
            3,
            stride,
            padding="same",
            use_bias=False,
            name=f"layer{number}_depthwise_conv",
            dtype=dtype,
        )
        pointwise = PointwiseConvolution(
            channels, 1, use_bias=False, name=f"layer{number}_pointwise_conv", dtype=dtype
        )
        values = _convolve(_convolve(values, depthwise, settings), pointwise, settings)
    return values


def _pitch_body(
    values: keras.KerasTensor, name: str, settings: NetworkSettings
) -> keras.KerasTensor:
    for number in range(5):
        channels = settings.pitch_channels * min(number + 1, 4) // 4
        convolution = layers.Conv2D(
            channels,
            3,
            2,
            padding="same",
            use_bias=False,
            name=f"{name}{number + 1}_conv",
            dtype=settings.precision,
        )
        values = _convolve(values, convolution, settings)
    return values


def _convolve(
    values: keras.KerasTensor, convolution: layers.Layer, settings: NetworkSettings
) -> keras.KerasTensor:
    name = convolution.name
    frozen = _yamnet_layer(name) <= settings.frozen_layers
    normalize = (FixedStatistics if frozen else Normalization)(
        scale=False,
        epsilon=BATCH_NORM_EPSILON,
        momentum=settings.batch_norm_momentum,
        name=f"{name}_bn",
        dtype=settings.precision,
    )
    relu = layers.ReLU(name=f"{name}_relu", dtype=settings.precision)
    return relu(normalize(convolution(values)))


def _yamnet_layer(name: str) -> float:
    """Return the number of a layer of YAMNet by its name, infinity for other layers."""
    number = re.match(r"layer(\d+)_", name)
    return int(number[1]) if number else math.inf
