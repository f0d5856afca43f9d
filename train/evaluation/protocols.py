"""The protocols: a recipe trained and scored on every split of one, by clip and streamed."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from realtime_ser.settings import Settings
from train.data.ravdess import Clip
from train.data.splits import DEVELOPMENT_ACTORS, PROTOCOLS, Split, read_split
from train.evaluation.calibration import reliability_of, scaled, temperature_of
from train.evaluation.files import RESULTS_FOLDER, read_json, write_json
from train.evaluation.predictions import Predictions, joined, kept_predictions
from train.evaluation.report import protocol_report
from train.evaluation.scores import combined, deviation, figures, mean, rounded, uar_of
from train.evaluation.streamed import run_stamp, streamed_predictions
from train.methods import open_method
from train.methods.method import FINISHED_FILE, Method
from train.methods.runs import ORIGIN_FILE, current_commit
from train.recipe import read_recipe

PROTOCOL_TEXTS = {
    "actors": "actors: six folds, each tested on four actors (EmoBox's) on whom its network was"
    " neither trained nor stopped nor calibrated; recipes were chosen on actors 17–20, who are"
    " among the test actors of four folds, hence a further figure without them",
    "random": "random: five seeds, clips divided 70/15/15 % and stratified by label; the same"
    " voices are in training and test",
}

STREAMED = "streamed"
CLIP_LEVEL = "clip-level"
CLIP_LEVEL_FILE = "clip-level.json"

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class View:
    """What came of the test clips of one split.

    Attributes:
        unscaled: as the run made it.
        scaled: after temperature scaling.
        temperature: fitted on the split's validation clips.
        threshold: probability below which a label is ``uncertain``; 0 where none is.
    """

    unscaled: Predictions
    scaled: Predictions
    temperature: float
    threshold: float


def evaluate(recipe: str, protocol: str, data: Path, runs: Path, *, write: bool) -> None:
    """Score a recipe under a protocol, print the scores as Markdown and draw them.

    Splits that were not trained yet, or not to their end, are trained first. The pictures go to
    ``runs/RECIPE/PROTOCOL-plots``, the predictions and the course of the training to each run's
    own folder.

    Args:
        recipe: a file of ``train/recipes`` without its ending.
        protocol: ``random`` or ``actors``.
        data: folder of RAVDESS.
        runs: folder of runs and caches.
        write: keep the scores in ``train/results/RECIPE-PROTOCOL.json``.

    Raises:
        RealtimeSerError: the recipe or the data is wrong, or a file cannot be written.
    """
    method = open_method(recipe, runs / "cache")
    splits = [read_split(name, data) for name in PROTOCOLS[protocol]]
    with redirect_stdout(sys.stderr):  # what training prints is no part of the scores
        views = [_views(method, split, runs / recipe / split.name) for split in splits]
    by_name = {name: [each[name] for each in views] for name in views[0]}
    scores = {
        "recipe": recipe,
        "protocol": protocol,
        "text": PROTOCOL_TEXTS[protocol],
        "commit": current_commit(),
        "splits": [_described(split, runs / recipe / split.name) for split in splits],
        "views": {
            name: scores_of(each, by_actors=protocol == "actors") for name, each in by_name.items()
        },
    }
    if write:
        write_json(RESULTS_FOLDER / f"{recipe}-{protocol}.json", scores)
    _draw(scores, by_name, runs / recipe)
    print(protocol_report(scores))


def _views(method: Method, split: Split, run: Path) -> dict[str, View]:
    """Return how a split is seen, the streamed view first where there is one."""
    if not (run / FINISHED_FILE).exists():
        print(f"{method.name}, {split.name}: training")
        method.fit(split, run)

    def predict(clips: Sequence[Clip]) -> Float64:
        logits = method.logits(clips, run).astype(np.float64)
        return np.asarray(softmax(logits, axis=1), np.float64)

    views = {}
    if read_recipe(method.name)["method"] == "windows":
        streamed = streamed_predictions(method.name, split, run)
        views[STREAMED] = view_of(streamed, Settings().threshold)
    by_clip = kept_predictions(run / CLIP_LEVEL_FILE, run_stamp(run), split, predict)
    return {**views, CLIP_LEVEL: view_of(by_clip, threshold=0.0)}


def view_of(predictions: dict[str, Predictions], threshold: float) -> View:
    """Return the test clips, calibrated by the validation clips.

    Args:
        predictions: those of the parts ``validation`` and ``test``.
        threshold: probability below which a label is ``uncertain``, after the calibration.
    """
    temperature = temperature_of(predictions["validation"])
    test = predictions["test"]
    return View(test, scaled(test, temperature), temperature, threshold)


def scores_of(views: Sequence[View], *, by_actors: bool) -> dict[str, Any]:
    """Return the figures of each split, their mean and sample deviation, and those of all clips.

    Args:
        views: one for each split.
        by_actors: whether nobody is on two sides of a split; then the UAR of those actors is told
            too on whom no recipe was chosen.

    Returns:
        ``mean``, ``deviation``, ``splits`` and ``pooled``, rounded to four digits; only ``pooled``
        has a confusion matrix. A pooled calibration error is lower than the mean one also because
        its bins hold more clips.
    """
    by_split = [{"temperature": each.temperature, **_figures(each, by_actors)} for each in views]
    for each in by_split:
        del each["columns"], each["confusion"]
    scores = {
        "mean": combined(by_split, mean),
        "deviation": combined(by_split, deviation),
        "pooled": _figures(pooled(views), by_actors),
        "splits": by_split,
    }
    return dict(rounded(scores))


def pooled(views: Sequence[View]) -> View:
    """Return the test clips of all splits together, each at its own split's temperature."""
    return View(
        joined([each.unscaled for each in views]),
        joined([each.scaled for each in views]),
        temperature=float("nan"),
        threshold=views[0].threshold,
    )


def _figures(view: View, by_actors: bool) -> dict[str, Any]:
    further = {}
    if by_actors:
        further["uar_beyond_choice"] = uar_of(
            view.scaled, view.threshold, lambda clip: clip.actor not in DEVELOPMENT_ACTORS
        )
    return {
        **figures(view.scaled, view.threshold),
        **further,
        "calibration_error_unscaled": reliability_of(view.unscaled).error,
        "calibration_error": reliability_of(view.scaled).error,
    }


def _described(split: Split, run: Path) -> dict[str, Any]:
    """Return what tells a split from the others, and the commit that trained its run."""
    description: dict[str, Any] = {
        "name": split.name,
        "clips": len(split.test),
        "trained_at": read_json(run / ORIGIN_FILE)["commit"],
    }
    protocol, _, number = split.name.rpartition("-")
    if protocol == "random":
        return {**description, "seed": int(number)}
    return {
        **description,
        "test_actors": sorted({clip.actor for clip in split.test}),
        "validation_actors": sorted({clip.actor for clip in split.validation}),
    }


def _draw(scores: dict[str, Any], views: dict[str, list[View]], folder: Path) -> None:
    from train.evaluation.plots import plot_history, plot_scores

    plots = folder / f"{scores['protocol']}-plots"
    for name, each in views.items():
        title = f"{scores['recipe']}, protocol {scores['protocol']}, {name}"
        together = pooled(each)
        plot_scores(
            scores["views"][name],
            reliability_of(together.unscaled),
            reliability_of(together.scaled),
            plots / f"{name}.png",
            title,
        )
    for split in scores["splits"]:
        plot_history(folder / split["name"])
    print(f"pictures are in {plots}", file=sys.stderr)
