"""Signals that end the program in an orderly way, unless its parent process ignores them."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

RETRY_SECONDS = 0.01
"""After which a signal that came at a moment when it cannot end the program is sent again."""

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
    """Let signals unwind the stack, so that recordings and devices are closed.

    Ctrl-C raises ``KeyboardInterrupt`` unless the host program handles it, the others
    ``SystemExit``; all of them also if they come while libsndfile reads a file.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        if _can_raise(number, frame):
            raise SystemExit(128 + number)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if _can_raise(number, frame):
            raise KeyboardInterrupt

    with handlers_restored():
        for number in ending_signals():
            if number != signal.SIGINT:
                signal.signal(number, leave)
            elif signal.getsignal(number) is signal.default_int_handler:
                signal.signal(number, interrupt)
        yield


def _can_raise(number: int, frame: FrameType | None) -> bool:
    """Return whether an exception would not be lost here; if it would, send the signal again."""
    if not _is_in_callback(frame):
        return True
    main = threading.main_thread().ident

    def send() -> None:
        if hasattr(signal, "pthread_kill") and main is not None:
            signal.pthread_kill(main, number)
        else:
            signal.raise_signal(number)

    threading.Timer(RETRY_SECONDS, send).start()
    return False


def _is_in_callback(frame: FrameType | None) -> bool:
    """Return whether Python was called by libsndfile, which reads a file object by callbacks."""
    while frame is not None:
        code = frame.f_code
        if code.co_name.startswith("vio_") and code.co_filename.endswith("soundfile.py"):
            return True
        frame = frame.f_back
    return False
