"""Speech or not: a small head on a finished network that tells voices from everything else.

The emotion network stays as it is; the head reads one of its middle layers. It learns from the
scenes of ``train.data.scenes``: clips of the split's training actors, as they are and changed, and
computed sounds, since recordings of music, fans and keyboards do not come with this project.

Why middle layers: the last ones know emotions and little else. A head on the embedding took nearly
all music for speech, a kind of sound it had not learnt from, where one on the middle layers took a
small part of it (actors 17 to 20, the same share of speech refused). Which layers, and how strong a
penalty, was settled on networks of the development split with ``UNHEARD`` in view; the threshold
is chosen without.
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

from realtime_ser.emotion.frontend import FeatureMap
from train.data.ravdess import Clip
from train.data.scenes import Scene, frames, gated_scene, sound_scene, speech_scene
from train.data.sounds import LEARNT, UNHEARD, Sound
from train.data.splits import Split
from train.data.utterances import read_clip

HEAD_FILE = "no_speech.keras"
SCORES_FILE = "no_speech.json"
"""The threshold, and what it was chosen by."""

LAYERS = ("layer6_pointwise_conv_relu", "layer8_pointwise_conv_relu")
"""What the head reads, each ``[time, frequency, channels]``."""

SOUNDS_OF_A_FAMILY = 200
MOST_REFUSED = 0.005
"""Share of the frames of clips as they are that the threshold may refuse."""

MOST_ACCEPTED = 0.01
"""Share of frames without speech that it may accept; less speech is refused where this allows."""

INVERSE_PENALTY = 3e-3
FOLDS = 4
SCENES_AT_ONCE = 64
AS_IT_IS, CHANGED = "as it is", "changed"

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Strings = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Job:
    """A scene to be made.

    Attributes:
        group: whose voice or which family of sounds it is.
        kind: ``AS_IT_IS``, ``CHANGED`` or the family.
        make: makes it.
    """

    group: str
    kind: str
    make: Callable[[], Scene]


@dataclass(frozen=True, slots=True)
class Examples:
    """Frames of many scenes, as the head sees them.

    Attributes:
        features: float32 ``[frames, features]``.
        speech: whether they hold speech.
        groups: as ``Job.group``.
        kinds: as ``Job.kind``.
    """

    features: Float32
    speech: Bool
    groups: Strings
    kinds: Strings


def fit_no_speech(
    embed: keras.Model,
    feature_maps: Sequence[FeatureMap],
    split: Split,
    run: Path,
    seed: int,
    sounds: int = SOUNDS_OF_A_FAMILY,
) -> None:
    """Fit the head of a finished network; leave ``HEAD_FILE`` and ``SCORES_FILE`` in ``run``.

    The threshold is chosen by heads that had heard neither the actor nor the family of sounds that
    they judge. The validation clips and the families of ``UNHEARD`` are scored and choose nothing.

    Args:
        embed: the finished embedder.
        feature_maps: the maps it takes.
        split: its training clips are learnt from.
        run: folder of the run.
        seed: of everything random.
        sounds: scenes of each family of sounds.
    """
    statistics = _statistics(embed)
    learnt = _examples(
        [*_speech_jobs(split.training, seed), *_sound_jobs(LEARNT, sounds, seed)],
        statistics,
        feature_maps,
    )
    unfamiliar = _judged_by_others(learnt)
    threshold = _threshold(unfamiliar[learnt.kinds == AS_IT_IS], unfamiliar[~learnt.speech])
    head = _head(embed)
    _set_weights(head, _regression().fit(learnt.features, learnt.speech))
    scores: dict[str, Any] = {
        "threshold": threshold,
        "learnt from, judged by heads that had not": _shares(learnt, unfamiliar, threshold),
    }
    unheard = _examples(
        [*_speech_jobs(split.validation, seed), *_sound_jobs(UNHEARD, sounds, seed)],
        statistics,
        feature_maps,
    )
    judged = head.layers[-1](unheard.features)
    scores["not learnt from"] = _shares(unheard, np.asarray(judged)[:, 0], threshold)
    head.save(run / HEAD_FILE)
    (run / SCORES_FILE).write_text(json.dumps(scores, indent=2) + "\n")


def with_speech(embed: keras.Model, run: Path) -> tuple[keras.Model, float | None]:
    """Return a run's embedder with the output of its head, ``[batch, 1]``, and the threshold.

    Without a head in ``run`` it is returned as it is, and ``None``.
    """
    if not (run / SCORES_FILE).exists():
        return embed, None
    head = keras.saving.load_model(run / HEAD_FILE)
    threshold = float(json.loads((run / SCORES_FILE).read_text())["threshold"])
    speech = head(_read(embed))
    return keras.Model(embed.inputs, [embed.output, speech], name="embedder"), threshold


def _read(embed: keras.Model) -> list[keras.KerasTensor]:
    return [embed.get_layer(name).output for name in LAYERS]


def _pooled(values: keras.KerasTensor) -> keras.KerasTensor:
    """Return mean and deviation over time of what is averaged over frequency."""
    over_time = ops.mean(values, axis=2)
    mean = ops.mean(over_time, axis=1)
    variance = ops.mean(ops.square(over_time - mean[:, None]), axis=1)
    return ops.concatenate([mean, ops.sqrt(variance + 1e-5)], axis=-1)


def _pooling(embed: keras.Model) -> keras.Model:
    """Return the network from the layers that are read to what the head weighs."""
    values = [keras.Input(each.shape[1:]) for each in _read(embed)]
    pooled = layers.Concatenate()([_pooled(each) for each in values])
    return keras.Model(values, pooled, name="statistics")


def _statistics(embed: keras.Model) -> keras.Model:
    """Return the network from maps to what the head weighs."""
    return keras.Model(embed.inputs, _pooling(embed)(_read(embed)))


def _head(embed: keras.Model) -> keras.Model:
    pooling = _pooling(embed)
    speech = layers.Dense(1, activation="sigmoid", name="speech")(pooling.output)
    return keras.Model(pooling.inputs, speech, name="no_speech")


def _threshold(speech: Float64, others: Float64) -> float:
    """Return the threshold that gives up little speech, and less where sounds let it."""
    return float(min(np.quantile(speech, MOST_REFUSED), np.quantile(others, 1 - MOST_ACCEPTED)))


def _regression() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=500))


def _set_weights(head: keras.Model, regression: Any) -> None:
    """Give the head's last layer a regression's weights, its scaling folded in."""
    scaler, logistic = (step for _, step in regression.steps)
    weights = logistic.coef_[0] / scaler.scale_
    bias = logistic.intercept_ - weights @ scaler.mean_
    head.layers[-1].set_weights([weights[:, None], bias])


def _judged_by_others(learnt: Examples) -> Float64:
    """Return how surely each frame speaks, to heads that know neither its voice nor its family."""
    from sklearn.model_selection import GroupKFold, cross_val_predict

    folds = GroupKFold(FOLDS)
    judged: Float64 = cross_val_predict(
        _regression(),
        learnt.features,
        learnt.speech,
        groups=learnt.groups,
        cv=folds,
        method="predict_proba",
    )[:, 1]
    return judged


def _shares(
    examples: Examples, judged: NDArray[np.floating[Any]], threshold: float
) -> dict[str, dict[str, float]]:
    """Return by kind the share of speech that is refused and of other frames that are accepted."""
    accepted = judged >= threshold
    return {
        name: {
            str(kind): round(float(wrong[chosen].mean()), 4)
            for kind in np.unique(examples.kinds)
            if (chosen := (examples.kinds == kind) & (examples.speech == is_speech)).any()
        }
        for name, is_speech, wrong in (
            ("speech refused", True, ~accepted),
            ("accepted without speech", False, accepted),
        )
    }


def _speech_jobs(clips: Sequence[Clip], seed: int) -> Iterator[Job]:
    for index, clip in enumerate(clips):
        group = f"actor {clip.actor}"
        yield Job(group, AS_IT_IS, partial(_gated, clip))
        yield Job(group, CHANGED, partial(_changed, clip, (seed, 0, index)))


def _sound_jobs(families: dict[str, Sound], count: int, seed: int) -> Iterator[Job]:
    for number, (name, sound) in enumerate(families.items(), start=1):
        for index in range(count):
            yield Job(name, name, partial(_alone, sound, (seed, number, index)))


def _gated(clip: Clip) -> Scene:
    return gated_scene(read_clip(clip.path))


def _changed(clip: Clip, seed: tuple[int, ...]) -> Scene:
    return speech_scene(read_clip(clip.path), np.random.default_rng(seed))


def _alone(sound: Sound, seed: tuple[int, ...]) -> Scene:
    return sound_scene(sound, np.random.default_rng(seed))


def _examples(
    jobs: Sequence[Job], statistics: keras.Model, feature_maps: Sequence[FeatureMap]
) -> Examples:
    """Return the frames of scenes, which are made and forgotten a few at a time."""
    features: list[Float32] = []
    speech: list[Bool] = []
    counts: list[int] = []
    for first in tqdm(range(0, len(jobs), SCENES_AT_ONCE), "scenes", unit=f" × {SCENES_AT_ONCE}"):
        made = [frames(job.make(), feature_maps) for job in jobs[first : first + SCENES_AT_ONCE]]
        stacked = [np.concatenate([each.maps[map_.name] for each in made]) for map_ in feature_maps]
        features.append(statistics.predict(stacked, batch_size=64, verbose=0))
        speech += [each.speech for each in made]
        counts += [len(each.speech) for each in made]
    return Examples(
        np.concatenate(features),
        np.concatenate(speech),
        np.repeat([job.group for job in jobs], counts),
        np.repeat([job.kind for job in jobs], counts),
    )
