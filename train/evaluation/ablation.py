"""What each ingredient gave: the recipe and versions of it, on the actors that choose recipes."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import log_loss

from train.data.ravdess import Clip
from train.data.splits import Split, read_split
from train.evaluation.files import RESULTS_FOLDER, write_json
from train.evaluation.predictions import Predictions, kept_predictions
from train.evaluation.protocols import CLIP_LEVEL_FILE
from train.evaluation.report import markdown_table
from train.evaluation.scores import figures
from train.evaluation.streamed import run_stamp
from train.methods import open_method
from train.methods.method import FINISHED_FILE, Method
from train.recipe import read_recipe, recipe_names

SPLIT = "development"
FOLDER = "ablations/"
RESULT_FILE = "ablation.json"

TEXT = (
    "development: trained on actors 1–16, scored by clip on actors 17–20, one run each; two runs of"
    " one recipe differ by about 0.03 in UAR and 0.05 in cross-entropy, so smaller differences say"
    " nothing. Recipes are chosen here, so these figures flatter"
)


def ablation(recipe: str, data: Path, runs: Path, *, write: bool) -> None:
    """Score a recipe and the versions of it, and print them as Markdown.

    Those that were not trained yet, or not to their end, are trained first.

    Args:
        recipe: the whole recipe; its versions are those in ``train/recipes/ablations``.
        data: folder of RAVDESS.
        runs: folder of runs and caches.
        write: keep the scores in ``train/results/ablation.json``.

    Raises:
        RealtimeSerError: a recipe or the data is wrong, or a file cannot be written.
    """
    split = read_split(SPLIT, data)
    names = [recipe, *(each for each in recipe_names() if each.startswith(FOLDER))]
    methods = [open_method(name, runs / "cache") for name in names]
    with redirect_stdout(sys.stderr):  # what training prints is no part of the scores
        rows = [_row(method, split, runs / method.name / SPLIT) for method in methods]
    scores = {"text": TEXT, "rows": rows}
    if write:
        write_json(RESULTS_FOLDER / RESULT_FILE, scores)
    print(f"{TEXT}.\n\n{ablation_table(rows)}")


def ablation_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return scores as a table, a recipe a line."""
    cells = [
        (
            each["recipe"].removeprefix(FOLDER),
            each["description"],
            *(f"{each[key]:.3f}" for key in ("uar", "accuracy", "cross_entropy")),
        )
        for each in rows
    ]
    return markdown_table(("recipe", "what", "UAR", "accuracy", "cross-entropy"), cells)


def _row(method: Method, split: Split, run: Path) -> dict[str, Any]:
    if not (run / FINISHED_FILE).exists():
        print(f"{method.name}: training")
        method.fit(split, run)

    def predict(clips: Sequence[Clip]) -> NDArray[np.float64]:
        logits = method.logits(clips, run).astype(np.float64)
        return np.asarray(softmax(logits, axis=1), np.float64)

    heard = kept_predictions(run / CLIP_LEVEL_FILE, run_stamp(run), split, predict)["validation"]
    description = read_recipe(method.name).get("description", "")
    return {"recipe": method.name, "description": description, **_scores(heard)}


def _scores(heard: Predictions) -> dict[str, float]:
    found = figures(heard, threshold=0.0)
    cross_entropy = float(log_loss(heard.labels, heard.probabilities))
    return {
        "uar": round(found["uar"], 4),
        "accuracy": round(found["accuracy"], 4),
        "cross_entropy": round(cross_entropy, 4),
    }
