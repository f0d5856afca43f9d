"""Files of profiles: read without following links, written whole or not at all."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

TEMPORARY = ".tmp"
"""Ending of a file that is being written; the next write removes what a killed program left."""

DAMAGED = ".damaged"
"""Follows the name of a file that was set aside."""

_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def read_regular(path: Path, largest: int) -> bytes:
    """Return the content of a file.

    Args:
        path: of the file.
        largest: bytes that it may have.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a link, a folder or a device, or too large.
        OSError: it cannot be read.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a file")
    if status.st_size > largest:
        raise ValueError(f"it is larger than {largest} bytes")
    # Not blocking: the file may have become a pipe meanwhile.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"it is larger than {largest} bytes")
    return content


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read: the old content stays until the new one is safe.

    Call it while no other program writes in the folder: leftovers of killed programs are removed.

    Raises:
        OSError: it cannot be written; the old content is still there.
    """
    remove_leftovers(path.parent)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what programs that were killed while writing have left in a folder."""
    for path in folder.glob(f"*{TEMPORARY}"):
        with contextlib.suppress(OSError):
            path.unlink()


def set_aside(path: Path) -> Path:
    """Rename a damaged file, or whatever has its name, and return its new path.

    Raises:
        OSError: it cannot be renamed.
    """
    aside = path.with_name(f"{path.name}{DAMAGED}-{secrets.token_hex(4)}")
    path.rename(aside)
    return aside


def make_private_folder(folder: Path) -> None:
    """Create a folder that only its owner can read, if there is none.

    Raises:
        OSError: it cannot be created, or something else has its name.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink():
        raise NotADirectoryError(None, "it is a link", str(folder))


def _sync_folder(folder: Path) -> None:
    """Have the new name of a file survive a power failure, where folders can be synchronized."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
