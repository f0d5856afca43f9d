"""Locks that are never held in a forked child, and whose data is consistent there."""

import importlib
import itertools
import os
import threading
from typing import Any
from weakref import WeakSet

WAIT_SECONDS = 5.0
"""How long a fork waits for a lock that another thread holds."""


class ForkSafeLock:
    """A reentrant lock that is never held by a lost thread in a forked child.

    A fork waits until the lock is free, so that the data it protects is consistent in the child.
    After ``wait`` seconds, the fork goes ahead and the child gets a new lock. Code that holds two
    must take the one that was created first, first: forks take them in that order.

    Args:
        wait: seconds a fork waits for it.
    """

    def __init__(self, wait: float = WAIT_SECONDS) -> None:
        self._lock = threading.RLock()
        self._wait = wait
        self._held_by_fork = False
        self.number = next(_numbers)
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *details: object) -> None:
        self._lock.release()

    def before_fork(self) -> None:
        """Take the lock, so that no other thread holds it during the fork."""
        self._held_by_fork = self._lock.acquire(timeout=self._wait)

    def after_fork(self, in_child: bool) -> None:
        """Release the lock; in the child, replace one that a lost thread holds."""
        if self._held_by_fork:
            self._held_by_fork = False
            self._lock.release()
        elif in_child:
            self._lock = threading.RLock()


_numbers = itertools.count()
_locks: "WeakSet[ForkSafeLock]" = WeakSet()
_held: list[ForkSafeLock] = []


def _before() -> None:
    _held[:] = sorted(_locks, key=lambda lock: lock.number)
    for lock in _held:
        lock.before_fork()


def _after(in_child: bool) -> None:
    for lock in _held:
        lock.after_fork(in_child)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before,
        after_in_parent=lambda: _after(in_child=False),
        after_in_child=lambda: _after(in_child=True),
    )


loading = ForkSafeLock()
"""Held while a native library is imported or started: a fork in the middle would break it."""


def import_native(name: str) -> Any:
    """Import a module that loads a native library, and return it."""
    with loading:
        return importlib.import_module(name)
