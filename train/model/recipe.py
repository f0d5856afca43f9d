"""The recipe of a network that is trained on the frames that the live program sees."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from realtime_ser.emotion.spectra import YAMNET_MEL, FeatureMap
from realtime_ser.errors import SettingsError
from train.audio.utterances import Variations
from train.audio.voices import VoiceSettings
from train.model.augmentation import AugmentationSettings
from train.model.companion import CompanionSettings
from train.model.network import NetworkSettings
from train.model.recipe_files import merge, read_recipe, settings_from

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
    """How a network is trained.

    Attributes:
        epochs: passes over the clips; there is no early stopping.
        batch_clips: clips per batch.
        learning_rate: the highest; linear warm-up to it, then a cosine down to zero.
        weight_decay: of AdamW.
        warmup_share: share of all steps that the warm-up takes.
        label_smoothing: probability spread over all labels.
        seed: of everything random.
        thawed_epochs: further epochs in which the frozen layers are trained too (J. Howard and S.
            Ruder's gradual unfreezing, arXiv:1801.06146).
        thawed_learning_rate: learning rate at their start; a cosine takes it down to zero.
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
class Recipe:
    """A whole recipe.

    Attributes:
        name: of its file.
        feature_maps: what the network reads, YAMNet's mel map first.
        network: of the network.
        fit: of its training.
        augmentation: of the training examples.
        voices: further voices of the training utterances, ``None`` for none.
        companion: the recipe of a second network, trained separately on the same clips. The two
            form an ensemble that averages their log-probabilities (G. Hinton, Products of experts,
            1999).
    """

    name: str
    feature_maps: tuple[FeatureMap, ...]
    network: NetworkSettings | CompanionSettings
    fit: FitSettings
    augmentation: AugmentationSettings
    voices: VoiceSettings | None = None
    companion: "Recipe | None" = None

    @property
    def removes_offset(self) -> bool:
        """Whether it trains on samples whose offset is removed: never."""
        return False

    @property
    def variations(self) -> Variations:
        """The variations of the training utterances."""
        return Variations(self.augmentation.speeds, self.voices)


def load_recipe(name: str) -> Recipe:
    """Read a recipe of ``train/recipes``.

    Raises:
        SettingsError: there is no such recipe, or its file is wrong.
    """
    return parse_recipe(name, read_recipe(name))


def parse_recipe(name: str, table: Mapping[str, Any]) -> Recipe:
    """Return a recipe from the content of its file.

    Raises:
        SettingsError: a setting or a table is missing, misspelled or of the wrong type.
    """
    if unknown := sorted(set(table) - TABLES):
        raise SettingsError(
            f"recipe {name} has no table {unknown[0]!r}", f"use {', '.join(sorted(TABLES))}"
        )
    where = f"recipe {name}: "
    maps = table.get("feature_map", [])
    if not isinstance(maps, list):
        raise SettingsError(f"{where}feature_map is not a list", "correct the file")
    recipe = Recipe(
        name,
        (
            YAMNET_MEL,
            *(settings_from(FeatureMap, table, f"{where}[[feature_map]]") for table in maps),
        ),
        settings_from(NetworkSettings, table.get("network"), f"{where}[network]"),
        settings_from(FitSettings, table.get("fit"), f"{where}[fit]"),
        settings_from(AugmentationSettings, table.get("augmentation"), f"{where}[augmentation]"),
    )
    if "voices" in table:
        voices = settings_from(VoiceSettings, table["voices"], f"{where}[voices]")
        recipe = replace(recipe, voices=voices)
    if table.get("companion", False) is False:  # `companion = false` removes an inherited one
        return recipe
    return replace(recipe, companion=_companion(recipe, table))


def _companion(recipe: Recipe, table: Mapping[str, Any]) -> Recipe:
    """Return the companion's recipe: the settings of its table, else those of the recipe."""
    where = f"recipe {recipe.name}: [companion"
    if not isinstance(table["companion"], Mapping):
        raise SettingsError(f"{where}] is not a table", "correct the file")
    merged = merge(
        {part: table[part] for part in ("fit", "augmentation")},
        table["companion"],
    )
    fit = settings_from(FitSettings, merged.pop("fit"), f"{where}.fit]")
    augmentation = settings_from(
        AugmentationSettings, merged.pop("augmentation"), f"{where}.augmentation]"
    )
    network = settings_from(CompanionSettings, merged, f"{where}]")
    if unknown := sorted(
        set(network.maps) - {feature_map.name for feature_map in recipe.feature_maps}
    ):
        raise SettingsError(
            f"{where}] has no feature map {unknown[0]!r}", "name one of the recipe's maps"
        )
    return replace(
        recipe,
        name=f"{recipe.name}, companion",
        network=network,
        fit=fit,
        augmentation=augmentation,
    )
