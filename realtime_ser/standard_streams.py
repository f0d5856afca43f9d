"""Standard input, output and error, made safe for the command whatever they are connected to."""

import io
import os
import select
import sys
from typing import BinaryIO, cast

from realtime_ser.errors import OutputError

_CANNOT_DRAW = ("", "dumb", "unknown")
_DRAWN = "█▁─•"


def prepare_standard_streams() -> None:
    """Make every print safe: no closed stream, no unencodable character, no line lost.

    A failed write to standard output still raises ``OSError``. One to standard error is dropped:
    nobody is left to be told.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _open_null(descriptor, name)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper) or stream is not getattr(sys, f"__{name}__"):
            continue  # the host program's own
        stream.reconfigure(errors="backslashreplace")
        if os.name != "posix":
            continue
        if name == "stderr":
            sys.stderr = sys.__stderr__ = _reopened(stream, _DroppingFile)  # type: ignore[misc]
        elif not os.get_blocking(stream.fileno()):
            sys.stdout = sys.__stdout__ = _reopened(stream, _WaitingFile)  # type: ignore[misc]


def check_screen() -> None:
    """Check that the terminal UI can be drawn.

    Raises:
        OutputError: the terminal has no escape codes, or its encoding lacks the characters.
    """
    terminal = os.environ.get("TERM", "")
    if os.name == "posix" and terminal in _CANNOT_DRAW:
        raise OutputError(
            f"the terminal UI cannot be drawn where TERM is {terminal or 'not set'}", "add --json"
        )
    stream = sys.stderr if sys.stderr.isatty() else sys.stdout
    encoding = stream.encoding or "utf-8"
    try:
        _DRAWN.encode(encoding)
    except UnicodeEncodeError as error:
        raise OutputError(
            f"the terminal UI cannot be drawn in the encoding {encoding}", "use UTF-8 or add --json"
        ) from error


def take_keys_from_terminal() -> BinaryIO:
    """Connect descriptor 0 to the terminal's keyboard; return what it was connected to.

    Raises:
        OutputError: the terminal's keyboard cannot be read.
    """
    stdin = os.fdopen(os.dup(0), "rb")
    if stdin.isatty():
        return stdin
    try:
        keyboard = _open_keyboard()
    except OSError as error:
        stdin.close()
        raise OutputError(
            "the terminal UI has no keyboard, standard input is no terminal", "add --json"
        ) from error
    os.dup2(keyboard, 0)
    os.close(keyboard)
    return stdin


def _open_keyboard() -> int:
    if os.name == "nt":
        return os.open("CONIN$", os.O_RDWR)
    try:
        return os.open("/dev/tty", os.O_RDWR)
    except OSError:  # no controlling terminal: the one the screen is drawn on
        return os.open(os.ttyname(sys.stdout.fileno()), os.O_RDWR | os.O_NOCTTY)


def _open_null(descriptor: int, name: str) -> None:
    """Connect a closed descriptor to the null device, so that no file takes its number."""
    mode = "r" if name == "stdin" else "w"
    null = os.open(os.devnull, os.O_RDWR)
    if null != descriptor:
        try:
            os.fstat(descriptor)
        except OSError:
            os.dup2(null, descriptor)
            os.close(null)
            null = descriptor
    stream = open(null, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


class _WaitingFile(io.FileIO):
    """A file that waits until a non-blocking descriptor takes more."""

    def write(self, data: object) -> int:
        while (written := cast("int | None", super().write(data))) is None:  # type: ignore[arg-type]
            select.select([], [self], [])
        return written


class _DroppingFile(_WaitingFile):
    """A file that drops what cannot be written."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(cast(bytes, data)).nbytes


def _reopened(stream: io.TextIOWrapper, kind: type[io.FileIO]) -> io.TextIOWrapper:
    """Return a stream on the same descriptor, which stays open when it is closed."""
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(kind(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
    )
