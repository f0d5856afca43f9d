"""A program in a pseudo-terminal, and what it writes there."""

import os
import select
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

SCREEN_IS_TAKEN = b"\x1b[?1049h"
"""The escape code with which a program takes the whole screen."""


class Terminal:
    """A program in a pseudo-terminal.

    Args:
        command: the program and its arguments.
        rows: height of the terminal.
        columns: its width.
        environment: variables added to those of the tests.
        options: for ``subprocess.Popen``; the standard streams are the terminal by default.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        rows: int = 24,
        columns: int = 80,
        environment: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        self.master, self.slave = os.openpty()
        termios.tcsetwinsize(self.slave, (rows, columns))
        self.settings = termios.tcgetattr(self.slave)
        self.output = b""
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), self.slave)
        variables = {**os.environ, "TERM": "xterm-256color", **(environment or {})}
        for name in ("COLUMNS", "LINES"):  # which would count more than the terminal's own size
            variables.pop(name, None)
        self.process = subprocess.Popen(command, env=variables, **{**streams, **options})

    def read(self, until: Callable[[], object], seconds: float = 30) -> None:
        """Take in what the program writes until ``until`` returns something true."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, self.output[-2000:]
            if select.select([self.master], [], [], 0.02)[0]:
                self.output += os.read(self.master, 65536)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def wait_for(self, output: bytes, seconds: float = 30) -> None:
        """Read until the program has written ``output``."""
        self.read(lambda: output in self.output, seconds)

    def wait(self, seconds: float = 30) -> int:
        """Read until the program ends, and return its exit code."""
        self.read(lambda: self.process.poll() is not None, seconds)
        while select.select([self.master], [], [], 0)[0]:
            self.output += os.read(self.master, 65536)
        return int(self.process.returncode)

    def close(self) -> None:
        """End the program, should it still run."""
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@contextmanager
def terminal(command: Sequence[str], **options: Any) -> Iterator[Terminal]:
    """Run a program in a pseudo-terminal, and end it; the options are those of ``Terminal``."""
    started = Terminal(command, **options)
    try:
        yield started
    finally:
        started.close()
