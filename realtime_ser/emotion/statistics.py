"""The statistics of the training voices in a model folder: ``statistics.npy``.

It is an array in NumPy's format: float32, shape ``[2, channels]``, mean and deviation of each
channel of the training voices' embeddings.
"""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.manifest import STATISTICS_FILE, Manifest, read_verified
from realtime_ser.errors import ModelError

LARGEST_HEADER = 1024
"""Characters of the header that NumPy parses."""

Float32 = NDArray[np.float32]


def read_statistics(folder: Path, manifest: Manifest) -> Float32 | None:
    """Return mean and deviation, ``[2, channels]``; ``None`` if the manifest lists no statistics.

    Raises:
        ModelError: the file is missing, damaged or does not fit the network.
    """
    if not manifest.has_statistics:
        return None
    content = read_verified(folder, manifest, STATISTICS_FILE)
    shape = (2, manifest.embedding_shape[-1] if manifest.embedding_shape else 1)
    try:
        return _parse(content, shape)
    except ValueError as error:
        raise ModelError(
            f"{folder / STATISTICS_FILE} cannot be used ({error})",
            "export the model again, or omit --model to use the bundled one",
        ) from error


def _parse(content: bytes, shape: tuple[int, ...]) -> Float32:
    """Return the array, without giving ``numpy.load`` a hostile header to allocate memory for."""
    file = io.BytesIO(content)
    try:
        found = _header(file)
    except Exception as error:  # NumPy raises whatever its parser does
        raise ValueError("it is not a NumPy array") from error
    if found != (shape, False, np.dtype("<f4")):
        raise ValueError(f"it must be float32 of shape {shape}, in C order")
    values = content[file.tell() :]
    if len(values) != 4 * int(np.prod(shape)):
        raise ValueError(f"it has {len(values)} bytes of values")
    array = np.frombuffer(values, "<f4").reshape(shape).astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError("it has values that are not finite")
    if not (array[1] > 0).all():
        raise ValueError("its deviations must be above 0")
    return array


def _header(file: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Return shape, order and type that an ``.npy`` file states."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError("another version of the format")
    return np.lib.format.read_array_header_1_0(file, max_header_size=LARGEST_HEADER)
