"""The manifest of a model folder, brought up to date."""

import hashlib
from pathlib import Path
from typing import Any

from realtime_ser.emotion.manifest import MANIFEST_FILE
from train.files import read_json, write_json


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a model folder except its manifest."""
    files = sorted(file for file in folder.iterdir() if file.name != MANIFEST_FILE)
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def update_manifest(folder: Path, **changes: Any) -> None:
    """Update values of the manifest, and the hashes of the files."""
    path = folder / MANIFEST_FILE
    write_json(path, {**read_json(path), **changes, "files": file_hashes(folder)}, indent=2)
