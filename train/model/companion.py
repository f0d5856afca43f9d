"""The companion: a small convolutional network that is trained from random weights.

Its building blocks also make the baseline that is trained from scratch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers, ops

from realtime_ser.emotion.frontend import FRAME_STEPS
from realtime_ser.emotion.spectra import FeatureMap
from realtime_ser.events import LABELS
from train.model.network import Networks

BATCH_NORM_MOMENTUM = 0.95


@dataclass(frozen=True, slots=True)
class CompanionSettings:
    """The companion's hyper-parameters.

    Attributes:
        maps: names of the feature maps that it reads.
        channels: of each block of convolution, max pooling, batch normalization and ReLU.
        dropout: dropout rate of the pooled channels.
    """

    maps: tuple[str, ...]
    channels: tuple[int, ...]
    dropout: float


def companion_embedder(
    feature_maps: Sequence[FeatureMap], settings: CompanionSettings
) -> keras.Model:
    """Return the network of one frame: maps ``[batch, 96, bands]`` to ``[batch, time, channels]``.

    The frequency axis is reduced to its mean and maximum; five blocks leave three time steps.

    Args:
        feature_maps: its inputs; those that ``settings`` does not name are ignored.
        settings: its hyper-parameters.
    """
    inputs, outputs = [], []
    for feature_map in feature_maps:
        frame = keras.Input((FRAME_STEPS, feature_map.bands), name=feature_map.name)
        inputs.append(frame)
        if feature_map.name not in settings.maps:
            continue
        image = layers.Reshape(
            (FRAME_STEPS, feature_map.bands, 1), name=f"{feature_map.name}_image"
        )(frame)
        normalized = layers.BatchNormalization(
            momentum=BATCH_NORM_MOMENTUM, scale=False, name=f"{feature_map.name}_normalization"
        )(image)
        body = convolution_blocks(normalized, settings.channels, f"{feature_map.name}_block")
        outputs += [ops.mean(body, axis=2), ops.max(body, axis=2)]
    return keras.Model(inputs, ops.concatenate(outputs, axis=-1), name="convolutions")


def companion_classifier(channels: int, settings: CompanionSettings) -> keras.Model:
    """Return the network of a window: positions ``[batch, time, channels]`` to eight logits."""
    positions = keras.Input((None, channels), name="positions")
    logits = logits_of_pooled(
        layers.GlobalAveragePooling1D(name="mean")(positions),
        layers.GlobalMaxPooling1D(name="highest")(positions),
        settings.dropout,
    )
    return keras.Model(positions, logits, name="convolutions_classifier")


def convolution_blocks(
    values: keras.KerasTensor, channels: Sequence[int], name: str
) -> keras.KerasTensor:
    """Apply blocks to an image ``[batch, steps, bands, channels]``; each halves its size."""
    for number, count in enumerate(channels, start=1):
        block = f"{name}{number}"
        convolution = layers.Conv2D(count, 3, padding="same", use_bias=False, name=f"{block}_conv")
        # Pooling before the normalization saves a quarter of the time.
        values = layers.MaxPooling2D(2, padding="same", name=f"{block}_pooling")(
            convolution(values)
        )
        values = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{block}_bn")(values)
        values = layers.ReLU(name=f"{block}_relu")(values)
    return values


def logits_of_pooled(
    mean: keras.KerasTensor, maximum: keras.KerasTensor, dropout: float
) -> keras.KerasTensor:
    """Return eight logits from the mean and the maximum of each channel."""
    pooled = layers.Concatenate(name="pooled")([mean, maximum])
    thinned = layers.Dropout(dropout, name="dropout")(pooled)
    return layers.Dense(len(LABELS), name="logits")(thinned)


def ensemble(first: Networks, second: Networks) -> Networks:
    """Return two pairs of networks, of a frame and of a window, as one pair.

    The embedding is that of the first followed by that of the second; the logits are the mean of
    both log-probabilities.

    Args:
        first: its layers can still be found by name in the ensemble.
        second: takes the same maps, and returns as many positions.
    """
    (embed, classify), (second_embed, second_classify) = first, second
    channels = layers.Concatenate(name="channels")([embed.output, second_embed(embed.inputs)])
    positions = keras.Input((None, channels.shape[-1]), name="positions")
    of_first, of_second = ops.split(positions, [embed.output.shape[-1]], axis=-1)
    logits = layers.Average(name="log_probabilities")(
        [ops.log_softmax(classify(of_first)), ops.log_softmax(second_classify(of_second))]
    )
    return keras.Model(embed.inputs, channels), keras.Model(positions, logits)
