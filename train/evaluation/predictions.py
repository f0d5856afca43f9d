"""Predictions: what a model made of clips, and their copy in a run's folder."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.events import LABELS, choose_label
from train.data.ravdess import Clip
from train.data.splits import Split
from train.evaluation.files import write_json

NO_SPEECH = "no speech"
"""What a clip is said to be in which the gate heard nobody."""

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model made of clips.

    Attributes:
        clips: the clips.
        probabilities: float64, shape ``[clips, 8]``; a row of NaN where nobody was heard.
    """

    clips: tuple[Clip, ...]
    probabilities: Float64

    @property
    def labels(self) -> NDArray[np.int64]:
        """The true labels, indices into ``LABELS``, shape ``[clips]``."""
        return np.array([clip.label for clip in self.clips], np.int64)

    @property
    def heard(self) -> NDArray[np.bool_]:
        """Whether there are probabilities for a clip, shape ``[clips]``."""
        return np.asarray(np.isfinite(self.probabilities).all(axis=1))

    def guesses(self, threshold: float) -> list[str]:
        """Return the label each clip is given.

        It is ``no speech`` where nobody was heard, and ``uncertain`` where no probability reaches
        the threshold.
        """
        return [_guess(row, threshold) for row in self.probabilities]

    def of_clips(self, chosen: Callable[[Clip], bool]) -> "Predictions":
        """Return the predictions of some of the clips."""
        rows = [index for index, clip in enumerate(self.clips) if chosen(clip)]
        return Predictions(tuple(self.clips[row] for row in rows), self.probabilities[rows])


def joined(several: Sequence[Predictions]) -> Predictions:
    """Return the predictions of several splits as those of one."""
    return Predictions(
        tuple(clip for each in several for clip in each.clips),
        np.concatenate([each.probabilities for each in several]),
    )


def _guess(probabilities: Float64, threshold: float) -> str:
    if np.isnan(probabilities).any():
        return NO_SPEECH
    return choose_label(dict(zip(LABELS, probabilities.tolist(), strict=True)), threshold)[0]


def kept_predictions(
    path: Path, stamp: str, split: Split, predict: Callable[[Sequence[Clip]], Float64]
) -> dict[str, Predictions]:
    """Return the predictions for a split's validation and test clips, made once.

    Args:
        path: the file that keeps them.
        stamp: what they depend on; a file with another stamp is made again.
        split: whose clips.
        predict: gives the probabilities of clips, shape ``[clips, 8]``.

    Raises:
        OutputError: the file cannot be written.
    """
    clips = {"validation": split.validation, "test": split.test}
    kept = _read(path, stamp, clips)
    if kept is None:
        probabilities = predict((*split.validation, *split.test))
        parts = np.split(probabilities, [len(split.validation)])
        kept = {
            name: Predictions(of_part, values)
            for (name, of_part), values in zip(clips.items(), parts, strict=True)
        }
        write_json(path, {"stamp": stamp, **{name: _rows(each) for name, each in kept.items()}})
    return kept


def _rows(predictions: Predictions) -> list[dict[str, Any]]:
    return [
        {
            "clip": clip.path.name,
            "label": LABELS[clip.label],
            "probabilities": None if np.isnan(row).any() else row.tolist(),
        }
        for clip, row in zip(predictions.clips, predictions.probabilities, strict=True)
    ]


def _read(
    path: Path, stamp: str, clips: Mapping[str, tuple[Clip, ...]]
) -> dict[str, Predictions] | None:
    """Return what the file holds, ``None`` unless it is whole and about these clips."""
    try:
        content = json.loads(path.read_text())
        if content["stamp"] != stamp:
            return None
        return {part: _from_rows(content[part], each) for part, each in clips.items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _from_rows(rows: Sequence[Mapping[str, Any]], clips: tuple[Clip, ...]) -> Predictions:
    if [row["clip"] for row in rows] != [clip.path.name for clip in clips]:
        raise ValueError("predictions of other clips")
    unheard = [np.nan] * len(LABELS)
    values = [unheard if row["probabilities"] is None else row["probabilities"] for row in rows]
    return Predictions(clips, np.array(values, np.float64).reshape(len(clips), len(LABELS)))
