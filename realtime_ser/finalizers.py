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
        _waiting.add(self)

    def detach(self) -> None:
        """Forget about it: it has been closed."""
        self._finalize.detach()
        _waiting.discard(self)

    def run_at_exit(self) -> None:
        """Close now, in this thread."""
        self.detach()
        self._close()

    def _run(self) -> None:
        if self not in _waiting:
            return
        _waiting.discard(self)
        try:
            threading.Thread(target=self._close, name="close dropped", daemon=True).start()
        except RuntimeError:  # no thread can be started any more
            self._close()


_waiting: set[Finalizer] = set()


def close_everything() -> None:
    """Close what is still open; to be called at exit, before the libraries behind it end."""
    for finalizer in list(_waiting):
        finalizer.run_at_exit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)
