"""The settings of a recipe that learns from windows of frames, as the live program sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from realtime_ser.emotion.frontend import YAMNET_MEL, FeatureMap
from realtime_ser.errors import SettingsError
from train.data.utterances import Variations
from train.data.voices import VoiceSettings
from train.methods.augmentation import AugmentationSettings
from train.methods.network import NetworkSettings
from train.recipe import read_recipe, settings_from

TABLES = {"method", "description", "feature_map", "network", "fit", "augmentation", "voices"}
"""What a recipe of this kind may hold."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How the optimiser runs.

    Attributes:
        epochs: passes over the clips; there is no early stopping.
        batch_clips: clips of a batch.
        learning_rate: highest rate of the cycle: linear warm-up, then a cosine down to zero.
        weight_decay: of AdamW.
        warmup_share: share of all steps spent warming up.
        label_smoothing: probability spread over all labels.
        seed: of everything random.
        thawed_epochs: further passes in which the frozen layers are trained too (J. Howard and S.
            Ruder's gradual unfreezing, arXiv:1801.06146).
        thawed_learning_rate: the rate these begin with; it falls to zero.
    """

    epochs: int
    batch_clips: int
    learning_rate: float
    weight_decay: float
    warmup_share: float
    label_smoothing: float
    seed: int
    thawed_epochs: int = 0
    thawed_learning_rate: float = 1e-4


@dataclass(frozen=True, slots=True)
class WindowRecipe:
    """A whole recipe; ``name`` is that of its file."""

    name: str
    feature_maps: tuple[FeatureMap, ...]
    network: NetworkSettings
    fit: FitSettings
    augmentation: AugmentationSettings
    voices: VoiceSettings | None = None

    @property
    def variations(self) -> Variations:
        """What is made of each training utterance beside itself."""
        return Variations(self.augmentation.speeds, self.voices)


def window_recipe(name: str, table: Mapping[str, Any]) -> WindowRecipe:
    """Return a recipe from the content of its file.

    Raises:
        SettingsError: a setting or a table is missing or misspelt.
    """
    if unknown := sorted(set(table) - TABLES):
        raise SettingsError(
            f"recipe {name} has no table {unknown[0]!r}", f"use {', '.join(sorted(TABLES))}"
        )
    maps = [
        settings_from(FeatureMap, each, f"recipe {name}: [[feature_map]]")
        for each in table.get("feature_map", ())
    ]
    parts: dict[str, Any] = {
        part: settings_from(kind, table.get(part), f"recipe {name}: [{part}]")
        for part, kind in (
            ("network", NetworkSettings),
            ("fit", FitSettings),
            ("augmentation", AugmentationSettings),
        )
    }
    if "voices" in table:
        parts["voices"] = settings_from(VoiceSettings, table["voices"], f"recipe {name}: [voices]")
    return WindowRecipe(name, (YAMNET_MEL, *maps), **parts)


def load_window_recipe(name: str) -> WindowRecipe:
    """Read a recipe of this kind from its file.

    Raises:
        SettingsError: there is no such recipe, or its file is wrong.
    """
    return window_recipe(name, read_recipe(name))
