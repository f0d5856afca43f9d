"""What the commands with a terminal UI do around it."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from logging.handlers import MemoryHandler


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
