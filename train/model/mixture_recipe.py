"""The recipe of a network trained on several corpora: its branches, stages, and surroundings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from realtime_ser.emotion.spectra import FeatureMap
from realtime_ser.errors import SettingsError
from train.audio.frames import FrameSettings
from train.audio.surroundings import SurroundingSettings
from train.model.branches import BranchSettings
from train.model.layers import Precision
from train.model.recipe_files import RECIPE_FOLDER, read_recipe, settings_from


@dataclass(frozen=True, slots=True)
class StageSettings:
    """One stage of training.

    Attributes:
        shares: corpora and the share of the examples drawn from each.
        steps: batches; frozen layers stay frozen.
        thawed_steps: further batches in which every layer is trained.
        rate: learning rate relative to the branch's own.
        thawed_rate: learning rate of the further batches, relative to the branch's own.
    """

    shares: dict[str, float]
    steps: int
    thawed_steps: int = 0
    rate: float = 1.0
    thawed_rate: float = 0.2


@dataclass(frozen=True, slots=True)
class MixtureRecipe:
    """Every hyper-parameter of such a network; the names of stages are those of the file.

    Attributes:
        description: one line about it.
        method: always ``mixture``.
        branch: the branches, each trained by itself.
        stage: by name; ``pretraining`` reads no corpus that folds are made of.
        noises: corpora whose clips are mixed into speech; the speech output refuses them.
        sounds: corpora of short sounds that the speech output refuses; never mixed into speech.
        seed: of everything random.
        batch_clips: clips of a batch.
        weight_decay: of AdamW (I. Loshchilov and F. Hutter, arXiv:1711.05101).
        warmup_share: share of a stage's steps in which the learning rate rises.
        label_smoothing: see ``LabelSetLoss``.
        set_aside_share: share of the speakers of each corpus but RAVDESS that is never trained on;
            settings are chosen and probabilities calibrated on them.
        precision: what the bodies of the branches compute with in training.
        surroundings: how utterances are varied.
        frames: which frames are taken.
    """

    description: str
    method: str
    branch: tuple[BranchSettings, ...]
    stage: dict[str, StageSettings]
    noises: tuple[str, ...]
    sounds: tuple[str, ...] = ()
    seed: int = 1
    batch_clips: int = 24
    weight_decay: float = 0.05
    warmup_share: float = 0.1
    label_smoothing: float = 0.1
    set_aside_share: float = 0.15
    precision: Precision = "float32"
    surroundings: SurroundingSettings = field(default_factory=SurroundingSettings)
    frames: FrameSettings = field(default_factory=FrameSettings)

    @property
    def removes_offset(self) -> bool:
        """Whether it trains on samples whose offset is removed: always."""
        return True

    @property
    def feature_maps(self) -> tuple[FeatureMap, ...]:
        """The maps that the joined network takes, in the order of its branches."""
        return tuple(branch.feature_map for branch in self.branch)


def parse_mixture_recipe(name: str, table: Mapping[str, Any]) -> MixtureRecipe:
    """Return a recipe from the content of its file.

    Raises:
        SettingsError: a setting is missing, misspelled or of the wrong type.
    """
    return settings_from(MixtureRecipe, table, f"recipe {name}")


def name_without(recipe: str, corpus: str) -> str:
    """Return the name of a recipe from which a corpus is left out; its runs have a folder of it."""
    return f"{recipe}-without-{corpus}"


def leave_out(name: str, table: Mapping[str, Any], corpus: str) -> dict[str, Any]:
    """Return the content of a recipe's file without a corpus, to be scored on it afterwards.

    Background recordings of the corpus, which share its microphones and rooms, are left out too.

    Args:
        name: of the recipe.
        table: the content of its file.
        corpus: name of the corpus.

    Raises:
        SettingsError: the recipe is not trained on it, or on nothing else.
    """
    shares = {stage: dict(settings["shares"]) for stage, settings in table["stage"].items()}
    trained_on = {other for of_stage in shares.values() for other in of_stage}
    if corpus not in trained_on:
        raise SettingsError(
            f"recipe {name} is not trained on {corpus}",
            f"leave out {', '.join(sorted(trained_on))}",
        )
    for stage, of_stage in shares.items():
        of_stage.pop(corpus, None)
        if not of_stage:
            raise SettingsError(f"stage {stage} reads {corpus} alone", "leave out another corpus")
    stages = {stage: {**table["stage"][stage], "shares": shares[stage]} for stage in shares}
    noises = [noise for noise in table["noises"] if noise != f"background_{corpus}"]
    return {**table, "stage": stages, "noises": noises}


def load_mixture_recipe(name: str, folders: Sequence[Path] = (RECIPE_FOLDER,)) -> MixtureRecipe:
    """Read a recipe from its file.

    Raises:
        SettingsError: there is no such recipe, or its file is wrong.
    """
    return parse_mixture_recipe(name, read_recipe(name, folders))
