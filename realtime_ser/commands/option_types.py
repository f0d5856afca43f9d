"""Types of options for ``argparse``: each raises ``ArgumentTypeError`` for a wrong value."""

import argparse
import contextlib
import math
from collections.abc import Callable

from realtime_ser.errors import SettingsError
from realtime_ser.profiles.names import check_name


def profile_name(text: str) -> str:
    """Return a profile's name in the form in which it is stored."""
    try:
        return check_name(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def number(text: str) -> float:
    """Return a finite number."""
    with contextlib.suppress(ValueError):
        if math.isfinite(value := float(text)):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")


def channel(text: str) -> int | str:
    """Return the number of a channel, counted from 1, or ``mix`` or ``auto``."""
    if text in ("mix", "auto"):
        return text
    if text.isascii() and text.isdigit() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is neither a channel from 1 nor mix")


def seconds(text: str) -> float:
    """Return a number above 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("give more than 0 seconds")
    return value


def duration(text: str) -> float:
    """Return a number from 0."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError("give 0 seconds or more")
    return value


def at_least(least: int) -> Callable[[str], int]:
    """Return a type of whole numbers from ``least`` on that fit into 32 bits."""

    def convert(text: str) -> int:
        if text.isascii() and text.isdigit() and least <= int(text) <= 2**31 - 1:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")

    return convert


def port(text: str) -> int:
    """Return a port from 0 to 65535."""
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
