"""Predictions for clips, cached in a run's folder."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.events import LABELS, choose_label
from train.corpora.clip import Clip
from train.corpora.splits import Split
from train.corpora.targets import label_indices
from train.files import write_json

NO_SPEECH = "no speech"
"""The prediction for a clip in which the gate found no speech."""

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model predicts for clips.

    Attributes:
        clips: the clips.
        probabilities: float64, shape ``[clips, 8]``; a row of NaN where the gate found no speech.
    """

    clips: tuple[Clip, ...]
    probabilities: Float64

    @property
    def truth(self) -> NDArray[np.int64]:
        """The true labels as indices into ``LABELS``, shape ``[clips]``."""
        return label_indices(self.clips)

    @property
    def has_speech(self) -> NDArray[np.bool_]:
        """Whether the gate found speech in each clip, shape ``[clips]``."""
        return np.asarray(np.isfinite(self.probabilities).all(axis=1))

    def labels(self, threshold: float) -> list[str]:
        """Return the predicted label of each clip.

        It is ``no speech`` where the gate found none, and ``uncertain`` where no probability
        reaches the threshold.
        """
        return [_label(row, threshold) for row in self.probabilities]

    def where(self, condition: Callable[[Clip], bool]) -> "Predictions":
        """Return the predictions for the clips that meet a condition."""
        rows = [index for index, clip in enumerate(self.clips) if condition(clip)]
        return Predictions(tuple(self.clips[row] for row in rows), self.probabilities[rows])


def concatenate(several: Sequence[Predictions]) -> Predictions:
    """Return the predictions for the clips of several splits as one."""
    return Predictions(
        tuple(clip for predictions in several for clip in predictions.clips),
        np.concatenate([predictions.probabilities for predictions in several]),
    )


def _label(probabilities: Float64, threshold: float) -> str:
    if np.isnan(probabilities).any():
        return NO_SPEECH
    return choose_label(dict(zip(LABELS, probabilities.tolist(), strict=True)), threshold)[0]


def cached_predictions(
    path: Path, stamp: str, split: Split, predict: Callable[[Sequence[Clip]], Float64]
) -> dict[str, Predictions]:
    """Return the predictions for a split's validation and test clips, from a file if it is current.

    Args:
        path: the file.
        stamp: what they depend on; a file with another stamp is replaced.
        split: provides the clips.
        predict: returns the probabilities for clips, shape ``[clips, 8]``.

    Returns:
        ``validation`` and ``test``.

    Raises:
        OutputError: the file cannot be written.
    """
    clips = {"validation": split.validation, "test": split.test}
    cached = _read(path, stamp, clips)
    if cached is None:
        probabilities = predict((*split.validation, *split.test))
        parts = np.split(probabilities, [len(split.validation)])
        cached = {
            part: Predictions(clips_of_part, values)
            for (part, clips_of_part), values in zip(clips.items(), parts, strict=True)
        }
        rows = {part: _to_rows(predictions) for part, predictions in cached.items()}
        write_json(path, {"stamp": stamp, **rows})
    return cached


def _to_rows(predictions: Predictions) -> list[dict[str, Any]]:
    return [
        {
            "clip": clip.path.name,
            "label": clip.label,
            "probabilities": None if np.isnan(row).any() else row.tolist(),
        }
        for clip, row in zip(predictions.clips, predictions.probabilities, strict=True)
    ]


def _read(
    path: Path, stamp: str, clips: Mapping[str, tuple[Clip, ...]]
) -> dict[str, Predictions] | None:
    """Return the predictions in a file, ``None`` unless it is complete and for these clips."""
    try:
        content = json.loads(path.read_text())
        if content["stamp"] != stamp:
            return None
        return {part: _from_rows(content[part], each) for part, each in clips.items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _from_rows(rows: Sequence[Mapping[str, Any]], clips: tuple[Clip, ...]) -> Predictions:
    if [row["clip"] for row in rows] != [clip.path.name for clip in clips]:
        raise ValueError("predictions for other clips")
    no_speech = [np.nan] * len(LABELS)
    values = [no_speech if row["probabilities"] is None else row["probabilities"] for row in rows]
    return Predictions(clips, np.array(values, np.float64).reshape(len(clips), len(LABELS)))
