"""All kept scores beside the paper's and other published ones, and beside what was aimed at."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from realtime_ser.emotion.manifest import MANIFEST_FILE
from realtime_ser.emotion.model import bundled_model_folder
from train.evaluation.files import (
    README,
    RESULTS_FOLDER,
    exchanged,
    read_text,
    scores_in,
    write_text,
)
from train.evaluation.report import markdown_table, spread
from train.evaluation.targets import targets_table

README_BEGIN = "<!-- written by `python -m train compare --write` -->\n"

HEADINGS = {
    "actors": "`actors`: six folds of unseen speakers",
    "held-out": "`held-out`: four unseen speakers",
    "random": "`random`: known speakers, 70/15/15 %",
}
"""The protocols in the order of the table, speakers nobody was trained on first."""

SHOWN = {
    "uar": "UAR",
    "accuracy": "accuracy",
    "macro_precision": "macro precision",
    "macro_f1": "macro F1",
    "calibration_error": "calibration error",
}
"""The figures of the table and what it calls them."""

NOTE = (
    "UAR, the unweighted average recall, is the macro recall; ours are means ± sample deviation"
    " over folds or seeds where there are several. *Published* scores were not reproduced here:"
    " they stand as the plan of this project quotes them, and their clips need not be divided as"
    " ours are."
)

TARGETS_HEADING = "What this project set out to reach, and what it did:"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        protocol: a key of ``HEADINGS``.
        name: whose score it is.
        figures: mean, and deviation if there is one, of those of ``SHOWN`` that are known.
    """

    protocol: str
    name: str
    figures: Mapping[str, tuple[float, float | None]]


def _published(protocol: str, name: str, **figures: float) -> Row:
    known = {key: (value, None) for key, value in figures.items()}
    return Row(protocol, f"*published:* {name}", known)


PUBLISHED = (
    _published("actors", "PANNs CNN14, 81 M parameters", uar=0.766),
    _published("actors", "WavLM-Large, frozen", uar=0.722),
    _published("actors", "ResLSTM-SA, best verified below 10 M parameters, mean", uar=0.623),
    _published("held-out", "wav2vec2-base, 95 M parameters, fine-tuned", uar=0.667),
    _published(
        "random",
        "“Emotion Recognition from Speech Using Transfer Learning”, YAMNet",
        uar=0.879,
        accuracy=0.893,
        macro_precision=0.886,
        macro_f1=0.882,
    ),
    _published("random", "the same paper's CNN from scratch", accuracy=0.821),
    _published("random", "the same paper's SVM on MFCCs", accuracy=0.745),
)
"""What the project's issue 3 names to compare with, in its words and figures."""


def compare(
    *,
    write: bool = False,
    results: Path = RESULTS_FOLDER,
    model: Path | None = None,
    readme: Path = README,
) -> None:
    """Print the table of all kept scores.

    Args:
        write: put it into the README too.
        results: folder of the kept scores.
        model: model folder whose manifest holds the held-out scores; ``None`` takes the bundled.
        readme: the file to put it into.

    Raises:
        RealtimeSerError: a file cannot be read or written, or holds something else.
    """
    table = comparison(results, model or bundled_model_folder())
    if write:
        write_text(readme, readme_with_comparison(read_text(readme), table))
    print(table)


def readme_with_comparison(readme: str, table: str) -> str:
    """Return the README's text with its table of all scores exchanged for this one.

    Raises:
        RealtimeSerError: the README has no place marked for it.
    """
    return exchanged(readme, README_BEGIN, table, "README.md")


def comparison(results: Path, model: Path) -> str:
    """Return the table of all kept scores and the published ones, a note, and the targets.

    Args:
        results: folder of the kept scores.
        model: model folder.

    Raises:
        RealtimeSerError: a file cannot be read, or holds something else.
    """
    paths = [path for protocol in HEADINGS for path in sorted(results.glob(f"*-{protocol}.json"))]
    ours = [row for path in [*paths, model / MANIFEST_FILE] for row in _rows_of(path)]
    ours.sort(key=lambda row: -row.figures["uar"][0])
    cells = [
        (heading, row.name, *(_cell(row.figures.get(key)) for key in SHOWN))
        for protocol, heading in HEADINGS.items()
        for row in (*ours, *PUBLISHED)
        if row.protocol == protocol
    ]
    table = markdown_table(("protocol", "whose", *SHOWN.values()), cells)
    return f"{table}\n\n{NOTE}\n\n{TARGETS_HEADING}\n\n{targets_table(results, model)}"


def _cell(value: tuple[float, float | None] | None) -> str:
    return "–" if value is None else spread(*value)


def _rows_of(path: Path) -> list[Row]:
    """Return the lines that a file of kept scores, or a manifest, gives.

    Raises:
        RealtimeSerError: it cannot be read, or holds something else.
    """
    with scores_in(path) as content:
        return _held_out_row(content) if path.name == MANIFEST_FILE else _kept_rows(content)


def _kept_rows(scores: Mapping[str, Any]) -> list[Row]:
    return [
        Row(
            scores["protocol"],
            f"**{scores['recipe']}**, {view}",
            {key: (each["mean"][key], each["deviation"][key]) for key in SHOWN},
        )
        for view, each in scores["views"].items()
    ]


def _held_out_row(manifest: Mapping[str, Any]) -> list[Row]:
    scores = manifest["metrics"].get("held-out")
    if scores is None:
        return []
    training = manifest["training"]
    name = (
        f"**the bundled model** ({manifest['name']}, recipe {training['recipe']},"
        f" {training['parameters'] / 1e6:.1f} M parameters), streamed"
    )
    return [Row("held-out", name, {key: (scores[key], None) for key in SHOWN if key in scores})]
