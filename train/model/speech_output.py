"""The speech output: a logistic regression on middle layers that tells speech from other sounds.

The emotion network stays as it is. The output learns from speech in varied surroundings, from
recorded noises, and from synthetic sounds; noises and sounds come both as the gate passes them and
as they are. Its last layers know emotions and little else, so it reads the middle ones of YAMNet's
body.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from realtime_ser.emotion.spectra import FeatureMap
from train.audio.frames import FrameSettings, random_frames
from train.files import read_json, write_json
from train.model.mixture import Source
from train.model.speech_examples import CLEAN, VARIED, Example, speech_and_other_sounds

OUTPUT_FILE = "speech.keras"
SCORES_FILE = "speech.json"
"""The threshold, and the error rates it was chosen by."""

LAYERS = ("layer6_pointwise_conv_relu", "layer8_pointwise_conv_relu")
"""Layers that the output reads, each ``[time, frequency, channels]``."""

LARGEST_MISSED_SHARE = 0.01
"""Share of the frames of unchanged speech that the threshold may reject. Frames overlap by half, so
that a rejected one costs no speech time if its neighbors are accepted."""

INVERSE_PENALTY = 3e-3
FOLDS = 5
BATCH = 64

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]


def fit_speech_output(
    embed: keras.Model,
    feature_maps: Sequence[FeatureMap],
    sources: Sequence[Source],
    noises: Mapping[str, Sequence[Int16]],
    sounds: Mapping[str, Sequence[Int16]],
    run: Path,
    seed: int,
) -> None:
    """Fit the output on a finished network; leave ``OUTPUT_FILE`` and ``SCORES_FILE`` in ``run``.

    The threshold is chosen with cross-validation, by regressions that know neither the utterances
    nor the kind of sound that they judge.

    Args:
        embed: the embedder.
        feature_maps: the maps that it takes.
        sources: speech to train on.
        noises: recordings without speech, by a name for their group, int16 ``[n]`` each.
        sounds: short recordings without speech, likewise.
        run: folder of the run.
        seed: of everything random.
    """
    examples = speech_and_other_sounds(sources, noises, sounds, seed)
    features = _features(examples, embed, feature_maps, seed)
    kinds = np.array([example.kind for example in examples])
    groups = np.array([example.group for example in examples])
    is_speech = np.isin(kinds, (CLEAN, VARIED))
    probabilities = _cross_validated(features, is_speech, groups)
    threshold = float(np.quantile(probabilities[kinds == CLEAN], LARGEST_MISSED_SHARE))
    output = _output(embed)
    _set_weights(output, _regression().fit(features, is_speech))
    output.save(run / OUTPUT_FILE)
    accepted = probabilities >= threshold
    shares = {kind: round(float(accepted[kinds == kind].mean()), 4) for kind in np.unique(kinds)}
    write_json(run / SCORES_FILE, {"threshold": threshold, "share accepted as speech": shares})


def with_speech_output(embed: keras.Model, run: Path) -> tuple[keras.Model, float | None]:
    """Return an embedder with its run's speech output, ``[batch, 1]``, and the threshold.

    If ``run`` holds no such output, the embedder is returned unchanged, with ``None``.
    """
    if not (run / SCORES_FILE).exists():
        return embed, None
    output = keras.saving.load_model(run / OUTPUT_FILE)
    speech = output(_read(embed))
    threshold = float(read_json(run / SCORES_FILE)["threshold"])
    return keras.Model(embed.inputs, [embed.output, speech], name="embedder"), threshold


def _features(
    examples: Sequence[Example],
    embed: keras.Model,
    feature_maps: Sequence[FeatureMap],
    seed: int,
) -> Float32:
    """Return what the regression reads of one random frame of each example: ``[n, features]``."""
    random = np.random.default_rng([seed, 4])
    settings = FrameSettings(count=1, masked_bands=0, masked_steps=0)
    network = keras.Model(embed.inputs, _pooling(embed)(_read(embed)))
    parts = []
    for first in range(0, len(examples), BATCH):
        frames = [
            random_frames(example.samples, feature_maps, settings, random)
            for example in examples[first : first + BATCH]
        ]
        batch = [np.concatenate([frame[m.name] for frame in frames]) for m in feature_maps]
        parts.append(np.asarray(network(batch, training=False)))
    return np.concatenate(parts)


def _read(embed: keras.Model) -> list[keras.KerasTensor]:
    return [embed.get_layer(name).output for name in LAYERS]


def _pooling(embed: keras.Model) -> keras.Model:
    """Return the network from the layers that are read to the features: mean and deviation."""
    values = [keras.Input(layer.shape[1:]) for layer in _read(embed)]
    pooled = layers.Concatenate()([_over_time(value) for value in values])
    return keras.Model(values, pooled, name="statistics")


def _over_time(values: keras.KerasTensor) -> keras.KerasTensor:
    """Average over frequency; return mean and deviation over time."""
    averaged = ops.mean(values, axis=2)
    mean = ops.mean(averaged, axis=1)
    variance = ops.mean(ops.square(averaged - mean[:, None]), axis=1)
    return ops.concatenate([mean, ops.sqrt(variance + 1e-5)], axis=-1)


def _output(embed: keras.Model) -> keras.Model:
    pooling = _pooling(embed)
    speech = layers.Dense(1, activation="sigmoid", name="speech")(pooling.output)
    return keras.Model(pooling.inputs, speech, name="speech_output")


def _regression() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        StandardScaler(),
        LogisticRegression(C=INVERSE_PENALTY, max_iter=1000, class_weight="balanced"),
    )


def _set_weights(output: keras.Model, regression: Any) -> None:
    """Set the last layer to a regression's weights, with its scaling folded in."""
    scaler, logistic = (step for _, step in regression.steps)
    weights = logistic.coef_[0] / scaler.scale_
    bias = logistic.intercept_ - weights @ scaler.mean_
    output.layers[-1].set_weights([weights[:, None], bias])


def _cross_validated(
    features: Float32, is_speech: NDArray[np.bool_], groups: NDArray[np.str_]
) -> Float64:
    """Return each example's probability of speech from a regression without its group: ``[n]``."""
    from sklearn.model_selection import GroupKFold, cross_val_predict

    probabilities: Float64 = cross_val_predict(
        _regression(),
        features,
        is_speech,
        groups=groups,
        cv=GroupKFold(FOLDS),
        method="predict_proba",
    )[:, 1]
    return probabilities
