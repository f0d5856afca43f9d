"""Closes what its owner did not: when the owner is garbage-collected, or at exit.

``weakref.finalize`` alone is not enough. The garbage collector calls it in whatever thread it runs
in, perhaps one that holds a lock which closing needs, or PortAudio's own; and at exit it would be
called after PortAudio was terminated.
"""

import os
import threading
import weakref
from collections.abc import Callable


class Finalizer:
    """Calls ``close`` in a new thread once ``owner`` is garbage-collected.

    Does nothing in a forked child: open resources belong to the parent.

    Args:
        owner: ``close`` must not refer to it.
        close: releases the resources; may be called more than once.
    """

    def __init__(self, owner: object, close: Callable[[], None]) -> None:
        self._close = close
        self._finalize = weakref.finalize(owner, self._run)
        self._finalize.atexit = False
        _waiting[self] = None

    def detach(self) -> None:
        """Do nothing from now on: the owner has been closed."""
        self._finalize.detach()
        _waiting.pop(self, None)

    def run_at_exit(self) -> None:
        """Close now; what does not close in time is abandoned."""
        self.detach()
        thread = self._start()
        if thread is not None:
            thread.join(EXIT_SECONDS)

    def _run(self) -> None:
        if self in _waiting:
            _waiting.pop(self, None)
            self._start()

    def _start(self) -> threading.Thread | None:
        thread = threading.Thread(target=self._close, name="close dropped", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # at exit, no thread can be started any more
            self._close()
            return None
        return thread


EXIT_SECONDS = 2.0
"""How long closing may delay the end of a program: a sound server may hang."""


_waiting: dict[Finalizer, None] = {}  # in the order in which they were made


def close_everything() -> None:
    """Close what is still open, the newest first; runs at exit, before the libraries terminate."""
    for finalizer in reversed(list(_waiting)):
        finalizer.run_at_exit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)
