"""Files that are written whole or not at all, and one clear line when the disk refuses them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from realtime_ser.errors import OutputError


@contextlib.contextmanager
def written_to(folder: Path, option: str) -> Iterator[None]:
    """Explain what goes wrong within: a full disk, a folder that may not be written.

    Args:
        folder: where is written.
        option: what another folder is given with, such as ``--runs``.

    Raises:
        OutputError: the system raised an error.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder} ({error.strerror or error})",
            f"make room there, or give a folder on another disk with {option}",
        ) from error


def write_whole(path: Path, content: bytes, option: str) -> None:
    """Write a file so that nobody ever finds half of it, whoever else writes it meanwhile.

    Args:
        path: its folder is created where it is missing.
        content: of the file.
        option: what another folder is given with, such as ``--runs``.

    Raises:
        OutputError: it cannot be written, for instance because the disk is full.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    with written_to(path.parent, option):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(content)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
