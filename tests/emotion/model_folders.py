"""Copies of the bundled model's folder, changed as a test wants, and what refuses them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from realtime_ser.emotion.manifest import MANIFEST_FILE
from realtime_ser.emotion.model import EmotionModel, bundled_model_folder
from realtime_ser.errors import ModelError


def copied_model(parent: Path) -> Path:
    """Return a copy that may be changed."""
    return Path(shutil.copytree(bundled_model_folder(), parent / "model"))


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / MANIFEST_FILE
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def refused(folder: Path, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        EmotionModel(folder)
    assert str(caught.value).isprintable()
