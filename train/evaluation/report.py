"""Formats scores as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from realtime_ser.events import LABELS
from train.evaluation.corpus_report import most_confident_rows, worst_speaker_text
from train.evaluation.speaker_scores import (
    LISTENERS_ACCURACY,
    LISTENERS_ACCURACY_MEN,
    LISTENERS_ACCURACY_WOMEN,
)
from train.markdown import markdown_table, mean_and_deviation, number

_NAMES = {
    "uar": "UAR (unweighted average, or macro, recall)",
    "accuracy": "accuracy",
    "macro_precision": "macro precision",
    "macro_f1": "macro F1",
    "uar_women": "UAR, women",
    "uar_men": "UAR, men",
    "uar_beyond_choice": "UAR, without speakers 17–20, on whom recipes were chosen",
    "uar_likeliest": "UAR without the label `uncertain`",
    "accuracy_likeliest": "accuracy without the label `uncertain`",
    "calibration_error_unscaled": "calibration error before temperature scaling",
    "calibration_error": "calibration error",
    "temperature": "temperature",
}
"""The scores and their names in tables, in the order of the rows."""


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
            f"All splits, {first}:",
            confusion_table(views[first]["pooled"]),
            *filter(None, [speaker_table(views[first]["pooled"])]),
        ]
    )


def protocol_table(scores: Mapping[str, Any]) -> str:
    """Return the scores of a recipe under a protocol as a table: mean ± sample deviation."""
    views = scores["views"]
    first = next(iter(views.values()))
    rows = [
        (name + _splits_with(first, path), *(_spread(view, path) for view in views.values()))
        for path, name in _score_names(first["mean"]).items()
    ]
    pooled = (f"{view['pooled']['calibration_error']:.3f}" for view in views.values())
    rows.append(("calibration error, clips of all splits", *pooled))
    return markdown_table(("score", *views), rows)


def scores_table(scores: Mapping[str, Any]) -> str:
    """Return the scores of a single network as a table."""
    rows = [(name, f"{_at(scores, path):.3f}") for path, name in _score_names(scores).items()]
    return markdown_table(("score", f"{scores['clips']} clips"), rows)


def confusion_table(scores: Mapping[str, Any]) -> str:
    """Return the confusion matrix of some scores as a table, true labels in rows."""
    rows = [
        (f"**{label}**", *map(str, row))
        for label, row in zip(LABELS, scores["confusion"], strict=True)
    ]
    return markdown_table(("truth ↓ predicted →", *scores["columns"]), rows)


def speaker_table(scores: Mapping[str, Any]) -> str:
    """Return the scores of ``speaker_scores`` as a table, empty for scores stored without them."""
    by_speaker = scores.get("by_speaker")
    if by_speaker is None:
        return ""
    coverage, merged, speakers = (by_speaker[key] for key in ("coverage", "merged", "speakers"))
    gap = by_speaker["sex_gap"]
    rows = [
        (f"UAR, 95 % interval over {speakers} speakers", _interval(by_speaker["uar"]), ""),
        (
            f"accuracy, 95 % interval over {speakers} speakers",
            _interval(by_speaker["accuracy"]),
            "",
        ),
        ("UAR, worst speaker", worst_speaker_text(by_speaker["worst"]), ""),
        ("UAR, women less men", "–" if gap is None else f"{gap:+.3f}", ""),
        ("clips given a label, not `uncertain`", number(coverage["coverage"]), ""),
        ("accuracy of these", number(coverage["accuracy"]), ""),
        *((name, value, "") for name, value in most_confident_rows(coverage)),
        *(
            (f"accuracy of the likeliest of seven labels{who}", number(merged[key]), f"{heard:.2f}")
            for key, who, heard in (
                ("all", ", neutral and calm merged", LISTENERS_ACCURACY),
                ("women", ", women", LISTENERS_ACCURACY_WOMEN),
                ("men", ", men", LISTENERS_ACCURACY_MEN),
            )
        ),
    ]
    return markdown_table(("score", "value", "listeners"), rows)


def most_confused(scores: Mapping[str, Any], count: int = 3) -> str:
    """Name the largest entries of the confusion matrix outside its diagonal."""
    mistakes = [
        (number, truth, predicted, sum(row))
        for truth, row in zip(LABELS, scores["confusion"], strict=True)
        for predicted, number in zip(scores["columns"], row, strict=True)
        if predicted != truth
    ]
    largest = sorted(mistakes, reverse=True)[:count]
    return ", ".join(
        f"{truth} as {predicted} ({number} of {clips})"
        for number, truth, predicted, clips in largest
    )


def robustness_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the scores under each disturbance as a table."""
    cells = [
        (
            row["name"],
            f"{row['uar']:.3f}",
            f"{row['change']:+.3f}",
            f"{row['unchanged']:.3f}",
            _verdict(row),
        )
        for row in rows
    ]
    return markdown_table(
        ("disturbance", "UAR", "change", "labels unchanged", "audEERING's ser-tests"), cells
    )


def _verdict(row: Mapping[str, Any]) -> str:
    """Return whether a disturbance passes, and the thresholds; empty where there is no test."""
    thresholds = row.get("thresholds")
    if thresholds is None:
        return ""
    change = "" if thresholds["change"] is None else f"change above {thresholds['change']:.2f}, "
    verdict = "passed" if row["passed"] else "failed"
    return f"{verdict} ({change}unchanged above {thresholds['unchanged']:.2f})"


def ablation_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the scores of recipes as a table, one recipe per row."""
    cells = [
        (
            row["recipe"].rpartition("/")[2],
            row["description"],
            *(f"{row[key]:.3f}" for key in ("uar", "accuracy", "cross_entropy")),
        )
        for row in rows
    ]
    return markdown_table(("recipe", "what", "UAR", "accuracy", "cross-entropy"), cells)


def _score_names(scores: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """Return the paths of all scores that are shown, and their names."""
    names: dict[tuple[str, ...], str] = {}
    names.update({(key,): name for key, name in _NAMES.items() if _is_shown(scores, key)})
    names.update(
        {
            ("uar_while_speaking", moment): f"UAR of the label shown {moment} s into speech"
            for moment in scores.get("uar_while_speaking", ())
        }
    )
    names.update({("recall", label): f"recall, {label}" for label in scores["recall"]})
    return names


def _is_shown(scores: Mapping[str, Any], key: str) -> bool:
    """Return whether the score exists, and does not repeat another one."""
    original, is_likeliest, _ = key.partition("_likeliest")
    return key in scores and not (is_likeliest and scores[key] == scores[original])


def _at(tree: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = tree
    for key in path:
        value = value[key]
    return value


def _interval(interval: Mapping[str, float] | None) -> str:
    return "–" if interval is None else f"{interval['low']:.3f} … {interval['high']:.3f}"


def _splits_with(view: Mapping[str, Any], path: Sequence[str]) -> str:
    """Return how many splits have a score, if not all of them have it."""
    count = sum(_at(scores, path) is not None for scores in view["splits"])
    total = len(view["splits"])
    return "" if count == total else f" ({count} of {total} splits have such clips)"


def _spread(view: Mapping[str, Any], path: Sequence[str]) -> str:
    return mean_and_deviation(_at(view["mean"], path), _at(view["deviation"], path))


def _splits_table(splits: Sequence[Mapping[str, Any]], scores: Sequence[Mapping[str, Any]]) -> str:
    shown = ("uar", "accuracy", "calibration_error", "temperature")
    rows = [
        (split["name"], _test_clips(split), *(f"{each[key]:.3f}" for key in shown))
        for split, each in zip(splits, scores, strict=True)
    ]
    header = ("split", "tested on", "UAR", "accuracy", "calibration error", "temperature")
    return markdown_table(header, rows)


def _test_clips(split: Mapping[str, Any]) -> str:
    speakers = ", ".join(split.get("test_speakers", ()))
    return f"{split['clips']} clips" + (f" of speakers {speakers}" if speakers else "")
