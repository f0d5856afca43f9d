"""One program at a time changes the profiles: a lock that the system drops when a program ends."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

LOCK_FILE = ".lock"
"""Its name cannot be that of a profile."""

LOCK_SECONDS = 2.0
"""How long to wait: others hold the lock for a few milliseconds."""

_PAUSE = 0.01


@contextlib.contextmanager
def locked(folder: Path, wait: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock of a folder. Threads of one program exclude each other, too.

    Args:
        folder: exists.
        wait: seconds to wait for another holder.

    Raises:
        TimeoutError: another program holds it.
        OSError: the lock file cannot be made.
    """
    path, deadline = folder / LOCK_FILE, time.monotonic() + wait
    while (descriptor := _try_to_lock(path)) is None:
        if time.monotonic() >= deadline:
            raise TimeoutError(None, "another program holds the lock", str(path))
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        os.close(descriptor)  # which releases it


def _try_to_lock(path: Path) -> int | None:
    """Return the descriptor of the lock file, ``None`` while somebody else has the lock."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        # Whoever held it before may have deleted the file.
        if _lock(descriptor) and _is_still_there(descriptor, path):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_still_there(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
