"""The held-out score: the committed model, as users run it, on voices it never heard."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from realtime_ser.errors import RealtimeSerError
from realtime_ser.events import LABELS
from realtime_ser.settings import Settings
from train.data.ravdess import HELD_OUT_ACTORS, Clip, list_clips
from train.evaluation.calibration import reliability_of
from train.evaluation.predictions import NO_SPEECH, Predictions
from train.evaluation.report import confusion_table, figures_table
from train.evaluation.scores import figures, rounded, uar

MOMENTS = (0.96, 1.92, 2.88)
"""Seconds into speech at which the label on the screen is scored, the first as soon as any."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What ``realtime-ser analyze`` made of clips.

    Attributes:
        whole: each clip's ``file`` event.
        shown: for each of ``MOMENTS`` the label a clip had then, or at its end where that is
            earlier.
    """

    whole: Predictions
    shown: Mapping[float, Sequence[str]]


def evaluate_held_out(data: Path, model: Path) -> dict[str, Any]:
    """Score a model folder on actors 21-24 of RAVDESS.

    A clip counts as right when the ``label`` of its ``file`` event is its own; ``uncertain`` and
    clips in which the gate heard nobody count as wrong.

    Args:
        data: folder of RAVDESS.
        model: model folder.

    Returns:
        The protocol's description, the figures of ``scores.figures``, the expected calibration
        error of the probabilities as users get them, and the UAR of the labels they see before.
    """
    clips = list_clips(data, HELD_OUT_ACTORS)
    heard = analyzed(clips, model)
    truth = [LABELS[clip.label] for clip in clips]
    scores = {
        "protocol": "held-out: RAVDESS speech clips of actors 21-24, which neither training nor any"
        " choice has seen; `realtime-ser analyze`, label of each file",
        "clips": len(clips),
        **figures(heard.whole, Settings().threshold),
        "calibration_error": reliability_of(heard.whole).error,
        "uar_while_speaking": {
            f"{moment:.2f}": uar(truth, labels) for moment, labels in heard.shown.items()
        },
    }
    return dict(rounded(scores))


def analyzed(clips: Sequence[Clip], model: Path) -> Heard:
    """Return what ``realtime-ser analyze`` makes of clips, run as a user runs it.

    Raises:
        RealtimeSerError: it failed.
    """
    command = [sys.executable, "-m", "realtime_ser", "analyze", "--json", "--model", str(model)]
    paths = [str(clip.path) for clip in clips]
    run = subprocess.run([*command, *paths], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        raise RealtimeSerError("realtime-ser analyze failed", "see what it said above")
    events = [json.loads(line) for line in run.stdout.splitlines()]
    rows = {each["path"]: _row(each) for each in events if each["event"] == "file"}
    whole = Predictions(tuple(clips), np.array([rows[path] for path in paths], np.float64))
    shown = {moment: shown_at(moment, events) for moment in MOMENTS}
    return Heard(whole, {moment: [of[path] for path in paths] for moment, of in shown.items()})


def shown_at(moment: float, events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the label each file had so many seconds after its first speech began.

    Args:
        moment: in seconds.
        events: those of files one after the other, each one's ``file`` event last.
    """
    labels: dict[str, str] = {}
    began: float | None = None
    label = NO_SPEECH
    for each in events:
        match each["event"]:
            case "speech_started" if began is None:
                began = each["time"]
            case "emotion" if began is not None and each["end"] <= began + moment + 1e-6:
                label = each["label"]
            case "file":
                labels[each["path"]] = label
                began, label = None, NO_SPEECH
    return labels


def _row(event: Mapping[str, Any]) -> list[float]:
    if event["probabilities"] is None:
        return [np.nan] * len(LABELS)
    return [event["probabilities"][label] for label in LABELS]


def print_scores(scores: Mapping[str, Any]) -> None:
    """Print a score as Markdown: its protocol, its figures, its confusion matrix."""
    print(scores["protocol"], end="\n\n")
    print(figures_table(scores), end="\n\n")
    print(confusion_table(scores))
