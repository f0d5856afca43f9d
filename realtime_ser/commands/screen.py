"""What the commands with a terminal UI do around it."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from logging.handlers import MemoryHandler
from typing import TYPE_CHECKING

from realtime_ser.errors import RealtimeSerError
from realtime_ser.live.engine import Engine

if TYPE_CHECKING:  # Textual is imported only for a screen
    from realtime_ser.output.terminal.run_app import RunApp


def run_app(app: "RunApp", engine: Engine) -> None:
    """Run an engine for as long as its terminal UI is shown.

    Raises:
        RealtimeSerError: the run ended with this error.
    """
    engine.start()
    try:
        failure = app.run()
    finally:
        engine.stop()
    if isinstance(failure, RealtimeSerError):
        raise failure


@contextlib.contextmanager
def screen_for_the_terminal() -> Iterator[None]:
    """Let Textual draw on standard output, and hold log lines back until it is done."""
    stderr, handlers = sys.__stderr__, logging.root.handlers[:]
    held_back = MemoryHandler(1000, logging.CRITICAL + 1)
    logging.root.handlers[:] = [held_back]
    if not sys.stderr.isatty():  # Textual draws on standard error, which is redirected
        sys.__stderr__ = sys.stdout  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        sys.__stderr__ = stderr  # type: ignore[misc]
        logging.root.handlers[:] = handlers
        for record in held_back.buffer:
            logging.root.handle(record)
