"""Arrays in NumPy's ``.npy`` format from files that anybody may have changed.

``numpy.load`` allocates whatever size a header claims, and can be made to unpickle objects.
"""

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_HEADER = 1024
"""Characters of the header that NumPy parses."""


def parse_npy(content: bytes, dtype: str, dimensions: int) -> NDArray[Any]:
    """Return the array in the content of an ``.npy`` file, format version 1.0, in C order.

    Args:
        content: the whole file.
        dtype: NumPy's name of the type that it must have, such as ``<f4``.
        dimensions: how many it must have.

    Raises:
        ValueError: it is no such array, or has values that are not finite.
    """
    file = io.BytesIO(content)
    try:
        shape, fortran_order, found = _header(file)
    except Exception as error:  # NumPy raises whatever its parser does
        raise ValueError("it is not a NumPy array") from error
    if found != np.dtype(dtype) or fortran_order:
        raise ValueError(f"it must be an array of {np.dtype(dtype)}, in C order")
    if len(shape) != dimensions or any(length < 0 for length in shape):
        raise ValueError(f"it must have {dimensions} dimensions")
    values = content[file.tell() :]
    if len(values) != np.dtype(dtype).itemsize * math.prod(shape):
        raise ValueError(f"it has {len(values)} bytes of values")
    array = np.frombuffer(values, dtype).reshape(shape)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("it has values that are not finite")
    return array.copy()


def _header(file: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Return shape, order and type that an ``.npy`` file states."""
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("another version of the format")
    return np.lib.format.read_array_header_1_0(file, max_header_size=LARGEST_HEADER)
