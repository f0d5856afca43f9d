"""What can be wrong with a file to be written, said in one line."""

from collections.abc import Sequence
from pathlib import Path

from realtime_ser.errors import OutputError


def check_ending(path: Path, endings: Sequence[str]) -> None:
    """Raise OutputError unless the file's name ends in one of ``endings``, such as ``.wav``."""
    if path.suffix.lower() not in endings:
        raise OutputError(
            f"cannot write {path} in the format its name asks for",
            f"give a name ending in {' or '.join(endings)}",
        )


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
