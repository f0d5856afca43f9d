"""Files of scores: read and written with one clear line where that fails."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from realtime_ser.errors import RealtimeSerError
from realtime_ser.output.paths import unwritable

RESULTS_FOLDER = Path(__file__).parents[1] / "results"
"""Where scores are kept, under version control."""

README = Path(__file__).parents[2] / "README.md"

END = "<!-- end of what is written -->\n"
"""Marks, in the README, the end of what a command has written."""


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object a file holds.

    Raises:
        RealtimeSerError: it is missing, unreadable or holds something else.
    """
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(content, dict):
        raise _unreadable(path, "not an object")
    return content


def read_text(path: Path) -> str:
    """Return a text file's content.

    Raises:
        RealtimeSerError: it is missing, unreadable or no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(path, (error.strerror or str(error)).lower()) from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "no text") from error


def _unreadable(path: Path, reason: str) -> RealtimeSerError:
    return RealtimeSerError(f"{path} cannot be read ({reason})", "have it written again")


@contextlib.contextmanager
def scores_in(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file of kept scores, and explain it where something in it is missed within.

    Raises:
        RealtimeSerError: it cannot be read, or is not what ``--write`` keeps.
    """
    content = read_json(path)
    try:
        yield content
    except (LookupError, TypeError, AttributeError) as error:
        raise RealtimeSerError(
            f"{path} holds no scores as --write keeps them ({error!r})", "have it written again"
        ) from error


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise unwritable(path, error) from error


def exchanged(text: str, begin: str, written: str, where: str) -> str:
    """Return a text with what stands between ``begin`` and the next ``END`` exchanged.

    Args:
        text: the whole text.
        begin: the marker before it, a whole line.
        written: what is to stand there.
        where: what to call the text in an error.

    Raises:
        RealtimeSerError: the text has no such place.
    """
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise RealtimeSerError(
            f"{where} has no lines {begin.strip()} and {END.strip()}",
            "put both where the tables belong",
        )
    return f"{before}{begin}\n{written}\n\n{END}{after}"
