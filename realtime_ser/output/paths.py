"""Files to be written: new ones that take no other's place, and what can be wrong with them."""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from realtime_ser.errors import OutputError


def check_ending(path: Path, endings: Sequence[str]) -> None:
    """Raise OutputError unless the file's name ends in one of ``endings``, such as ``.wav``."""
    if path.suffix.lower() not in endings:
        raise OutputError(
            f"cannot write {path} in the format its name asks for",
            f"give a name ending in {' or '.join(endings)}",
        )


def check_writable(path: Path) -> None:
    """Check, without touching the file, that ``path`` can be written.

    Raises:
        OutputError: it is a folder or a pipe, its folder is missing, or it may not be written.
    """
    folder = path.parent
    if path.is_dir():
        raise unwritable(path, IsADirectoryError())
    if not folder.is_dir():
        raise unwritable(path, FileNotFoundError())
    if path.exists() and not path.is_file():
        raise OutputError(f"cannot write {path}, it is not a regular file", "give another name")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise unwritable(path, PermissionError(0, "permission denied"))


def create_new(path: Path) -> tuple[Path, BinaryIO]:
    """Create a file that was not there, and return its path and the file, open for writing.

    Where the name is taken, by whatever program, a number is added to it: ``talk-2.wav``. For names
    that this program makes up; a name that the user gave is taken as it is.

    Raises:
        OSError: the file cannot be created.
    """
    for number in itertools.count(2):
        try:
            return path, path.open("xb")
        except FileExistsError:
            stem = path.stem if number == 2 else path.stem.removesuffix(f"-{number - 1}")
            path = path.with_stem(f"{stem}-{number}")
    raise AssertionError("the numbers do not end")


def unwritable(path: Path, error: OSError) -> OutputError:
    """Return what to tell the user when ``path`` cannot be opened or written."""
    if isinstance(error, FileNotFoundError):
        return OutputError(
            f"cannot write {path}, there is no folder {path.parent}",
            "create it or give another path",
        )
    if isinstance(error, IsADirectoryError):
        return OutputError(f"cannot write {path}, it is a folder", "give the name of a file")
    reason = (error.strerror or str(error)).lower()
    return OutputError(f"cannot write {path} ({reason})", "give a path that can be written")
