"""Converts what callers pass to the program's own types, or refuses it in one clear line.

Any type with a clear meaning is accepted: NumPy numbers, fractions, whole floats as integers, paths
as text, bytes or ``os.PathLike``. Booleans and text are not accepted as numbers.
"""

import math
import numbers
import operator
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from realtime_ser.errors import RealtimeSerError

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

LARGEST_INTEGER = 2**63 - 1

MOST_SHOWN = 40
"""Characters of a wrong value that an error shows."""


def as_number(value: object, name: str, error: type[RealtimeSerError]) -> float:
    """Return a finite number as a float.

    Args:
        value: what the caller gave.
        name: what it is, such as ``the duration``, for the error.
        error: what to raise.

    Raises:
        RealtimeSerError: ``error``, if it is not a finite number.
    """
    value = _scalar(value)
    if isinstance(value, (numbers.Real, Decimal)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (OverflowError, ValueError):
            number = math.inf
        if math.isfinite(number):
            return number
        raise error(f"{name} is {shown(value)}", "give a finite number")
    raise error(f"{name} is {shown(value)}, not a number", "give a number")


def as_integer(value: object, name: str, error: type[RealtimeSerError]) -> int:
    """Return a whole number as an int; ``16000.0`` is one.

    Args:
        value: what the caller gave.
        name: what it is, such as ``the sample rate``, for the error.
        error: what to raise.

    Raises:
        RealtimeSerError: ``error``, if it is not a whole number.
    """
    value = _scalar(value)
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        whole = operator.index(value)
    else:
        number = as_number(value, name, error)
        if not number.is_integer():
            raise error(f"{name} is {shown(value)}, not a whole number", "give a whole number")
        whole = int(number)
    if abs(whole) > LARGEST_INTEGER:
        raise error(f"{name} is {shown(value)}, too large", "give a smaller number")
    return whole


def as_flag(value: object, name: str, error: type[RealtimeSerError]) -> bool:
    """Return a boolean as a bool.

    Raises:
        RealtimeSerError: ``error``, if it is neither ``True`` nor ``False``.
    """
    value = _scalar(value)
    if isinstance(value, bool):
        return value
    raise error(f"{name} is {shown(value)}", "give True or False")


def as_path(value: object, name: str, error: type[RealtimeSerError]) -> Path:
    """Return a path given as text, bytes or ``os.PathLike``.

    Raises:
        RealtimeSerError: ``error``, if it is not a path, is empty, or contains a null character.
    """
    try:
        path = os.fsdecode(value)  # type: ignore[arg-type]
    except Exception as cause:  # a foreign __fspath__ may raise anything
        raise error(f"{name} is {shown(value)}, not a path", "give a path") from cause
    if not path or "\0" in path:
        raise error(f"{name} is {shown(value)}, not a path", "give a path")
    return Path(path)


def shown(value: object) -> str:
    """Return a value as errors show it: its beginning, or its type."""
    kind = type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, (bytes, bytearray, memoryview, np.ndarray, list, tuple, dict, set)):
        return f"of type {kind}"
    try:
        text = ascii(value)
    except Exception:  # a foreign __repr__ may raise anything
        return f"of type {kind}"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}… of type {kind}"


def _scalar(value: object) -> Any:
    """Return NumPy scalars, and arrays without dimensions, as Python objects."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        item = value.item()
        # ``item`` of a longdouble is itself.
        return float(item) if isinstance(item, np.floating) else item
    return value
