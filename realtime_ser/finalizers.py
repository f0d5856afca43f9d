"""Closes what its owner forgot to close: when the owner is dropped, or at the end of the program.

``weakref.finalize`` alone would not do. The garbage collector calls it in whatever thread it
happens to run, perhaps one that holds a lock which closing needs, or PortAudio's own; and at exit
it would come after PortAudio has ended.
"""

import os
import threading
import weakref
from collections.abc import Callable


class Finalizer:
    """Calls ``close`` once ``owner`` is dropped, in a thread of its own.

    Does nothing in a forked child: what is open belongs to the parent.

    Args:
        owner: ``close`` must not refer to it.
        close: releases what it owns; may be called more than once.
    """

    def __init__(self, owner: object, close: Callable[[], None]) -> None:
        self._close = close
        self._finalize = weakref.finalize(owner, self._run)
        self._finalize.atexit = False
        _waiting[self] = None

    def detach(self) -> None:
        """Forget about it: it has been closed."""
        self._finalize.detach()
        _waiting.pop(self, None)

    def run_at_exit(self) -> None:
        """Close now; what cannot be closed is left behind."""
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
        except RuntimeError:  # no thread can be started any more
            self._close()
            return None
        return thread


EXIT_SECONDS = 2.0
"""How long closing may hold up the end of a program: a sound server may stand still."""


_waiting: dict[Finalizer, None] = {}  # in the order in which they were made


def close_everything() -> None:
    """Close what is still open, the newest first; for exit, before the libraries behind it end."""
    for finalizer in reversed(list(_waiting)):
        finalizer.run_at_exit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)
