"""The held-out score: the committed model, as users run it, on voices it never heard."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from realtime_ser.errors import RealtimeSerError
from realtime_ser.events import LABELS
from realtime_ser.settings import Settings
from train.data.ravdess import HELD_OUT_ACTORS, Clip, list_clips
from train.evaluation.calibration import reliability_of
from train.evaluation.predictions import Predictions
from train.evaluation.report import confusion_table, figures_table
from train.evaluation.scores import figures, rounded


def evaluate_held_out(data: Path, model: Path) -> dict[str, Any]:
    """Score a model folder on actors 21-24 of RAVDESS.

    A clip counts as right when the ``label`` of its ``file`` event is its own; ``uncertain`` and
    clips in which the gate heard nobody count as wrong.

    Args:
        data: folder of RAVDESS.
        model: model folder.

    Returns:
        The protocol's description, the figures of ``scores.figures`` and the expected calibration
        error of the probabilities as users get them.
    """
    clips = list_clips(data, HELD_OUT_ACTORS)
    predictions = analyzed(clips, model)
    scores = {
        "protocol": "held-out: RAVDESS speech clips of actors 21-24, which neither training nor any"
        " choice has seen; `realtime-ser analyze`, label of each file",
        "clips": len(clips),
        **figures(predictions, Settings().threshold),
        "calibration_error": reliability_of(predictions).error,
    }
    return dict(rounded(scores))


def analyzed(clips: Sequence[Clip], model: Path) -> Predictions:
    """Return what ``realtime-ser analyze`` makes of clips, run as a user runs it.

    Raises:
        RealtimeSerError: it failed.
    """
    command = [sys.executable, "-m", "realtime_ser", "analyze", "--json", "--model", str(model)]
    paths = [str(clip.path) for clip in clips]
    run = subprocess.run([*command, *paths], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        raise RealtimeSerError("realtime-ser analyze failed", "see what it said above")
    events = map(json.loads, run.stdout.splitlines())
    rows = {each["path"]: _row(each) for each in events if each["event"] == "file"}
    return Predictions(tuple(clips), np.array([rows[path] for path in paths], np.float64))


def _row(event: Mapping[str, Any]) -> list[float]:
    if event["probabilities"] is None:
        return [np.nan] * len(LABELS)
    return [event["probabilities"][label] for label in LABELS]


def print_scores(scores: Mapping[str, Any]) -> None:
    """Print a score as Markdown: its protocol, its figures, its confusion matrix."""
    print(scores["protocol"], end="\n\n")
    print(figures_table(scores), end="\n\n")
    print(confusion_table(scores))
