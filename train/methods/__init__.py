"""Ways to learn labels from clips: one module each, all with the same two functions."""

from importlib import import_module
from pathlib import Path

from realtime_ser.errors import SettingsError
from train.methods.method import Method
from train.recipe import read_recipe

_CLASSES = {
    "windows": "train.methods.windows:WindowMethod",
    "embeddings": "train.methods.embeddings:EmbeddingMethod",
    "spectrogram": "train.methods.spectrogram:SpectrogramMethod",
    "support-vectors": "train.methods.support_vectors:SupportVectorMethod",
}
"""Imported when asked for: each brings libraries that take seconds to load."""


def open_method(name: str, cache: Path) -> Method:
    """Return the recipe ``name``, ready to be fitted.

    Args:
        name: a file of ``train/recipes`` without its ending.
        cache: folder where computed features are kept.

    Raises:
        SettingsError: there is no such recipe, or its file is wrong.
    """
    table = read_recipe(name)
    kind = table.pop("method", None)
    if kind not in _CLASSES:
        raise SettingsError(
            f"recipe {name} has no method {kind!r}", f"choose one of {', '.join(_CLASSES)}"
        )
    module, class_name = _CLASSES[kind].split(":")
    method: Method = getattr(import_module(module), class_name)(name, table, cache)
    return method
