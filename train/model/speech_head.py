"""The speech head: a small output on a finished network that tells speech from other sounds.

The emotion network stays unchanged; the head reads two of its middle layers. It is trained on the
scenes of ``train.audio.scenes``: clips of the split's training speakers, unchanged and modified,
and synthetic sounds.

The last layers know emotions and little else: a head on the embedding took nearly all music for
speech, a head on the middle layers a small part of it, at the same share of rejected speech. The
layers and the penalty were chosen on networks of the development split, with ``UNSEEN_SOUNDS`` in
view; the threshold is chosen without.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray
from tqdm import tqdm

from realtime_ser.emotion.spectra import FeatureMap
from train.audio.scenes import Scene, frames, gated_scene, sound_scene, speech_scene
from train.audio.sounds import TRAINING_SOUNDS, UNSEEN_SOUNDS, Sound
from train.audio.utterances import read_clip
from train.corpora.clip import Clip
from train.corpora.seeds import clip_seed
from train.corpora.splits import Split
from train.files import write_json

HEAD_FILE = "no_speech.keras"
SCORES_FILE = "no_speech.json"
"""The threshold, and the error rates."""

LAYERS = ("layer6_pointwise_conv_relu", "layer8_pointwise_conv_relu")
"""The layers that the head reads, each ``[time, frequency, channels]``."""

SCENES_PER_FAMILY = 200
LARGEST_REJECTED = 0.005
"""Share of the frames of unchanged clips that the threshold may reject."""

LARGEST_ACCEPTED = 0.01
"""Share of frames without speech that it may accept; if this allows it, less speech is rejected."""

INVERSE_PENALTY = 3e-3
FOLDS = 4
SCENES_PER_BATCH = 64
UNCHANGED, MODIFIED = "unchanged", "modified"

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Strings = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Job:
    """A scene to be made.

    Attributes:
        group: the speaker, or the family of sounds.
        kind: ``UNCHANGED``, ``MODIFIED`` or the family.
        make: makes the scene.
    """

    group: str
    kind: str
    make: Callable[[], Scene]


@dataclass(frozen=True, slots=True)
class Examples:
    """The frames of many scenes.

    Attributes:
        features: the head's inputs, float32 ``[frames, features]``.
        speech: whether each frame is speech.
        groups: as ``Job.group``.
        kinds: as ``Job.kind``.
    """

    features: Float32
    speech: Bool
    groups: Strings
    kinds: Strings


def fit_speech_head(
    embed: keras.Model,
    feature_maps: Sequence[FeatureMap],
    split: Split,
    run: Path,
    seed: int,
    scenes: int = SCENES_PER_FAMILY,
) -> None:
    """Train the head of a finished network; write ``HEAD_FILE`` and ``SCORES_FILE`` to ``run``.

    The threshold is chosen by cross-validation: each frame is judged by a head that was trained
    without its speaker or its family of sounds. The validation clips and ``UNSEEN_SOUNDS`` are only
    scored.

    Args:
        embed: the embedder.
        feature_maps: its inputs.
        split: provides training and validation clips.
        run: folder of the run.
        seed: of everything random.
        scenes: number of scenes of each family of sounds.
    """
    statistics = _statistics(embed)
    training = _examples(
        [*_speech_jobs(split.training, seed), *_sound_jobs(TRAINING_SOUNDS, scenes, seed)],
        statistics,
        feature_maps,
    )
    held_out = _cross_validated(training)
    threshold = _threshold(held_out[training.kinds == UNCHANGED], held_out[~training.speech])
    head = _head(embed)
    _set_weights(head, _regression().fit(training.features, training.speech))
    unseen = _examples(
        [*_speech_jobs(split.validation, seed), *_sound_jobs(UNSEEN_SOUNDS, scenes, seed)],
        statistics,
        feature_maps,
    )
    probabilities = np.asarray(head.layers[-1](unseen.features))[:, 0]
    scores = {
        "threshold": threshold,
        "training, cross-validated": _error_rates(training, held_out, threshold),
        "unseen": _error_rates(unseen, probabilities, threshold),
    }
    head.save(run / HEAD_FILE)
    write_json(run / SCORES_FILE, scores)


def with_speech_output(embed: keras.Model, run: Path) -> tuple[keras.Model, float | None]:
    """Return a run's embedder with the output of its head, ``[batch, 1]``, and the threshold.

    If ``run`` has no head, return the embedder unchanged, and ``None``.
    """
    if not (run / SCORES_FILE).exists():
        return embed, None
    head = keras.saving.load_model(run / HEAD_FILE)
    threshold = float(json.loads((run / SCORES_FILE).read_text())["threshold"])
    speech = head(_inputs(embed))
    return keras.Model(embed.inputs, [embed.output, speech], name="embedder"), threshold


# The head: mean and deviation of two layers over time, then a logistic regression.


def _inputs(embed: keras.Model) -> list[keras.KerasTensor]:
    return [embed.get_layer(name).output for name in LAYERS]


def _pool(values: keras.KerasTensor) -> keras.KerasTensor:
    """Average over frequency, then return mean and deviation over time."""
    over_time = ops.mean(values, axis=2)
    mean = ops.mean(over_time, axis=1)
    variance = ops.mean(ops.square(over_time - mean[:, None]), axis=1)
    return ops.concatenate([mean, ops.sqrt(variance + 1e-5)], axis=-1)


def _pooling(embed: keras.Model) -> keras.Model:
    """Return the network from the layers in ``LAYERS`` to the features of the regression."""
    values = [keras.Input(output.shape[1:]) for output in _inputs(embed)]
    pooled = layers.Concatenate()([_pool(value) for value in values])
    return keras.Model(values, pooled, name="statistics")


def _statistics(embed: keras.Model) -> keras.Model:
    """Return the network from feature maps to the features of the regression."""
    return keras.Model(embed.inputs, _pooling(embed)(_inputs(embed)))


def _head(embed: keras.Model) -> keras.Model:
    pooling = _pooling(embed)
    speech = layers.Dense(1, activation="sigmoid", name="speech")(pooling.output)
    return keras.Model(pooling.inputs, speech, name="no_speech")


def _regression() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=500))


def _set_weights(head: keras.Model, regression: Any) -> None:
    """Copy a regression's weights, with its scaling folded in, to the head's last layer."""
    scaler, logistic = (step for _, step in regression.steps)
    weights = logistic.coef_[0] / scaler.scale_
    bias = logistic.intercept_ - weights @ scaler.mean_
    head.layers[-1].set_weights([weights[:, None], bias])


# The threshold and the error rates.


def _cross_validated(training: Examples) -> Float64:
    """Return each frame's probability of speech, by a head trained without its group."""
    from sklearn.model_selection import GroupKFold, cross_val_predict

    probabilities: Float64 = cross_val_predict(
        _regression(),
        training.features,
        training.speech,
        groups=training.groups,
        cv=GroupKFold(FOLDS),
        method="predict_proba",
    )[:, 1]
    return probabilities


def _threshold(speech: Float64, others: Float64) -> float:
    """Return the threshold that rejects little speech, and less if few sounds are accepted."""
    return float(
        min(np.quantile(speech, LARGEST_REJECTED), np.quantile(others, 1 - LARGEST_ACCEPTED))
    )


def _error_rates(
    examples: Examples, probabilities: NDArray[np.floating[Any]], threshold: float
) -> dict[str, dict[str, float]]:
    """Return by kind the share of speech that is rejected and of other frames that are accepted."""
    accepted = probabilities >= threshold
    return {
        name: {
            str(kind): round(float(wrong[chosen].mean()), 4)
            for kind in np.unique(examples.kinds)
            if (chosen := (examples.kinds == kind) & (examples.speech == is_speech)).any()
        }
        for name, is_speech, wrong in (
            ("speech rejected", True, ~accepted),
            ("accepted without speech", False, accepted),
        )
    }


# The training examples.


def _speech_jobs(clips: Sequence[Clip], seed: int) -> Iterator[Job]:
    for clip in clips:
        group = f"{clip.corpus}/{clip.speaker}"
        yield Job(group, UNCHANGED, partial(_gated, clip))
        yield Job(group, MODIFIED, partial(_modified, clip, (seed, 0, clip_seed(clip))))


def _sound_jobs(families: dict[str, Sound], count: int, seed: int) -> Iterator[Job]:
    for number, (name, sound) in enumerate(families.items(), start=1):
        for index in range(count):
            yield Job(name, name, partial(_sound, sound, (seed, number, index)))


def _gated(clip: Clip) -> Scene:
    return gated_scene(read_clip(clip.path))


def _modified(clip: Clip, seed: tuple[int, ...]) -> Scene:
    return speech_scene(read_clip(clip.path), np.random.default_rng(seed))


def _sound(sound: Sound, seed: tuple[int, ...]) -> Scene:
    return sound_scene(sound, np.random.default_rng(seed))


def _examples(
    jobs: Sequence[Job], statistics: keras.Model, feature_maps: Sequence[FeatureMap]
) -> Examples:
    """Return the frames of all scenes; the scenes are made in batches, to save memory."""
    features: list[Float32] = []
    speech: list[Bool] = []
    counts: list[int] = []
    starts = range(0, len(jobs), SCENES_PER_BATCH)
    for start in tqdm(starts, "scenes", unit=f" × {SCENES_PER_BATCH}"):
        batch = jobs[start : start + SCENES_PER_BATCH]
        scenes = [frames(job.make(), feature_maps) for job in batch]
        inputs = [
            np.concatenate([scene.maps[feature_map.name] for scene in scenes])
            for feature_map in feature_maps
        ]
        features.append(statistics.predict(inputs, batch_size=64, verbose=0))
        speech += [scene.speech for scene in scenes]
        counts += [len(scene.speech) for scene in scenes]
    return Examples(
        np.concatenate(features),
        np.concatenate(speech),
        np.repeat([job.group for job in jobs], counts),
        np.repeat([job.kind for job in jobs], counts),
    )
