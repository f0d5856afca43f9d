"""Scores as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from realtime_ser.events import LABELS

_FIGURES = {
    "uar": "UAR (unweighted average, or macro, recall)",
    "accuracy": "accuracy",
    "macro_precision": "macro precision",
    "macro_f1": "macro F1",
    "uar_women": "UAR, women",
    "uar_men": "UAR, men",
    "uar_beyond_choice": "UAR, without actors 17–20, on whom recipes were chosen",
    "uar_likeliest": "UAR, were no label `uncertain`",
    "accuracy_likeliest": "accuracy, were no label `uncertain`",
    "calibration_error_unscaled": "calibration error before temperature scaling",
    "calibration_error": "calibration error",
    "temperature": "temperature",
}
"""Every single figure and what a table calls it, in the order of its rows."""


def protocol_report(scores: Mapping[str, Any]) -> str:
    """Return the scores of a recipe under a protocol as Markdown."""
    views = scores["views"]
    first = next(iter(views))
    return "\n\n".join(
        [
            f"**{scores['recipe']}**, {scores['text']}.",
            protocol_table(scores),
            f"By split, {first}:",
            _splits_table(scores["splits"], views[first]["splits"]),
            f"All splits together, {first}:",
            confusion_table(views[first]["pooled"]),
        ]
    )


def protocol_table(scores: Mapping[str, Any]) -> str:
    """Return the figures of a recipe under a protocol as a table: mean ± sample deviation."""
    views = scores["views"]
    first = next(iter(views.values()))
    rows = [
        (name + _left_out(first, place), *(_spread(view, place) for view in views.values()))
        for place, name in _figure_names(first["mean"]).items()
    ]
    pooled = (f"{each['pooled']['calibration_error']:.3f}" for each in views.values())
    rows.append(("calibration error, all clips together", *pooled))
    return markdown_table(("figure", *views), rows)


def figures_table(scores: Mapping[str, Any]) -> str:
    """Return the figures of a single score as a table."""
    rows = [(name, f"{_at(scores, key):.3f}") for key, name in _figure_names(scores).items()]
    return markdown_table(("figure", f"{scores['clips']} clips"), rows)


def confusion_table(scores: Mapping[str, Any]) -> str:
    """Return the confusion matrix of a score as a table, truth in rows."""
    rows = [
        (f"**{label}**", *map(str, row))
        for label, row in zip(LABELS, scores["confusion"], strict=True)
    ]
    return markdown_table(("truth ↓ heard as →", *scores["columns"]), rows)


def most_confused(scores: Mapping[str, Any], count: int = 3) -> str:
    """Name the largest entries beside the confusion matrix's diagonal."""
    mistakes = [
        (number, truth, heard, sum(row))
        for truth, row in zip(LABELS, scores["confusion"], strict=True)
        for heard, number in zip(scores["columns"], row, strict=True)
        if heard != truth
    ]
    largest = sorted(mistakes, reverse=True)[:count]
    return ", ".join(
        f"{truth} heard as {heard} ({number} of {clips})" for number, truth, heard, clips in largest
    )


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(row)} |" for row in (header, *rows)]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]])


def _figure_names(scores: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """Return where the figures of a score stand, and what to call them."""
    names: dict[tuple[str, ...], str] = {}
    names.update({(key,): name for key, name in _FIGURES.items() if _is_told(scores, key)})
    names.update(
        {
            ("uar_while_speaking", moment): f"UAR of the label shown {moment} s into speech"
            for moment in scores.get("uar_while_speaking", ())
        }
    )
    names.update({("recall", label): f"recall, {label}" for label in scores["recall"]})
    return names


def _is_told(scores: Mapping[str, Any], key: str) -> bool:
    """Return whether there is such a figure, and it is no repetition of another one."""
    original, is_likeliest, _ = key.partition("_likeliest")
    return key in scores and not (is_likeliest and scores[key] == scores[original])


def _at(tree: Mapping[str, Any], place: Sequence[str]) -> Any:
    value: Any = tree
    for key in place:
        value = value[key]
    return value


def _left_out(view: Mapping[str, Any], place: Sequence[str]) -> str:
    """Say how many splits a figure is the mean of, where some have none of these clips."""
    known = sum(_at(each, place) is not None for each in view["splits"])
    every = len(view["splits"])
    return "" if known == every else f" ({known} of {every} splits have any)"


def _spread(view: Mapping[str, Any], place: Sequence[str]) -> str:
    return spread(_at(view["mean"], place), _at(view["deviation"], place))


def spread(mean: float | None, deviation: float | None) -> str:
    """Return a mean and the sample deviation about it, such as ``0.701 ± 0.034``."""
    if mean is None:
        return "–"
    return f"{mean:.3f}" if deviation is None else f"{mean:.3f} ± {deviation:.3f}"


def _splits_table(splits: Sequence[Mapping[str, Any]], scores: Sequence[Mapping[str, Any]]) -> str:
    shown = ("uar", "accuracy", "calibration_error", "temperature")
    rows = [
        (split["name"], _who(split), *(f"{each[key]:.3f}" for key in shown))
        for split, each in zip(splits, scores, strict=True)
    ]
    header = ("split", "tested on", "UAR", *shown[1:2], "calibration error", "temperature")
    return markdown_table(header, rows)


def _who(split: Mapping[str, Any]) -> str:
    actors = ", ".join(map(str, split.get("test_actors", ())))
    return f"{split['clips']} clips" + (f" of actors {actors}" if actors else "")
