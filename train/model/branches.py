"""The branches of the network: YAMNet's body and BYOL-S's, each with a classifier of its own.

A branch turns a frame into three positions and classifies the positions of a window. The network's
probabilities are the normalized product of its branches' (a product of experts: G. Hinton, 1999).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from realtime_ser.emotion.frontend import FRAME_STEPS
from realtime_ser.emotion.spectra import YAMNET_MEL, FeatureMap
from realtime_ser.events import LABELS
from train.model.byols import NORM_EPSILON, ByolsWeights
from train.model.layers import Normalization, Precision
from train.model.network import Networks, NetworkSettings, classifier, embedder

POSITIONS = 3
"""Positions of a frame: the time steps that YAMNet's body leaves."""

BYOLS_MAP = FeatureMap(
    name="byols",
    window_samples=400,
    fft_samples=1024,
    bands=64,
    lowest_hz=60.0,
    highest_hz=7800.0,
    scale="mel",
    log_offset=1e-6,
    power=True,
)
"""The log-power mel map that BYOL-S was trained on (N. Scheidwasser-Clow et al., arXiv:2110.03414);
the offset keeps digital silence finite."""

NORM_MOMENTUM = 0.95
CHANNELS = 64
HIDDEN_UNITS = 512


@dataclass(frozen=True, slots=True)
class BranchSettings:
    """One branch.

    Attributes:
        name: of the branch, and of the folder of its run.
        body: which body it has.
        frozen_layers: first layers that are trained only at the end.
        learning_rate: highest rate of the cycle.
        dropout: dropout rate of the pooled statistics.
        attention_units: width of the hidden layer of YAMNet's attentive pooling.
    """

    name: str
    body: Literal["yamnet", "byols"]
    frozen_layers: int
    learning_rate: float
    dropout: float = 0.5
    attention_units: int = 128

    @property
    def feature_map(self) -> FeatureMap:
        """The map that the branch reads."""
        return YAMNET_MEL if self.body == "yamnet" else BYOLS_MAP


def build_branch(settings: BranchSettings, precision: Precision = "float32") -> Networks:
    """Return embedder and classifier of a branch, with random weights.

    The embedder maps ``[batch, 96, bands]`` to ``[batch, 3, channels]``; the classifier maps the
    positions of a window ``[batch, time, channels]`` to eight logits.

    Args:
        settings: of the branch.
        precision: what the body computes with.
    """
    if settings.body == "byols":
        embed = _byols_embedder(precision)
        return embed, _byols_classifier(embed.output.shape[-1], settings)
    network = NetworkSettings(
        attention_units=settings.attention_units,
        dropout=settings.dropout,
        frozen_layers=settings.frozen_layers,
        precision=precision,
    )
    embed = embedder((settings.feature_map,), network)
    return embed, classifier(embed.output.shape[-1], network)


def freeze_branch(embed: keras.Model, settings: BranchSettings, frozen_layers: int) -> None:
    """Freeze the first layers of a branch's body, and unfreeze all others."""
    prefix = "layer" if settings.body == "yamnet" else "byols"
    for layer in embed.layers:
        number = layer.name.removeprefix(prefix).split("_")[0]
        layer.trainable = not (number.isdecimal() and int(number) <= frozen_layers)


def load_byols_weights(embed: keras.Model, published: ByolsWeights) -> None:
    """Set the body of a BYOL-S branch to the published weights.

    Pooling comes before batch normalization here and after it there. As all published scales are
    positive, the maximum of the normalized values is the normalized maximum.
    """
    for number, block in enumerate(published.blocks, start=1):
        kernel = block.kernel.transpose(3, 2, 1, 0)
        embed.get_layer(f"byols{number}_conv").set_weights([kernel, block.bias])
        norm = [block.gamma, block.beta, block.mean, block.variance]
        embed.get_layer(f"byols{number}_norm").set_weights(norm)
    for number, dense in enumerate(published.dense, start=4):
        embed.get_layer(f"byols{number}_dense").set_weights([dense.weights.T, dense.bias])


def standardize_map(embed: keras.Model, mean: float, deviation: float) -> None:
    """Set the mean and deviation by which a BYOL-S branch standardizes its map."""
    embed.get_layer("byols_standardization").set_weights(
        [np.array([1 / deviation], np.float32), np.array([-mean / deviation], np.float32)]
    )


def join_branches(branches: Sequence[Networks]) -> Networks:
    """Return one embedder and one classifier for all branches.

    The embedder takes the branches' maps in their order and concatenates their channels. The
    layers of every branch are layers of the joined embedder, where they can be found by name.

    Args:
        branches: embedder and classifier of each; each reads a map of its own.
    """
    inputs = [embed.inputs[0] for embed, _ in branches]
    channels = [embed.output.shape[-1] for embed, _ in branches]
    joined = layers.Concatenate(name="channels")([embed.output for embed, _ in branches])
    positions = keras.Input((None, sum(channels)), name="positions")
    parts = ops.split(positions, np.cumsum(channels)[:-1].tolist(), axis=-1)
    logits = layers.Average(name="log_probabilities")(
        [
            ops.log_softmax(classify(part))
            for (_, classify), part in zip(branches, parts, strict=True)
        ]
    )
    return (
        keras.Model(inputs, joined, name="embedder"),
        keras.Model(positions, logits, name="classifier"),
    )


@keras.saving.register_keras_serializable("realtime_ser")
class ScaleAndShift(layers.Layer):  # type: ignore[misc]
    """One scale and one shift for a whole map: standardization by constants."""

    def build(self, shape: Sequence[int | None]) -> None:
        """Create the two constants."""
        self.scale = self.add_weight(shape=(1,), initializer="ones", name="scale")
        self.shift = self.add_weight(shape=(1,), initializer="zeros", name="shift")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Standardize."""
        return inputs * self.scale + self.shift


def _byols_embedder(precision: Precision) -> keras.Model:
    """Return BYOL-S's encoder, its twelve time steps pooled to three positions."""
    frame = keras.Input((FRAME_STEPS, BYOLS_MAP.bands), name=BYOLS_MAP.name)
    values = ScaleAndShift(name="byols_standardization")(frame)
    values = layers.Reshape((FRAME_STEPS, BYOLS_MAP.bands, 1), name="byols_image")(values)
    for number in range(1, 4):
        block = f"byols{number}"
        for layer in (
            layers.Conv2D(CHANNELS, 3, padding="same", name=f"{block}_conv", dtype=precision),
            layers.MaxPooling2D(2, name=f"{block}_pool", dtype=precision),
            Normalization(
                momentum=NORM_MOMENTUM,
                epsilon=NORM_EPSILON,
                name=f"{block}_norm",
                dtype=precision,
            ),
            layers.ReLU(name=f"{block}_relu", dtype=precision),
        ):
            values = layer(values)
    steps = FRAME_STEPS // 8
    values = layers.Reshape((steps, CHANNELS * BYOLS_MAP.bands // 8), name="byols_steps")(values)
    values = layers.Dense(HIDDEN_UNITS, activation="relu", name="byols4_dense")(values)
    values = layers.Dropout(0.3, name="byols_dropout")(values)
    values = layers.Dense(HIDDEN_UNITS, activation="relu", name="byols5_dense")(values)
    groups = layers.Reshape((POSITIONS, steps // POSITIONS, HIDDEN_UNITS), name="byols_groups")(
        values
    )
    pooled = layers.Concatenate(name="byols_positions")(
        [ops.mean(groups, axis=2), ops.max(groups, axis=2)]
    )
    return keras.Model(frame, pooled, name="byols_embedder")


def _byols_classifier(channels: int, settings: BranchSettings) -> keras.Model:
    """Return mean, maximum and deviation over a window's positions, and eight logits of them."""
    positions = keras.Input((None, channels), name="positions")
    means, maxima = ops.split(positions, 2, axis=-1)
    mean = ops.mean(means, axis=1)
    variance = ops.mean(ops.square(means - mean[:, None]), axis=1)
    pooled = layers.Concatenate(name="pooled")(
        [mean, ops.max(maxima, axis=1), ops.sqrt(variance + 1e-5)]
    )
    normalized = layers.BatchNormalization(momentum=NORM_MOMENTUM, name="pooled_bn")(pooled)
    thinned = layers.Dropout(settings.dropout, name="dropout")(normalized)
    logits = layers.Dense(len(LABELS), name="logits")(thinned)
    return keras.Model(positions, logits, name="byols_classifier")
