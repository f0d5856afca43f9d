"""The held-out score: a model folder, as users run it, on speakers it was not trained on."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from realtime_ser.emotion.manifest import read_manifest
from realtime_ser.errors import RealtimeSerError
from realtime_ser.events import LABELS
from train.corpora.clip import Clip
from train.corpora.ravdess import HELD_OUT_SPEAKERS, list_clips
from train.evaluation.calibration import reliability_of
from train.evaluation.predictions import NO_SPEECH, Predictions
from train.evaluation.report import confusion_table, scores_table, speaker_table
from train.evaluation.scores import rounded, scores_of, uar
from train.evaluation.speaker_scores import speaker_scores

MOMENTS = (0.96, 1.92, 2.88)
"""Seconds into speech at which the label on the screen is scored; the first label comes at 0.96."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What ``realtime-ser analyze`` says about clips.

    Attributes:
        whole: the probabilities of each clip's ``file`` event.
        shown: for each of ``MOMENTS`` the label shown for each clip then, or its last label if its
            speech ended earlier.
    """

    whole: Predictions
    shown: Mapping[float, Sequence[str]]


def evaluate_held_out(data: Path, model: Path) -> dict[str, Any]:
    """Score a model folder on speakers 21 to 24 of RAVDESS.

    A clip counts as right if the ``label`` of its ``file`` event is its own; ``uncertain`` and
    clips in which the gate found no speech count as wrong.

    Args:
        data: folder of RAVDESS.
        model: model folder.

    Returns:
        A description of the protocol, the scores of ``scores_of``, the expected calibration error,
        the UAR of the labels shown while the speaker speaks, and the scores of ``speaker_scores``
        under ``by_speaker``.

    Raises:
        RealtimeSerError: clips are missing, or the model folder cannot be used.
    """
    clips = list_clips(data, HELD_OUT_SPEAKERS)
    threshold = read_manifest(model).uncertain_threshold
    analysis = analyze(clips, model)
    truth = [LABELS[index] for index in analysis.whole.truth]
    scores = {
        "protocol": "held-out: RAVDESS speech clips of speakers 21–24, who took no part in training"
        " or in any choice; `realtime-ser analyze`, label of each file",
        "clips": len(clips),
        **scores_of(analysis.whole, threshold),
        "calibration_error": reliability_of(analysis.whole).error,
        "uar_while_speaking": {
            f"{moment:.2f}": uar(truth, labels) for moment, labels in analysis.shown.items()
        },
        "by_speaker": asdict(speaker_scores(analysis.whole, threshold)),
    }
    return dict(rounded(scores))


def analyze(clips: Sequence[Clip], model: Path) -> Analysis:
    """Run ``realtime-ser analyze`` over clips, as a user does.

    Raises:
        RealtimeSerError: it failed.
    """
    command = [sys.executable, "-m", "realtime_ser", "analyze", "--json", "--model", str(model)]
    paths = [str(clip.path) for clip in clips]
    run = subprocess.run([*command, *paths], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        raise RealtimeSerError("realtime-ser analyze failed", "see its message above")
    events = [json.loads(line) for line in run.stdout.splitlines()]
    rows = {event["path"]: _row(event) for event in events if event["event"] == "file"}
    whole = Predictions(tuple(clips), np.array([rows[path] for path in paths], np.float64))
    shown = {moment: labels_shown_at(moment, events) for moment in MOMENTS}
    return Analysis(
        whole, {moment: [labels[path] for path in paths] for moment, labels in shown.items()}
    )


def labels_shown_at(moment: float, events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the label shown for each file at a moment after the start of its first speech.

    Args:
        moment: in seconds.
        events: the events of one file after the other, each file's ``file`` event last.
    """
    labels: dict[str, str] = {}
    start: float | None = None
    label = NO_SPEECH
    for event in events:
        match event["event"]:
            case "speech_started" if start is None:
                start = event["time"]
            case "emotion" if start is not None and event["end"] <= start + moment + 1e-6:
                label = event["label"]
            case "file":
                labels[event["path"]] = label
                start, label = None, NO_SPEECH
    return labels


def _row(event: Mapping[str, Any]) -> list[float]:
    if event["probabilities"] is None:
        return [np.nan] * len(LABELS)
    return [event["probabilities"][label] for label in LABELS]


def print_scores(scores: Mapping[str, Any]) -> None:
    """Print scores as Markdown: the protocol, the scores, the confusion matrix."""
    tables = (scores_table(scores), speaker_table(scores), confusion_table(scores))
    print("\n\n".join((scores["protocol"], *filter(None, tables))))
