"""Scores and the course of a training as pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas
from matplotlib.figure import Figure

from realtime_ser.events import LABELS
from realtime_ser.output.palette import ON_WHITE
from realtime_ser.output.paths import unwritable
from train.evaluation.calibration import BINS, Reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOG_FILE = "log.csv"


def plot_scores(
    scores: Mapping[str, Any], before: Reliability, after: Reliability, path: Path, title: str
) -> None:
    """Draw confusion matrix, reliability and recall of each label side by side.

    Args:
        scores: what ``scores_of`` gives.
        before: reliability of all clips without temperature scaling.
        after: the same with it.
        path: the picture, overwritten if there.
        title: written above it.

    Raises:
        OutputError: the picture cannot be written.
    """
    figure = Figure(figsize=(18, 6), layout="constrained")
    figure.suptitle(title, weight="bold")
    confusion, reliability, recall = figure.subplots(1, 3, width_ratios=(1.2, 1, 1))
    _draw_confusion(confusion, scores["pooled"])
    _draw_reliability(reliability, before, after)
    _draw_recall(recall, scores)
    _save(figure, path)


def plot_history(run: Path) -> None:
    """Draw the course of a training into its run's folder, if its log is newer than the picture.

    So is that of each network the run joins. Methods without epochs leave no log; there is nothing
    to draw of them.

    Args:
        run: folder of the run, with Keras's comma-separated values by epoch in it or below.

    Raises:
        OutputError: the picture cannot be written.
    """
    for log in sorted(run.rglob(LOG_FILE)):
        picture = log.parent / "history.png"
        if _age(picture) < _age(log):
            _draw_history(log, picture, log.parent.relative_to(run.parent.parent).as_posix())


def _draw_history(log: Path, picture: Path, title: str) -> None:
    history = pandas.read_csv(log, index_col="epoch").dropna(axis="columns", how="all")
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(title, weight="bold")
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for column in (each for each in history.columns if each.endswith(quantity)):
            axes.plot(history.index + 1, history[column], label=column.replace("_", " "))
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.legend(frameon=False)
    _save(figure, picture)


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _draw_confusion(axes: "Axes", scores: Mapping[str, Any]) -> None:
    counts = np.array(scores["confusion"])
    used = counts[:, : len(LABELS)].shape[1] + np.flatnonzero(counts[:, len(LABELS) :].any(axis=0))
    chosen = [*range(len(LABELS)), *used]
    shares = counts / counts.sum(axis=1, keepdims=True)
    axes.imshow(shares[:, chosen], cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(len(LABELS), len(chosen)):
        number, share = counts[row, chosen[column]], shares[row, chosen[column]]
        colour = "white" if share > 0.5 else "black"
        axes.text(column, row, str(number), ha="center", va="center", color=colour)
    names = [scores["columns"][each] for each in chosen]
    axes.set_xticks(range(len(chosen)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(LABELS)), LABELS)
    axes.set(title="clips by truth (rows) and what they were heard as")


def _draw_reliability(axes: "Axes", before: Reliability, after: Reliability) -> None:
    axes.plot((0, 1), (0, 1), color="grey", linestyle="--", linewidth=1)
    for name, each in (("unscaled", before), ("temperature-scaled", after)):
        filled = each.counts > 0
        axes.plot(
            each.confidences[filled],
            each.accuracies[filled],
            marker="o",
            label=f"{name}, error {each.error:.3f}",
        )
    share = after.counts / after.counts.sum()
    middles = (np.arange(BINS) + 0.5) / BINS
    axes.bar(middles, share, 0.9 / BINS, color="#d9d9d9", label="share of clips", zorder=0)
    axes.set(title="reliability", xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)


def _draw_recall(axes: "Axes", scores: Mapping[str, Any]) -> None:
    means = [scores["mean"]["recall"][label] for label in LABELS]
    deviations = [scores["deviation"]["recall"][label] or 0.0 for label in LABELS]
    colours = [ON_WHITE[label] for label in LABELS]
    axes.barh(LABELS, means, xerr=deviations, color=colours, capsize=3)
    axes.invert_yaxis()
    axes.axvline(1 / len(LABELS), color="grey", linestyle="--", linewidth=1)
    axes.set(title="recall by label (dashed: chance)", xlim=(0, 1))


def _save(figure: Figure, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=100, metadata={"Software": None})
    except OSError as error:
        raise unwritable(path, error) from error
