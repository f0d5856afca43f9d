"""Streamed predictions: clips through the live program's own pipeline, as its users get them."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train.corpora.clip import Clip
from train.corpora.splits import Split
from train.evaluation.analyses import analyze_clips, probabilities_of, program_stamp
from train.evaluation.predictions import Predictions, cached_predictions
from train.model.method import Method
from train.model.runs import FINISHED_FILE

STREAMED_FILE = "streamed.json"
MODEL_FOLDER = "model"
"""Subfolder of a run with its networks as the live program loads them, at temperature 1."""

Float64 = NDArray[np.float64]


def streamed_probabilities(model: Path, clips: Sequence[Clip]) -> Float64:
    """Return the probabilities of each clip's ``file`` event, as ``realtime-ser analyze`` has them.

    Args:
        model: model folder.
        clips: the clips.

    Returns:
        Shape ``[clips, 8]``; a row of NaN where the gate found no speech.
    """
    return probabilities_of(analyze_clips(model, clips))


def streamed_predictions(method: Method, split: Split, run: Path) -> dict[str, Predictions]:
    """Return the streamed predictions of a finished run for its validation and test clips.

    The networks are exported to the run's folder first. The predictions are cached until the run is
    trained anew or the source code of ``realtime_ser`` changes.

    Args:
        method: the recipe; it has to support ``export``.
        split: what the run was trained on.
        run: folder of the finished run.
    """

    def predict(clips: Sequence[Clip]) -> Float64:
        folder = run / MODEL_FOLDER
        with redirect_stdout(sys.stderr):
            method.export(run, folder, split)
        return streamed_probabilities(folder, clips)

    stamp = f"{run_stamp(run)} {program_stamp()}"
    return cached_predictions(run / STREAMED_FILE, stamp, split, predict)


def run_stamp(run: Path) -> str:
    """Return a text that changes when a run is trained anew."""
    return str((run / FINISHED_FILE).stat().st_mtime_ns)
