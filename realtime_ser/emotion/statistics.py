"""The statistics of the training voices in a model folder: ``statistics.npy``.

It is an array in NumPy's format: float32, shape ``[2, channels]``, mean and deviation of each
channel of the training voices' embeddings.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.manifest import STATISTICS_FILE, Manifest, read_verified
from realtime_ser.errors import ModelError
from realtime_ser.npy import parse_npy

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
    array: Float32 = parse_npy(content, "<f4", len(shape)).astype(np.float32)
    if array.shape != shape:
        raise ValueError(f"it has shape {array.shape}, not {shape}")
    if not (array[1] > 0).all():
        raise ValueError("its deviations must be above 0")
    return array
