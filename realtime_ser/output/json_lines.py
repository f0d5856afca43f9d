"""Events as JSON Lines: one JSON object a line, each written at once."""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TextIO

from realtime_ser.errors import OutputError
from realtime_ser.events import Event, to_dict
from realtime_ser.live.sinks import Sink
from realtime_ser.output.paths import unwritable


class JsonLines(Sink):
    """Writes events to a text stream, which stays open.

    Raises:
        BrokenPipeError: the reader has gone; see ``discard_stdout``.
    """

    name = "JSON output"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def on_event(self, event: Event) -> None:
        """Write one event."""
        self._stream.write(json_line(event))
        self._stream.flush()


class EventFile(Sink):
    """Writes events to a file of its own; a file of the same name is overwritten.

    After a failed write the file ends with its last whole line.

    Args:
        path: the file.

    Raises:
        OutputError: it cannot be written.
    """

    name = "event file"

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.is_fifo():
            raise OutputError(
                f"cannot write {path}, it is a pipe", "give a file, or pipe the output of --json"
            )
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise unwritable(path, error) from error
        self._size = 0

    def on_event(self, event: Event) -> None:
        """Write one event.

        Raises:
            OutputError: the disk is full or gone; the file is then closed.
        """
        line = json_line(event).encode()
        try:
            self._write(line)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self._size)
            with contextlib.suppress(OSError):
                self._file.close()
            raise unwritable(self._path, error) from error
        self._size += len(line)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        try:
            self._file.close()
        except OSError as error:
            raise unwritable(self._path, error) from error

    def _write(self, line: bytes) -> None:
        """Write the whole line: a nearly full disk takes only part of it at first."""
        while line:
            line = line[self._file.write(line) :]


def json_line(event: Event) -> str:
    """Return an event as a JSON object and a line break.

    Raises:
        ValueError: it holds NaN or infinity, which JSON lacks.
    """
    return json.dumps(to_dict(event), allow_nan=False) + "\n"


def discard_stdout() -> None:
    """Discard what standard output still holds and is given, once it cannot be written.

    Otherwise the interpreter flushes it on exit and prints a second error.
    """
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
