"""The settings of a recipe that learns from windows of frames, as the live program sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from realtime_ser.emotion.frontend import YAMNET_MEL, FeatureMap
from realtime_ser.errors import SettingsError
from train.data.utterances import Variations
from train.data.voices import VoiceSettings
from train.methods.augmentation import AugmentationSettings
from train.methods.convolutions import ConvolutionSettings
from train.methods.network import NetworkSettings
from train.recipe import merged, read_recipe, settings_from

TABLES = {
    "method",
    "description",
    "feature_map",
    "network",
    "fit",
    "augmentation",
    "voices",
    "companion",
}
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
    """A whole recipe; ``name`` is that of its file.

    Its ``companion`` is a second network: trained by itself on the same clips, and asked beside the
    first. Their log-probabilities are averaged (G. Hinton, Products of experts, 1999).
    """

    name: str
    feature_maps: tuple[FeatureMap, ...]
    network: NetworkSettings | ConvolutionSettings
    fit: FitSettings
    augmentation: AugmentationSettings
    voices: VoiceSettings | None = None
    companion: "WindowRecipe | None" = None

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
    recipe = WindowRecipe(name, (YAMNET_MEL, *maps), **parts)
    if table.get("companion", False) is False:  # as a recipe says that extends one which has one
        return recipe
    return replace(recipe, companion=_companion(recipe, table))


def _companion(recipe: WindowRecipe, table: Mapping[str, Any]) -> WindowRecipe:
    """Return what is trained beside a recipe: as its table says, else as the recipe itself."""
    where = f"recipe {recipe.name}: [companion"
    if not isinstance(table["companion"], Mapping):
        raise SettingsError(f"{where}] is no table", "correct the file")
    kinds = {"fit": FitSettings, "augmentation": AugmentationSettings}
    whole = merged({part: table[part] for part in kinds}, table["companion"])
    parts: dict[str, Any] = {
        part: settings_from(kind, whole.pop(part), f"{where}.{part}]")
        for part, kind in kinds.items()
    }
    network = settings_from(ConvolutionSettings, whole, f"{where}]")
    if unknown := sorted(set(network.maps) - {each.name for each in recipe.feature_maps}):
        raise SettingsError(f"{where}] reads a map {unknown[0]!r}", "name one of the recipe's maps")
    return replace(recipe, name=f"{recipe.name}, companion", network=network, **parts)


def load_window_recipe(name: str) -> WindowRecipe:
    """Read a recipe of this kind from its file.

    Raises:
        SettingsError: there is no such recipe, or its file is wrong.
    """
    return window_recipe(name, read_recipe(name))
