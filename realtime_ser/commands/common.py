"""What several commands need: exit codes, errors and settings."""

import argparse
import sys

from realtime_ser.errors import RealtimeSerError
from realtime_ser.settings import Settings

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

SETTINGS = ("window", "hop", "vad_mode", "threshold", "channel")


def print_error(error: RealtimeSerError, code: int) -> int:
    """Print an error in one line on standard error, and return the exit code."""
    print(f"realtime-ser: {error}", file=sys.stderr)
    return code


def settings_from(options: argparse.Namespace) -> Settings:
    """Return the settings that were given, with defaults for the others.

    Raises:
        SettingsError: a value is out of range.
    """
    chosen = {name: getattr(options, name) for name in SETTINGS}
    given = {name: value for name, value in chosen.items() if value is not None}
    return Settings(**given, adapt=not options.no_adapt)
