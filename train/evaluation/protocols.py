"""Scores a recipe under a protocol: trained and tested on each of its splits."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from realtime_ser.errors import SettingsError
from realtime_ser.settings import DEFAULT_THRESHOLD
from train.corpora.clip import Clip
from train.corpora.splits import DEVELOPMENT_SPEAKERS, PROTOCOLS, Split, read_split
from train.evaluation.calibration import reliability_of, scaled, temperature_of
from train.evaluation.predictions import Predictions, cached_predictions, concatenate
from train.evaluation.report import protocol_report
from train.evaluation.scores import combine, deviation, mean, rounded, scores_of, uar_where
from train.evaluation.speaker_scores import speaker_scores
from train.evaluation.streamed import run_stamp, streamed_predictions
from train.files import RESULTS_FOLDER, read_json, write_json
from train.model.method import Method
from train.model.runs import ORIGIN_FILE, current_commit, is_finished

PROTOCOL_TEXTS = {
    "actors": "actors: six folds with four test speakers each (EmoBox's), who took no part in"
    " training, stopping or calibration; recipes were chosen on speakers 17–20, who are among the"
    " test speakers of four folds, hence the further score without them",
    "random": "random: clips divided 70/15/15 %, stratified by label, by a seed for each split; the"
    " same speakers are in training and test",
}

STREAMED = "streamed"
CLIP_LEVEL = "clip-level"
CLIP_LEVEL_FILE = "clip-level.json"

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class View:
    """The predictions for the test clips of a split, streamed or by clip.

    Attributes:
        unscaled: without temperature scaling.
        scaled: with temperature scaling.
        temperature: fitted to the split's validation clips.
        threshold: probability below which a label is ``uncertain``; 0 for no such label.
    """

    unscaled: Predictions
    scaled: Predictions
    temperature: float
    threshold: float


def evaluate(
    method: Method,
    protocol: str,
    data: Path,
    runs: Path,
    chosen: Sequence[str] | None = None,
    *,
    write: bool,
) -> None:
    """Score a recipe under a protocol, print the scores as Markdown and plot them.

    Runs that are missing or unfinished are trained first. The plots are written to
    ``runs/RECIPE/PROTOCOL-plots``, predictions and training history to each run's own folder.

    Args:
        method: the recipe.
        protocol: ``random`` or ``actors``.
        data: folder of RAVDESS.
        runs: folder of runs and caches.
        chosen: at least two splits of the protocol; ``None`` for all.
        write: also write the scores to ``results/RECIPE-PROTOCOL.json``.

    Raises:
        SettingsError: a chosen split is not of the protocol, or only one is chosen.
        RealtimeSerError: the recipe or the data is wrong, or a file cannot be written.
    """
    splits = [read_split(name, data) for name in _check_splits(protocol, chosen)]
    with redirect_stdout(sys.stderr):  # stdout is for the scores
        by_split = [_views(method, split, runs / method.name / split.name) for split in splits]
    views = {name: [views_of_split[name] for views_of_split in by_split] for name in by_split[0]}
    scores = {
        "recipe": method.name,
        "protocol": protocol,
        "text": PROTOCOL_TEXTS[protocol],
        "commit": current_commit(),
        "splits": [_describe(split, runs / method.name / split.name) for split in splits],
        "views": {
            name: protocol_scores(each, by_speaker=protocol == "actors")
            for name, each in views.items()
        },
    }
    if write:
        write_json(RESULTS_FOLDER / f"{method.name}-{protocol}.json", scores)
    _plot(scores, views, runs / method.name)
    print(protocol_report(scores))


def _check_splits(protocol: str, chosen: Sequence[str] | None) -> Sequence[str]:
    """Return the names of the splits to score."""
    names = PROTOCOLS[protocol]
    if chosen is None:
        return names
    for name in chosen:
        if name not in names:
            raise SettingsError(
                f"protocol {protocol} has no split {name!r}", f"choose from {', '.join(names)}"
            )
    if len(set(chosen)) < 2:
        raise SettingsError("scores of one split have no deviation", "choose at least two splits")
    return tuple(name for name in names if name in chosen)


def clip_level_predictions(method: Method, split: Split, run: Path) -> dict[str, Predictions]:
    """Return the predictions of a run by clip, training it first if it is not finished.

    Args:
        method: the recipe.
        split: what the run is trained on.
        run: folder of the run.

    Returns:
        ``validation`` and ``test``, at temperature 1.
    """
    if not is_finished(run):
        print(f"{method.name}, {split.name}: training")
        method.fit(split, run)

    def predict(clips: Sequence[Clip]) -> Float64:
        logits = method.logits(clips, run).astype(np.float64)
        return np.asarray(softmax(logits, axis=1), np.float64)

    return cached_predictions(run / CLIP_LEVEL_FILE, run_stamp(run), split, predict)


def _views(method: Method, split: Split, run: Path) -> dict[str, View]:
    """Return the views of a split; the streamed view, if there is one, is the first."""
    clip_level = view_of(clip_level_predictions(method, split, run), threshold=0.0)
    if not method.streams:
        return {CLIP_LEVEL: clip_level}
    streamed = view_of(streamed_predictions(method, split, run), DEFAULT_THRESHOLD)
    return {STREAMED: streamed, CLIP_LEVEL: clip_level}


def view_of(predictions: dict[str, Predictions], threshold: float) -> View:
    """Return the test clips, calibrated on the validation clips.

    Args:
        predictions: for ``validation`` and ``test``.
        threshold: probability below which a label is ``uncertain``, after the calibration.
    """
    temperature = temperature_of(predictions["validation"])
    test = predictions["test"]
    return View(test, scaled(test, temperature), temperature, threshold)


def protocol_scores(views: Sequence[View], *, by_speaker: bool) -> dict[str, Any]:
    """Return the scores of each split, their mean and sample deviation, and those of all clips.

    Args:
        views: one for each split.
        by_speaker: whether no speaker is on two sides of a split; then the UAR of the speakers on
            whom no recipe was chosen is included.

    Returns:
        ``mean``, ``deviation``, ``splits`` and ``pooled``, rounded to four digits; only ``pooled``
        has a confusion matrix and, by speaker, the scores of ``speaker_scores``. The pooled
        calibration error is lower than the mean one also because its bins hold more clips.
    """
    by_split = [{"temperature": view.temperature, **_scores(view, by_speaker)} for view in views]
    for scores in by_split:
        del scores["columns"], scores["confusion"]
    result = {
        "mean": combine(by_split, mean),
        "deviation": combine(by_split, deviation),
        "pooled": _pooled_scores(pool(views), by_speaker),
        "splits": by_split,
    }
    return dict(rounded(result))


def pool(views: Sequence[View]) -> View:
    """Return the test clips of all splits as one view, each at its own split's temperature."""
    return View(
        concatenate([view.unscaled for view in views]),
        concatenate([view.scaled for view in views]),
        temperature=float("nan"),
        threshold=views[0].threshold,
    )


def _pooled_scores(view: View, by_speaker: bool) -> dict[str, Any]:
    scores = _scores(view, by_speaker)
    if by_speaker:
        scores["by_speaker"] = asdict(speaker_scores(view.scaled, view.threshold))
    return scores


def _scores(view: View, by_speaker: bool) -> dict[str, Any]:
    further = {}
    if by_speaker:
        further["uar_beyond_choice"] = uar_where(
            view.scaled, view.threshold, lambda clip: clip.speaker not in DEVELOPMENT_SPEAKERS
        )
    return {
        **scores_of(view.scaled, view.threshold),
        **further,
        "calibration_error_unscaled": reliability_of(view.unscaled).error,
        "calibration_error": reliability_of(view.scaled).error,
    }


def _describe(split: Split, run: Path) -> dict[str, Any]:
    """Return what a split consists of, and the commit that its run was trained at."""
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
        "test_speakers": sorted({clip.speaker for clip in split.test}),
        "validation_speakers": sorted({clip.speaker for clip in split.validation}),
    }


def _plot(scores: dict[str, Any], views: dict[str, list[View]], folder: Path) -> None:
    from train.evaluation.plots import plot_history, plot_scores

    plots = folder / f"{scores['protocol']}-plots"
    for name, each in views.items():
        title = f"{scores['recipe']}, protocol {scores['protocol']}, {name}"
        pooled = pool(each)
        plot_scores(
            scores["views"][name],
            reliability_of(pooled.unscaled),
            reliability_of(pooled.scaled),
            plots / f"{name}.png",
            title,
        )
    for split in scores["splits"]:
        plot_history(folder / split["name"])
    print(f"plots are in {plots}", file=sys.stderr)
