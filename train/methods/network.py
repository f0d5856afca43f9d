"""The network: YAMNet's body over feature maps, attentive statistics over time, a head of eight.

The body follows M. Plakal and D. Ellis's YAMNet (tensorflow/models, research/audioset/yamnet), a
MobileNet v1 (A. Howard et al., arXiv:1704.04861), and starts from the published module's variables.
The pooling is K. Okabe et al.'s attentive statistics pooling (arXiv:1803.10963).
"""

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from benchmarks.hub import load_hub
from realtime_ser.emotion.frontend import FRAME_STEPS, FeatureMap
from realtime_ser.events import LABELS

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
"""Of a frame, and of a window."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """The network's free choices.

    Attributes:
        attention_units: width of the attention's hidden layer.
        dropout: share of pooled statistics left out in training.
        pitch_channels: channels of the last convolution over each map that is not the mel map.
        batch_norm_momentum: memory of the running statistics.
        frozen_layers: YAMNet's first layers that stay as published until they are thawed, and keep
            the statistics they normalise by.
    """

    attention_units: int = 128
    dropout: float = 0.5
    pitch_channels: int = 128
    batch_norm_momentum: float = 0.95
    frozen_layers: int = 0


@keras.saving.register_keras_serializable("realtime_ser")
class AttentiveStatistics(layers.Layer):  # type: ignore[misc]
    """Weighted mean and deviation: ``[batch, time, channels]`` to ``[batch, 2 channels]``."""

    def __init__(self, units: int, **options: object) -> None:
        super().__init__(**options)
        self.units = units
        self.hidden = layers.Dense(units, activation="tanh", name="hidden")
        self.score = layers.Dense(1, use_bias=False, name="score")

    def build(self, shape: Sequence[int | None]) -> None:
        """Create the weights for this many channels."""
        self.hidden.build(shape)
        self.score.build((*shape[:-1], self.units))

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Pool the time axis."""
        weights = ops.softmax(self.score(self.hidden(inputs)), axis=1)
        mean = ops.sum(weights * inputs, axis=1)
        variance = ops.sum(weights * ops.square(inputs - mean[:, None]), axis=1)
        return ops.concatenate([mean, ops.sqrt(variance + 1e-5)], axis=-1)

    def get_config(self) -> dict[str, object]:
        """Return what the constructor takes."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("realtime_ser")
class FixedStatistics(layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalisation by the statistics it began with, in training too; its offset is trained.

    Statistics of speech alone would blind the layers after it to what is not speech.
    """

    def call(
        self, inputs: keras.KerasTensor, training: bool | None = None, mask: None = None
    ) -> keras.KerasTensor:
        """Normalise."""
        return super().call(inputs, training=False, mask=mask)


def _normalise(name: str, settings: NetworkSettings) -> layers.Layer:
    kept = _yamnet_layer(name) <= settings.frozen_layers
    return (FixedStatistics if kept else layers.BatchNormalization)(
        scale=False,
        epsilon=BATCH_NORM_EPSILON,
        momentum=settings.batch_norm_momentum,
        name=f"{name}_bn",
    )


def _convolve(
    values: keras.KerasTensor, convolution: layers.Layer, settings: NetworkSettings
) -> keras.KerasTensor:
    normalised = _normalise(convolution.name, settings)(convolution(values))
    return layers.ReLU(name=f"{convolution.name}_relu")(normalised)


def _yamnet_body(values: keras.KerasTensor, settings: NetworkSettings) -> keras.KerasTensor:
    first = layers.Conv2D(32, 3, 2, padding="same", use_bias=False, name="layer1_conv")
    values = _convolve(values, first, settings)
    for number, (stride, channels) in enumerate(SEPARABLE_LAYERS, start=2):
        depthwise = layers.DepthwiseConv2D(
            3, stride, padding="same", use_bias=False, name=f"layer{number}_depthwise_conv"
        )
        pointwise = layers.Conv2D(
            channels, 1, padding="same", use_bias=False, name=f"layer{number}_pointwise_conv"
        )
        values = _convolve(_convolve(values, depthwise, settings), pointwise, settings)
    return values


def _pitch_body(
    values: keras.KerasTensor, name: str, settings: NetworkSettings
) -> keras.KerasTensor:
    for number in range(5):
        channels = settings.pitch_channels * min(number + 1, 4) // 4
        convolution = layers.Conv2D(
            channels, 3, 2, padding="same", use_bias=False, name=f"{name}{number + 1}_conv"
        )
        values = _convolve(values, convolution, settings)
    return values


def embedder(feature_maps: Sequence[FeatureMap], settings: NetworkSettings) -> keras.Model:
    """Return the network of one frame: maps ``[batch, 96, bands]`` to ``[batch, 3, channels]``.

    The three positions are YAMNet's own last time steps; only the frequency axis is averaged.
    """
    inputs, outputs = [], []
    for each in feature_maps:
        frame = keras.Input((FRAME_STEPS, each.bands), name=each.name)
        image = layers.Reshape((FRAME_STEPS, each.bands, 1), name=f"{each.name}_image")(frame)
        body = (
            _yamnet_body(image, settings)
            if each.name == "mel"
            else _pitch_body(image, each.name, settings)
        )
        inputs.append(frame)
        outputs.append(ops.mean(body, axis=2))
    joined = outputs[0] if len(outputs) == 1 else layers.Concatenate(name="joined")(outputs)
    return keras.Model(inputs, joined, name="embedder")


def classifier(channels: int, settings: NetworkSettings) -> keras.Model:
    """Return the network of a window: positions ``[batch, time, channels]`` to eight logits."""
    positions = keras.Input((None, channels), name="positions")
    pooled = AttentiveStatistics(settings.attention_units, name="pooling")(positions)
    kept = layers.Dropout(settings.dropout, name="dropout")(pooled)
    return keras.Model(positions, layers.Dense(len(LABELS), name="logits")(kept), name="classifier")


def training_network(embed: keras.Model, classify: keras.Model, frames: int) -> keras.Model:
    """Return the two joined: maps ``[batch, frames, 96, bands]`` to eight logits."""
    inputs = [keras.Input((frames, *each.shape[1:]), name=each.name) for each in embed.inputs]
    flat = [ops.reshape(each, (-1, *each.shape[2:])) for each in inputs]
    positions, channels = embed.output.shape[1:]
    embeddings = embed(flat)
    return keras.Model(
        inputs, classify(ops.reshape(embeddings, (-1, frames * positions, channels)))
    )


def together(first: Networks, second: Networks) -> Networks:
    """Return two pairs of networks, of a frame and of a window, as one pair.

    A frame's channels are those of the first and then of the second; a window's logits are the mean
    of both log-probabilities.

    Args:
        first: its layers stay layers of the whole, to be found by name.
        second: takes the same maps, and gives as many positions.
    """
    (embed, classify), (embed_too, classify_too) = first, second
    channels = layers.Concatenate(name="channels")([embed.output, embed_too(embed.inputs)])
    positions = keras.Input((None, channels.shape[-1]), name="positions")
    of_first, of_second = ops.split(positions, [embed.output.shape[-1]], axis=-1)
    logits = layers.Average(name="log_probabilities")(
        [ops.log_softmax(classify(of_first)), ops.log_softmax(classify_too(of_second))]
    )
    return keras.Model(embed.inputs, channels), keras.Model(positions, logits)


@functools.cache
def published_module() -> Any:
    """Load YAMNet from TF Hub, once a process.

    Raises:
        RealtimeSerError: it cannot be loaded.
    """
    return load_hub()


def load_published_weights(embed: keras.Model) -> None:
    """Set YAMNet's body to the published module's variables, found by layer and name.

    Raises:
        RealtimeSerError: the module cannot be loaded.
        ValueError: a variable of the body is not in the module, or has another shape.
    """
    published = {
        variable.name.split(":")[0].replace("/", "_"): variable.numpy()
        for variable in published_module()._yamnet.variables
    }
    for layer in embed.layers:
        if not layer.weights or not layer.name.startswith("layer"):
            continue
        names = [f"{layer.name}_{weight.path.split('/')[-1]}" for weight in layer.weights]
        aliases = [
            name.replace("depthwise_conv_kernel", "depthwise_conv_depthwise_kernel")
            for name in names
        ]
        layer.set_weights([np.asarray(published[name]) for name in aliases])


def freeze(embed: keras.Model, layers_kept: int) -> None:
    """Keep YAMNet's first layers as they are in training, and no others."""
    for layer in embed.layers:
        layer.trainable = _yamnet_layer(layer.name) > layers_kept


def _yamnet_layer(name: str) -> float:
    """Return the number of a layer of YAMNet by its name, infinity for other layers."""
    number = re.match(r"layer(\d+)_", name)
    return int(number[1]) if number else math.inf
