"""Reads and writes files: atomically, and with a one-line error where that fails."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from realtime_ser.errors import OutputError, RealtimeSerError

RESULTS_FOLDER = Path(__file__).parents[1] / "results"
"""Scores under version control."""

QUALITY_PAGE = Path(__file__).parents[1] / "docs" / "quality.md"

README_PAGE = Path(__file__).parents[1] / "README.md"

END_MARKER = "<!-- end of generated text -->\n"


@contextlib.contextmanager
def explain_write_errors(folder: Path, option: str) -> Iterator[None]:
    """Turn an ``OSError`` raised inside, such as a full disk, into an ``OutputError``.

    Args:
        folder: the folder that is written to.
        option: the option that selects another folder, such as ``--runs``; may be empty.

    Raises:
        OutputError: the block raised an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        remedy = f"free some space, or select another folder with {option}"
        raise OutputError(
            f"cannot write to {folder} ({error.strerror or error})",
            remedy if option else "free some space, or check the folder's permissions",
        ) from error


def write_bytes(path: Path, content: bytes, option: str = "") -> None:
    """Write a file atomically: readers see the old content or the new, never a part of it.

    Args:
        path: the file; its folder is created if it is missing.
        content: the new content.
        option: the option that selects another folder, for the error message.

    Raises:
        OutputError: the file cannot be written, for instance because the disk is full.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    with explain_write_errors(path.parent, option):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(content)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    write_bytes(path, text.encode())


def write_json(path: Path, content: Any, indent: int = 1) -> None:
    """Write a JSON file atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_text(path: Path) -> str:
    """Return the content of a UTF-8 text file.

    Raises:
        RealtimeSerError: the file is missing, cannot be read, or is not text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(path, (error.strerror or str(error)).lower()) from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "not UTF-8 text") from error


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        RealtimeSerError: the file is missing, cannot be read, or holds something else.
    """
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(content, dict):
        raise _unreadable(path, "not a JSON object")
    return content


def _unreadable(path: Path, reason: str) -> RealtimeSerError:
    return RealtimeSerError(f"{path} cannot be read ({reason})", "generate it again")


@contextlib.contextmanager
def read_scores(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file of scores; inside the block, a missing or mistyped entry is a clear error.

    Raises:
        RealtimeSerError: the file cannot be read, or lacks what the block looks up.
    """
    content = read_json(path)
    try:
        yield content
    except (LookupError, TypeError, AttributeError) as error:
        raise RealtimeSerError(
            f"{path} is not a file of scores ({error!r})", "generate it again with --write"
        ) from error


def replace_section(path: Path, begin_marker: str, section: str) -> None:
    """Replace the text between ``begin_marker`` and the next ``END_MARKER`` in a file.

    Args:
        path: a text file.
        begin_marker: the whole line before the section, with its newline.
        section: the new text.

    Raises:
        RealtimeSerError: the file cannot be read or written, or lacks the markers.
    """
    text = read_text(path)
    before, found, rest = text.partition(begin_marker)
    _, ended, after = rest.partition(END_MARKER)
    if not (found and ended):
        raise RealtimeSerError(
            f"{path} lacks the lines {begin_marker.strip()} and {END_MARKER.strip()}",
            "add both where the tables belong",
        )
    write_text(path, f"{before}{begin_marker}\n{section}\n\n{END_MARKER}{after}")
