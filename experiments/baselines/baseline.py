"""What the baselines have in common."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.baselines.preprocess import PreprocessSettings
from train.corpora.splits import Split
from train.model.recipe_files import settings_from


class Baseline:
    """A recipe whose clips are preprocessed, and whose result the live program cannot run.

    Args:
        name: the recipe's name.
        table: the content of its file.
        cache: folder where features are cached.

    Raises:
        SettingsError: a setting is missing, misspelled or of the wrong type.
    """

    streams = False

    def __init__(self, name: str, table: Mapping[str, Any], cache: Path) -> None:
        self.name = name
        self.description = str(table.get("description", ""))
        self._cache = cache
        self._preprocess = settings_from(
            PreprocessSettings, table.get("preprocess"), f"recipe {name}: [preprocess]"
        )

    def export(self, run: Path, folder: Path, split: Split) -> None:
        """Not supported: see ``Method.export``."""
        raise NotImplementedError(f"{self.name} cannot be exported")
