"""The held-out score: the committed model, as users run it, on voices it never heard."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from realtime_ser.errors import RealtimeSerError
from realtime_ser.events import LABELS, UNCERTAIN
from train.ravdess import HELD_OUT_ACTORS, Clip, list_clips

NO_SPEECH = "no speech"


def evaluate_held_out(data: Path, model: Path) -> dict[str, Any]:
    """Score a model folder on actors 21-24 of RAVDESS.

    A clip counts as right when the ``label`` of its ``file`` event is its own; ``uncertain`` and
    clips in which the gate heard nobody count as wrong.

    Args:
        data: folder of RAVDESS.
        model: model folder.

    Returns:
        The protocol's description, and accuracy, unweighted average recall (UAR), recall of each
        class and sex, and the confusion matrix with rows and columns named by ``columns``.
    """
    clips = list_clips(data, HELD_OUT_ACTORS)
    guesses = _analyze(clips, model)
    truth = [LABELS[clip.label] for clip in clips]
    return {
        "protocol": "held-out: RAVDESS speech clips of actors 21-24, which neither training nor any"
        " choice has seen; `realtime-ser analyze`, label of each file",
        "clips": len(clips),
        **_figures(truth, guesses),
        "uar_women": _uar_of(clips, truth, guesses, odd=False),
        "uar_men": _uar_of(clips, truth, guesses, odd=True),
    }


def _analyze(clips: Sequence[Clip], model: Path) -> list[str]:
    command = [sys.executable, "-m", "realtime_ser", "analyze", "--json", "--model", str(model)]
    paths = [str(clip.path) for clip in clips]
    run = subprocess.run([*command, *paths], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        raise RealtimeSerError("realtime-ser analyze failed", "see what it said above")
    events = map(json.loads, run.stdout.splitlines())
    labels = {
        each["path"]: each["label"] or NO_SPEECH for each in events if each["event"] == "file"
    }
    return [labels[path] for path in paths]


def _figures(truth: Sequence[str], guesses: Sequence[str]) -> dict[str, Any]:
    columns = [*LABELS, UNCERTAIN, NO_SPEECH]
    counts = confusion_matrix(truth, guesses, labels=columns)[: len(LABELS)]
    return {
        "accuracy": round(float(accuracy_score(truth, guesses)), 4),
        "uar": _uar(truth, guesses),
        "recall": dict(zip(LABELS, _rounded(np.diag(counts) / counts.sum(axis=1)), strict=True)),
        "columns": columns,
        "confusion": counts.tolist(),
    }


def _rounded(values: Any) -> list[float]:
    return [round(float(each), 4) for each in values]


def _uar(truth: Sequence[str], guesses: Sequence[str]) -> float:
    recall = recall_score(truth, guesses, labels=LABELS, average="macro")
    return round(float(recall), 4)


def _uar_of(
    clips: Sequence[Clip], truth: Sequence[str], guesses: Sequence[str], *, odd: bool
) -> float:
    chosen = [index for index, clip in enumerate(clips) if (clip.actor % 2 == 1) is odd]
    return _uar([truth[index] for index in chosen], [guesses[index] for index in chosen])


def print_scores(scores: Mapping[str, Any]) -> None:
    """Print a score as Markdown: its protocol, its figures, its confusion matrix."""
    print(scores["protocol"], end="\n\n")
    print(figures_table(scores), end="\n\n")
    print(confusion_table(scores))


def figures_table(scores: Mapping[str, Any]) -> str:
    """Return the figures of a score as a Markdown table."""
    rows = [
        ("unweighted average recall (UAR)", scores["uar"]),
        ("accuracy", scores["accuracy"]),
        ("UAR, women", scores["uar_women"]),
        ("UAR, men", scores["uar_men"]),
        *((f"recall, {label}", value) for label, value in scores["recall"].items()),
    ]
    lines = [f"| {name} | {value:.3f} |" for name, value in rows]
    return "\n".join([f"| figure | {scores['clips']} clips |", "|---|---|", *lines])


def confusion_table(scores: Mapping[str, Any]) -> str:
    """Return the confusion matrix of a score as a Markdown table, truth in rows."""
    header = " | ".join(scores["columns"])
    lines = [
        f"| **{label}** | {' | '.join(map(str, row))} |"
        for label, row in zip(LABELS, scores["confusion"], strict=True)
    ]
    rule = "|---" * (len(scores["columns"]) + 1) + "|"
    return "\n".join([f"| truth ↓ heard as → | {header} |", rule, *lines])
