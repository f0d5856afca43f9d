"""What was computed of clips, kept on disk under a name made of their content and the settings."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.errors import AudioInputError
from train.data.disk import write_whole

Arrays = Mapping[str, NDArray[np.float32]]


def kept(clip: Path, settings: str, cache: Path, compute: Callable[[], Arrays]) -> Arrays:
    """Return what the cache holds of a clip; compute and keep it where it holds nothing.

    Args:
        clip: the sound file; its content counts, not its name.
        settings: whatever else the result depends on, as text.
        cache: folder of the cache, created where it is missing.
        compute: gives the arrays to keep.

    Raises:
        AudioInputError: the sound file cannot be read.
        OutputError: the cache cannot be written, for instance because the disk is full.
    """
    entry = cache / f"{_key(clip, settings)}.npz"
    try:
        with entry.open("rb") as file, np.load(file) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        pass
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        pass  # A disk that filled up or lost power left half an entry; it is written anew.
    computed = compute()
    content = io.BytesIO()
    np.savez(content, **computed)  # type: ignore[arg-type]
    write_whole(entry, content.getvalue(), "--runs")
    return computed


def _key(clip: Path, settings: str) -> str:
    try:
        return hashlib.sha256(clip.read_bytes() + settings.encode()).hexdigest()
    except OSError as error:
        raise AudioInputError(
            f"{clip} cannot be read ({error.strerror})", "check the name and the folder"
        ) from error
