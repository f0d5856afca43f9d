"""Ablations: a recipe and variants of it, scored on the speakers that recipes are chosen on."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from sklearn.metrics import log_loss

from experiments.methods import RECIPE_FOLDERS, open_method
from train.corpora.splits import Split, read_split
from train.evaluation.protocols import clip_level_predictions
from train.evaluation.report import ablation_table
from train.evaluation.scores import scores_of
from train.files import RESULTS_FOLDER, write_json
from train.model.method import Method
from train.model.recipe_files import recipe_names
from train.publishing.model_card import ABLATION_FILE

SPLIT = "development"
FOLDER = "ablations/"

TEXT = (
    "development: trained on speakers 01–16, scored by clip on speakers 17–20, one run each. Two"
    " runs of one recipe differ by about 0.03 in UAR and 0.05 in cross-entropy, so smaller"
    " differences mean nothing. Recipes are chosen on these speakers, so the scores are optimistic"
)


def ablation(recipe: str, data: Path, runs: Path, *, write: bool) -> None:
    """Score a recipe and its variants, and print the scores as Markdown.

    Runs that are missing or unfinished are trained first.

    Args:
        recipe: the full recipe; its variants are those in ``experiments/recipes/ablations``.
        data: folder of RAVDESS.
        runs: folder of runs and caches.
        write: also write the scores to ``results/ablation.json``.

    Raises:
        RealtimeSerError: a recipe or the data is wrong, or a file cannot be written.
    """
    split = read_split(SPLIT, data)
    variants = [name for name in recipe_names(RECIPE_FOLDERS) if name.startswith(FOLDER)]
    methods = [open_method(name, runs / "cache") for name in (recipe, *variants)]
    with redirect_stdout(sys.stderr):  # stdout is for the scores
        rows = [_score(method, split, runs / method.name / SPLIT) for method in methods]
    if write:
        write_json(RESULTS_FOLDER / ABLATION_FILE, {"text": TEXT, "rows": rows})
    print(f"{TEXT}.\n\n{ablation_table(rows)}")


def _score(method: Method, split: Split, run: Path) -> dict[str, Any]:
    predictions = clip_level_predictions(method, split, run)["validation"]
    scores = scores_of(predictions, threshold=0.0)
    cross_entropy = float(log_loss(predictions.truth, predictions.probabilities))
    return {
        "recipe": method.name,
        "description": method.description,
        "uar": round(scores["uar"], 4),
        "accuracy": round(scores["accuracy"], 4),
        "cross_entropy": round(cross_entropy, 4),
    }
