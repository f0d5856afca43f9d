"""Recipes: every hyper-parameter of a training run, read from a small file in ``train/recipes``."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.emotion.frontend import YAMNET_MEL, FeatureMap
from realtime_ser.errors import SettingsError
from train.augmentation import AugmentationSettings
from train.network import NetworkSettings

RECIPE_FOLDER = Path(__file__).parent / "recipes"


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
    """

    epochs: int
    batch_clips: int
    learning_rate: float
    weight_decay: float
    warmup_share: float
    label_smoothing: float
    seed: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole recipe; ``name`` is that of its file."""

    name: str
    feature_maps: tuple[FeatureMap, ...]
    network: NetworkSettings
    fit: FitSettings
    augmentation: AugmentationSettings


def load_recipe(name: str) -> Recipe:
    """Read ``train/recipes/NAME.toml``.

    Raises:
        SettingsError: there is no such recipe, or it lacks or misspells a setting.
    """
    path = RECIPE_FOLDER / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in RECIPE_FOLDER.glob("*.toml")))
        raise SettingsError(f"there is no recipe {name!r}", f"choose one of {known}")
    try:
        text = tomllib.loads(path.read_text())
        further_maps = [FeatureMap(**each) for each in text.get("feature_map", [])]
        augmentation = text["augmentation"]
        return Recipe(
            name,
            (YAMNET_MEL, *further_maps),
            NetworkSettings(**text["network"]),
            FitSettings(**text["fit"]),
            AugmentationSettings(**{**augmentation, "speeds": tuple(augmentation["speeds"])}),
        )
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"recipe {path} cannot be read ({error})", "correct the file"
        ) from error
