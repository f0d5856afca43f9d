"""Events as JSON Lines, for the next program in the pipe."""

import json
import os
import sys
from typing import TextIO

from realtime_ser.events import Event, to_dict


class JsonLines:
    """Writes one JSON object a line, each line at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, event: Event) -> None:
        """Write one event.

        Raises:
            BrokenPipeError: the reader has gone; see ``silence_broken_pipe``.
        """
        line = json.dumps(to_dict(event), allow_nan=False)
        self._stream.write(line + "\n")
        self._stream.flush()


def silence_broken_pipe() -> None:
    """Point standard output at nothing, once its reader has gone.

    Without it the interpreter flushes standard output as it exits and complains about the pipe.
    """
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
