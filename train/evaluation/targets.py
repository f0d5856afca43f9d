"""What the project set out to reach, beside what was measured: met, missed, or not measured yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from realtime_ser.emotion.manifest import MANIFEST_FILE, MODEL_FILE
from train.evaluation.files import scores_in
from train.evaluation.report import markdown_table
from train.evaluation.robustness import RESULT_FILE as ROBUSTNESS_FILE

Scores = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One figure to reach.

    Attributes:
        name: what is measured, and how.
        limit: the figure to reach.
        at_least: whether it is a lower limit.
        unit: of both, with a space before it; empty where there is none.
        source: the protocol whose kept scores hold it, or the file that does.
        read: takes the figure from these.
    """

    name: str
    limit: float
    at_least: bool
    unit: str
    source: str
    read: Callable[[Scores], float]


def _mean(view: str, figure: str) -> Callable[[Scores], float]:
    return lambda scores: float(scores["views"][view]["mean"][figure])


def _streamed_difference(scores: Scores) -> float:
    streamed, by_clip = (
        scores["views"][view]["mean"]["uar_likeliest"] for view in ("streamed", "clip-level")
    )
    return abs(float(streamed) - float(by_clip))


def _worst_change(scores: Scores) -> float:
    return min(float(row["change"]) for row in scores["rows"] if row["target"] is not None)


TARGETS = (
    Target(
        "UAR on unseen speakers, `actors`, streamed",
        *(0.70, True, "", "actors"),
        _mean("streamed", "uar"),
    ),
    Target(
        "UAR on unseen speakers, `held-out`, streamed",
        *(0.70, True, "", MANIFEST_FILE),
        lambda manifest: float(manifest["metrics"]["held-out"]["uar"]),
    ),
    Target(
        "accuracy on known speakers, `random`, streamed",
        *(0.893, True, "", "random"),
        _mean("streamed", "accuracy"),
    ),
    Target(
        "calibration error after scaling, `actors`, streamed",
        *(0.05, False, "", "actors"),
        _mean("streamed", "calibration_error"),
    ),
    Target(
        "UAR streamed and by clip apart, `actors`, likeliest labels",
        *(0.02, False, "", "actors"),
        _streamed_difference,
    ),
    Target(
        "worst change of UAR under noise at 20 dB, babble, telephone, gain, room",
        *(-0.05, True, "", ROBUSTNESS_FILE),
        _worst_change,
    ),
    Target(
        "parameters",
        *(4.0, False, " M", MANIFEST_FILE),
        lambda manifest: manifest["training"]["parameters"] / 1e6,
    ),
    Target("model file", *(16.0, False, " MB", MODEL_FILE), lambda file: file["bytes"] / 1e6),
)
"""Those of the project's issue 3 that a file of scores can answer; the time of a hop, which is to
be 1.5 ms, depends on the machine, and ``realtime-ser bench`` measures it."""


def targets_table(results: Path, model: Path, recipe: str = "best") -> str:
    """Return every target beside what was measured.

    Args:
        results: folder of the kept scores.
        model: model folder.
        recipe: the recipe whose scores count.

    Raises:
        RealtimeSerError: a file cannot be read, or holds something else.
    """
    rows = [
        (each.name, _limit(each), *_reached(each, _source(each, results, model, recipe)))
        for each in TARGETS
    ]
    return markdown_table(("target", "limit", "found", ""), rows)


def _source(target: Target, results: Path, model: Path, recipe: str) -> Path:
    if target.source in (MANIFEST_FILE, MODEL_FILE):
        return model / target.source
    if target.source == ROBUSTNESS_FILE:
        return results / target.source
    return results / f"{recipe}-{target.source}.json"


def _limit(target: Target) -> str:
    return f"{'≥' if target.at_least else '≤'} {target.limit:g}{target.unit}"


def _reached(target: Target, path: Path) -> tuple[str, str]:
    if not path.exists():
        return "–", "not measured yet"
    if target.source == MODEL_FILE:
        found = target.read({"bytes": path.stat().st_size})
    else:
        with scores_in(path) as scores:
            found = target.read(scores)
    met = found >= target.limit if target.at_least else found <= target.limit
    return f"{found:.3f}{target.unit}", "met" if met else "missed"
