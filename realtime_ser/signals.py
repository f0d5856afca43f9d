"""Signals that end the program in an orderly way, unless its parent process ignores them."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


def ending_signals() -> list[signal.Signals]:
    """Return the signals that may be handled here, of Ctrl-C, SIGTERM and SIGHUP.

    A signal that is ignored stays ignored: ``nohup`` and background jobs of a shell rely on that.
    One with a handler in C, of a host program, keeps it. Only the main thread may handle signals.
    """
    if threading.current_thread() is not threading.main_thread():
        return []
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    return [number for number in numbers if signal.getsignal(number) not in (signal.SIG_IGN, None)]


@contextlib.contextmanager
def handlers_restored() -> Iterator[None]:
    """Restore the signal handlers at the end."""
    before = {number: signal.getsignal(number) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def exiting_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack, so that recordings and devices are closed."""

    def leave(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    with handlers_restored():
        for number in ending_signals():
            if number != signal.SIGINT:  # which raises KeyboardInterrupt
                signal.signal(number, leave)
        yield
