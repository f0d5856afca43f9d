"""The command line: one module per command, none of them imported before it is called."""

import contextlib
import errno
import logging
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module

from realtime_ser.commands.common import (
    DONE,
    FAILED,
    INTERRUPTED,
    WRONG_USAGE,
    print_error,
)
from realtime_ser.commands.parser import parse
from realtime_ser.errors import RealtimeSerError, SettingsError, printable
from realtime_ser.native_output import quiet_c_libraries
from realtime_ser.signals import exiting_on_signals
from realtime_ser.standard_streams import prepare_standard_streams

_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: without the program's name; ``None`` takes those of the process.
    """
    prepare_standard_streams()
    handler = logging.StreamHandler()
    handler.setFormatter(_LineFormatter("realtime-ser: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    try:
        with exiting_on_signals(), quiet_c_libraries(), _flushed():
            options = parse(sys.argv[1:] if arguments is None else arguments)
            command = import_module(f"realtime_ser.commands.{options.command}")
            return int(command.run(options))
    except SettingsError as error:
        return print_error(error, WRONG_USAGE)
    except RealtimeSerError as error:
        return print_error(error, FAILED)
    except BrokenPipeError:
        _discard_stdout()
        return DONE
    except OSError as error:
        if error.errno not in _CANNOT_WRITE or error.filename is not None:
            raise
        _discard_stdout()
        reason = (error.strerror or str(error)).lower()
        return print_error(
            RealtimeSerError(f"cannot write the output ({reason})", "write it elsewhere"), FAILED
        )
    except KeyboardInterrupt:
        return INTERRUPTED


class _LineFormatter(logging.Formatter):
    """Keeps every message on one line, also one with the name of a file."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return printable(super().formatMessage(record))


@contextlib.contextmanager
def _flushed() -> Iterator[None]:
    """Write what standard output still holds, also after ``--help``: at exit, errors are lost."""
    try:
        yield
    except SystemExit:
        sys.stdout.flush()
        raise
    else:
        sys.stdout.flush()


def _discard_stdout() -> None:
    from realtime_ser.output.json_lines import discard_stdout

    discard_stdout()
