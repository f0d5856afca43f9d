"""Opens recipes of every method: those of ``train`` and the baselines."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from realtime_ser.errors import SettingsError
from train.model.method import Method
from train.model.recipe_files import RECIPE_FOLDER, read_recipe

RECIPE_FOLDERS = (Path(__file__).parent / "recipes", RECIPE_FOLDER)

_CLASSES = {
    "windows": "train.model.fit:WindowMethod",
    "embeddings": "experiments.baselines.embeddings:EmbeddingMethod",
    "spectrogram": "experiments.baselines.spectrogram:SpectrogramMethod",
    "support-vectors": "experiments.baselines.support_vectors:SupportVectorMethod",
}
"""Imported on demand, because their libraries take seconds to load."""


def open_method(name: str, cache: Path) -> Method:
    """Return a recipe of ``experiments/recipes`` or ``train/recipes``, ready to be trained.

    Args:
        name: path of the file in its folder, without ``.toml``.
        cache: folder of cached features.

    Raises:
        SettingsError: there is no such recipe, or its file is wrong.
    """
    return method_from(name, read_recipe(name, RECIPE_FOLDERS), cache)


def method_from(name: str, table: Mapping[str, Any], cache: Path) -> Method:
    """Return a recipe from the content of its file.

    Raises:
        SettingsError: the content is wrong.
    """
    kind = table.get("method")
    if kind not in _CLASSES:
        raise SettingsError(
            f"recipe {name} has no method {kind!r}", f"choose one of {', '.join(_CLASSES)}"
        )
    module, class_name = _CLASSES[kind].split(":")
    method: Method = getattr(import_module(module), class_name)(name, table, cache)
    return method
