"""Keeps native libraries from chattering on the user's terminal."""

import contextlib
import os
import sys
from collections.abc import Iterator


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
