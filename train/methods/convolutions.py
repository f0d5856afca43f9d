"""Convolutions from random weights: the paper's CNN, and what is asked beside YAMNet's body."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers, ops

from realtime_ser.emotion.frontend import FRAME_STEPS, FeatureMap
from realtime_ser.events import LABELS


@dataclass(frozen=True, slots=True)
class ConvolutionSettings:
    """The network's free choices.

    Attributes:
        maps: names of the feature maps that are read.
        channels: of each block of a convolution, halving of the map, normalisation and ReLU.
        dropout: share of pooled channels left out in training.
    """

    maps: tuple[str, ...]
    channels: tuple[int, ...]
    dropout: float


def convolved(values: keras.KerasTensor, channels: Sequence[int], name: str) -> keras.KerasTensor:
    """Return what blocks make of an image ``[batch, steps, bands, channels]``."""
    for number, count in enumerate(channels, start=1):
        block = f"{name}{number}"
        values = layers.Conv2D(count, 3, padding="same", use_bias=False, name=f"{block}_conv")(
            values
        )
        # Pooled first: normalising a quarter of the values saves a quarter of the time.
        values = layers.MaxPooling2D(2, padding="same", name=f"{block}_pooling")(values)
        values = layers.BatchNormalization(momentum=0.95, name=f"{block}_bn")(values)
        values = layers.ReLU(name=f"{block}_relu")(values)
    return values


def frame_convolutions(
    feature_maps: Sequence[FeatureMap], settings: ConvolutionSettings
) -> keras.Model:
    """Return the network of one frame: maps ``[batch, 96, bands]`` to ``[batch, time, channels]``.

    Of the frequency axis mean and highest value are kept; five blocks leave three time steps.

    Args:
        feature_maps: what it is given; those that ``settings`` do not name are not looked at.
        settings: the network.
    """
    inputs, outputs = [], []
    for each in feature_maps:
        frame = keras.Input((FRAME_STEPS, each.bands), name=each.name)
        inputs.append(frame)
        if each.name not in settings.maps:
            continue
        image = layers.Reshape((FRAME_STEPS, each.bands, 1), name=f"{each.name}_image")(frame)
        levelled = layers.BatchNormalization(
            momentum=0.95, scale=False, name=f"{each.name}_normalisation"
        )(image)
        body = convolved(levelled, settings.channels, f"{each.name}_block")
        outputs += [ops.mean(body, axis=2), ops.max(body, axis=2)]
    return keras.Model(inputs, ops.concatenate(outputs, axis=-1), name="convolutions")


def mean_and_highest(channels: int, settings: ConvolutionSettings) -> keras.Model:
    """Return the network of a window: positions ``[batch, time, channels]`` to eight logits."""
    positions = keras.Input((None, channels), name="positions")
    logits = weighed(
        layers.GlobalAveragePooling1D(name="mean")(positions),
        layers.GlobalMaxPooling1D(name="highest")(positions),
        settings.dropout,
    )
    return keras.Model(positions, logits, name="convolutions_classifier")


def weighed(
    mean: keras.KerasTensor, highest: keras.KerasTensor, dropout: float
) -> keras.KerasTensor:
    """Return eight logits of the mean and the highest value of each channel."""
    pooled = layers.Concatenate(name="pooled")([mean, highest])
    kept = layers.Dropout(dropout, name="dropout")(pooled)
    return layers.Dense(len(LABELS), name="logits")(kept)
