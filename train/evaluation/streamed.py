"""Streamed predictions: clips through the live program's own pipeline, as its users get them."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train.corpora.clip import Clip
from train.corpora.splits import Split, read_split
from train.evaluation.analyses import program_stamp, streamed_probabilities
from train.evaluation.calibration import temperature_of
from train.evaluation.group_calibration import ordinary_groups
from train.evaluation.predictions import Predictions, cached_predictions
from train.evaluation.prior import choose_prior
from train.model.fit_mixture import MixtureMethod
from train.model.method import Method
from train.model.runs import FINISHED_FILE, check_finished

DEVELOPMENT_SPLIT = "development"
STREAMED_FILE = "streamed.json"
MODEL_FOLDER = "model"
"""Subfolder of a run with its networks as the live program loads them, at temperature 1."""

Float64 = NDArray[np.float64]


def streamed_predictions(method: Method, split: Split, run: Path) -> dict[str, Predictions]:
    """Return the streamed predictions of a finished run for its validation and test clips.

    The networks are exported to the run's folder first, with the prior that ``fitted_prior`` gives.
    The predictions are cached until the run is trained anew or the source code of ``realtime_ser``
    changes.

    Args:
        method: the recipe; it has to support ``export``.
        split: what the run was trained on.
        run: folder of the finished run.
    """

    def predict(clips: Sequence[Clip]) -> Float64:
        folder = run / MODEL_FOLDER
        with redirect_stdout(sys.stderr):
            method.export(run, folder, split)
            if prior := fitted_prior(method, folder):
                method.export(run, folder, split, prior)
        return streamed_probabilities(folder, clips)

    stamp = f"{run_stamp(run)} {program_stamp()}"
    return cached_predictions(run / STREAMED_FILE, stamp, split, predict)


def fitted_prior(method: Method, folder: Path) -> float:
    """Return the prior of a recipe of several corpora (see ``choose_prior``); 0 of others.

    Args:
        method: the recipe.
        folder: model folder of its network, exported without prior.
    """
    if not isinstance(method, MixtureMethod):
        return 0.0
    return choose_prior(ordinary_groups(method.recipe, folder, method.corpora))


def development_temperature(method: Method, data: Path, runs: Path) -> float:
    """Return a recipe's temperature, fitted to the validation clips of its development run.

    The clips are streamed through the live program's pipeline; the network was not trained on
    their speakers.

    Args:
        method: the recipe; it has to support ``export``.
        data: folder of RAVDESS.
        runs: folder of runs and caches.

    Raises:
        SettingsError: the recipe has no finished development run.
    """
    run = runs / method.name / DEVELOPMENT_SPLIT
    check_finished(method.name, DEVELOPMENT_SPLIT, run)
    split = read_split(DEVELOPMENT_SPLIT, data)
    return temperature_of(streamed_predictions(method, split, run)["validation"])


def run_stamp(run: Path) -> str:
    """Return a text that changes when a run is trained anew."""
    return str((run / FINISHED_FILE).stat().st_mtime_ns)
