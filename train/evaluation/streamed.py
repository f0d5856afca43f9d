"""Streamed predictions: clips through the live program's own pipeline, as users hear of them."""

import hashlib
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import realtime_ser
from realtime_ser import Recognizer
from realtime_ser.events import LABELS
from train.data.ravdess import Clip
from train.data.splits import Split
from train.evaluation.predictions import Predictions, kept_predictions
from train.methods.method import FINISHED_FILE

STREAMED_FILE = "streamed.json"
MODEL_FOLDER = "model"
"""Where in a run's folder its networks lie as the live program loads them, at temperature 1."""

Float64 = NDArray[np.float64]


def streamed_probabilities(model: Path, clips: Sequence[Clip]) -> Float64:
    """Return the probabilities of each clip's ``file`` event, as ``realtime-ser analyze`` has it.

    Args:
        model: model folder.
        clips: the clips.

    Returns:
        Shape ``[clips, 8]``; a row of NaN where the gate heard nobody.
    """
    recognizer = Recognizer(model)
    rows = [_file_probabilities(recognizer, clip) for clip in tqdm(clips, "streamed", leave=False)]
    return np.array(rows, np.float64).reshape(len(clips), len(LABELS))


def _file_probabilities(recognizer: Recognizer, clip: Clip) -> list[float]:
    probabilities = recognizer.recognize_file(clip.path).probabilities
    if probabilities is None:
        return [np.nan] * len(LABELS)
    return [probabilities[label] for label in LABELS]


def streamed_predictions(recipe: str, split: Split, run: Path) -> dict[str, Predictions]:
    """Return the streamed predictions of a finished run for its validation and test clips.

    The run's networks are exported into its folder first. Both are done once for a run and a state
    of ``realtime_ser``, whose every change may change what users get.

    Args:
        recipe: its name; it has to be one of the method ``windows``.
        split: what the run was trained on.
        run: folder of the finished run.
    """

    def predict(clips: Sequence[Clip]) -> Float64:
        return streamed_probabilities(_exported(recipe, run), clips)

    stamp = f"{run_stamp(run)} {_program_stamp()}"
    return kept_predictions(run / STREAMED_FILE, stamp, split, predict)


def run_stamp(run: Path) -> str:
    """Return what changes when a run is trained anew."""
    return str((run / FINISHED_FILE).stat().st_mtime_ns)


def _program_stamp() -> str:
    """Return a hash of the live program's sources."""
    package = Path(realtime_ser.__file__).parent
    sources = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        sources.update(path.read_bytes())
    return sources.hexdigest()


def _exported(recipe: str, run: Path) -> Path:
    from train.methods.window_recipe import load_window_recipe
    from train.publishing.export import export

    folder = run / MODEL_FOLDER
    with redirect_stdout(sys.stderr):
        export(load_window_recipe(recipe), run, folder)
    return folder
