"""Writes the table of scores in the project's README."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from realtime_ser.emotion.manifest import MANIFEST_FILE
from train.files import README_PAGE, RESULTS_FOLDER, read_json, read_scores, replace_section
from train.markdown import markdown_table, mean_and_deviation
from train.publishing.quality import BEGIN_MARKER

PROTOCOL_ROWS = {
    "actors": "its recipe, six folds of unseen speakers",
    "folds-actors": "its recipe with fewer training steps, six folds of unseen speakers",
    "random": "its recipe, *known* speakers: no user is one",
}
"""Protocols that train the recipe, or a shorter one, several times, and how the table names them.
The keys are the ends of the names of the files with the scores."""

METRICS = ("uar", "accuracy")

Row = tuple[str, ...]


def write_readme_scores(
    scores: Mapping[str, Any],
    folder: Path,
    results: Path = RESULTS_FOLDER,
    page: Path = README_PAGE,
) -> None:
    """Replace the table of scores in the README.

    Args:
        scores: as ``evaluate_held_out`` returns them.
        folder: the scored model folder; its recipe selects the rows of the other protocols.
        results: folder of stored scores. A protocol without stored scores gets no row.
        page: a Markdown file with the markers.

    Raises:
        RealtimeSerError: a file cannot be read or written, or the page lacks the markers.
    """
    recipe = read_json(folder / MANIFEST_FILE)["training"]["recipe"]
    held_out = ("the bundled model, four speakers it was not trained on", *_values(scores))
    rows = [held_out, *_protocol_rows(recipe, results)]
    replace_section(page, BEGIN_MARKER, markdown_table(("RAVDESS", "UAR", "accuracy"), rows))


def _values(scores: Mapping[str, Any]) -> Row:
    return tuple(f"{scores[metric]:.3f}" for metric in METRICS)


def _protocol_rows(recipe: str, results: Path) -> Iterator[Row]:
    """Yield a row of means and deviations for every protocol that has stored scores."""
    for protocol, name in PROTOCOL_ROWS.items():
        path = results / f"{recipe}-{protocol}.json"
        if not path.exists():
            continue
        with read_scores(path) as stored:
            view = stored["views"]["streamed"]
            mean, deviation = view["mean"], view["deviation"]
            yield (name, *(mean_and_deviation(mean[key], deviation[key]) for key in METRICS))
