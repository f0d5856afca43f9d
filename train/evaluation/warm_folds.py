"""Protocol ``warm`` on RAVDESS, each speaker heard by a network that was not trained on them."""

from pathlib import Path
from typing import Any

from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.errors import SettingsError
from train.corpora import ravdess
from train.corpora.registry import find_corpus
from train.corpora.splits import PROTOCOLS, read_split
from train.evaluation.corpus_protocols import PROTOCOLS as CORPUS_PROTOCOLS
from train.evaluation.corpus_protocols import as_json
from train.evaluation.scores import rounded
from train.evaluation.streamed import MODEL_FOLDER
from train.evaluation.warm import Part, warm_scores
from train.model.method import Method
from train.model.runs import current_commit

FOLDS = "folds"
"""Whose clips are scored: every speaker's, by the network that was not trained on them."""


def warm_folds(method: Method, data: Path, runs: Path, model: Path) -> dict[str, Any]:
    """Score the six folds of a recipe warm and cold.

    Args:
        method: the recipe.
        data: folder of RAVDESS.
        runs: folder of runs, with the folds as ``evaluate --protocol actors`` leaves them: exported
            with their prior, at temperature 1.
        model: the model folder beside whose scores these stand.

    Returns:
        As ``evaluate_corpus`` does.

    Raises:
        SettingsError: a fold was not scored yet.
        AudioInputError: RAVDESS is missing or damaged.
        ModelError: a model folder cannot be used.
    """
    parts = [_part(method, name, data, runs) for name in PROTOCOLS["actors"]]
    corpus, protocol = find_corpus(ravdess.CORPUS), CORPUS_PROTOCOLS["warm"]
    return {
        "protocol": protocol.name,
        "text": protocol.text,
        "corpus": corpus.name,
        "title": f"{corpus.title}, recipe {method.name}",
        "speakers": FOLDS,
        "trained_on": 0,
        "model": f"{method.name}, six folds",
        "sha256": EmotionModel(model).manifest.files[MODEL_FILE],
        "commit": current_commit(),
        "clips": sum(len(part.clips) for part in parts),
        "scores": rounded(as_json(warm_scores(corpus, parts))),
    }


def _part(method: Method, split: str, data: Path, runs: Path) -> Part:
    folder = runs / method.name / split / MODEL_FOLDER
    if not folder.exists():
        raise SettingsError(
            f"{folder} does not exist",
            f"run python -m train evaluate --protocol actors --recipe {method.name} first",
        )
    return Part(read_split(split, data).test, folder)
