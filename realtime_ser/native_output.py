"""Keeps native libraries from chattering on the user's terminal, in two ways.

``quiet_native_stderr`` moves the descriptor, which silences everything for a moment in which only
one thread runs. ``quiet_native_audio`` leaves the descriptor to Python and the UI, and silences for
as long as a microphone is open.
"""

import contextlib
import ctypes
import os
import platform
import sys
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def quiet_native_stderr() -> Iterator[None]:
    """Drop what C code writes to standard error meanwhile; LiteRT announces its delegate there.

    Python's own ``sys.stderr`` shares the descriptor, so print nothing inside.
    """
    try:
        kept = os.dup(2)
    except OSError:  # standard error is closed: nothing can chatter
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class _SilentLibc:
    """Turns glibc's ``stderr`` to nothing while anyone asks for it.

    ALSA's and PortAudio's C code report what goes wrong, from their own threads too, with
    ``fprintf(stderr, ...)``; the user gets one clear line from us instead, and a terminal UI no
    scribbles. Descriptor 2 stays as it is, for Python and the UI write there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._nothing: int | None = None
        self._kept: int | None = None

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        if not (sys.platform == "linux" and platform.libc_ver()[0] == "glibc"):
            yield  # elsewhere the variable has other names, or cannot be written
            return
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        libc = ctypes.CDLL(None)
        stderr = ctypes.c_void_p.in_dll(libc, "stderr")
        with self._lock:
            if self._nothing is None:
                libc.fopen.restype = ctypes.c_void_p
                self._nothing = libc.fopen(os.devnull.encode(), b"w")
            if not self._users:
                self._kept = stderr.value
            self._users += change
            stderr.value = self._nothing if self._users else self._kept


quiet_native_audio: Callable[[], contextlib.AbstractContextManager[None]] = _SilentLibc()
"""Silences, in a ``with``, what C code prints about sound devices; may be nested and shared."""
