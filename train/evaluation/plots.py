"""Plots scores and training histories."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from realtime_ser.events import LABELS
from realtime_ser.output.palette import ON_WHITE
from train.evaluation.calibration import BINS, Reliability
from train.files import explain_write_errors
from train.model.saved import LOG_FILE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_scores(
    scores: Mapping[str, Any], before: Reliability, after: Reliability, path: Path, title: str
) -> None:
    """Plot the confusion matrix, a reliability diagram and the recall of each label.

    Args:
        scores: as ``protocol_scores`` returns them.
        before: reliability of all clips without temperature scaling.
        after: reliability with it.
        path: the picture, overwritten if it exists.
        title: of the picture.

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
    """Plot the training history of a run, and of each network in it, if it has changed.

    The pictures are written next to the logs. A method without epochs has no log, and no plot.

    Args:
        run: folder of the run, with Keras's CSV logs in it or in its subfolders.

    Raises:
        OutputError: the picture cannot be written.
    """
    for log in sorted(run.rglob(LOG_FILE)):
        picture = log.parent / "history.png"
        if _age(picture) < _age(log):
            _draw_history(log, picture, log.parent.relative_to(run.parent.parent).as_posix())


def _draw_history(log: Path, picture: Path, title: str) -> None:
    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(title, weight="bold")
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for name in (quantity, f"val_{quantity}"):
            points = [
                (int(row["epoch"]) + 1, float(row[name]))
                for row in rows
                if row.get(name, "NA") not in ("", "NA")  # what Keras writes for no value
            ]
            if points:
                axes.plot(*zip(*points, strict=True), label=name.replace("_", " "))
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.legend(frameon=False)
    _save(figure, picture)


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _draw_confusion(axes: "Axes", scores: Mapping[str, Any]) -> None:
    counts = np.array(scores["confusion"])
    further = len(LABELS) + np.flatnonzero(counts[:, len(LABELS) :].any(axis=0))
    chosen = [*range(len(LABELS)), *further]
    shares = counts / counts.sum(axis=1, keepdims=True)
    axes.imshow(shares[:, chosen], cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(len(LABELS), len(chosen)):
        number, share = counts[row, chosen[column]], shares[row, chosen[column]]
        color = "white" if share > 0.5 else "black"
        axes.text(column, row, str(number), ha="center", va="center", color=color)
    names = [scores["columns"][column] for column in chosen]
    axes.set_xticks(range(len(chosen)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(LABELS)), LABELS)
    axes.set(title="clips by true label (rows) and predicted label")


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
    colors = [ON_WHITE[label] for label in LABELS]
    axes.barh(LABELS, means, xerr=deviations, color=colors, capsize=3)
    axes.invert_yaxis()
    axes.axvline(1 / len(LABELS), color="grey", linestyle="--", linewidth=1)
    axes.set(title="recall by label (dashed: chance)", xlim=(0, 1))


def _save(figure: Figure, path: Path) -> None:
    with explain_write_errors(path.parent, "--runs"):
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=100, metadata={"Software": None})
