"""Caches arrays computed from audio files, keyed by the files' content and the settings.

Not ``joblib.Memory``: that drops its whole cache whenever the function's source changes, and
continues without an error when the disk is full.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.errors import AudioInputError
from train.files import write_bytes

Arrays = Mapping[str, NDArray[np.float32]]


def cached(path: Path, settings: str, cache: Path, compute: Callable[[], Arrays]) -> Arrays:
    """Return the arrays that the cache holds for a file, computing and storing them if needed.

    A damaged entry, as a full disk or a power failure may leave it, is computed again.

    Args:
        path: the audio file; its content is part of the key, its name is not.
        settings: everything else that the arrays depend on, as text.
        cache: folder of the cache, created if it is missing.
        compute: returns the arrays.

    Raises:
        AudioInputError: the audio file cannot be read.
        OutputError: the cache cannot be written, for instance because the disk is full.
    """
    entry = cache / f"{content_hash(path, settings)}.npz"
    try:
        with entry.open("rb") as file, np.load(file) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        pass  # missing or damaged
    computed = compute()
    content = io.BytesIO()
    np.savez(content, **computed)  # type: ignore[arg-type]
    write_bytes(entry, content.getvalue(), "--runs")
    return computed


def content_hash(path: Path, settings: str = "") -> str:
    """Return the SHA-256 of a file's content and of settings, in hexadecimal.

    Raises:
        AudioInputError: the file cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes() + settings.encode()).hexdigest()
    except OSError as error:
        raise AudioInputError(
            f"{path} cannot be read ({error.strerror})", "check the name and the folder"
        ) from error
