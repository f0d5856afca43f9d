"""Fits a mixture recipe to a split of RAVDESS: shared pretraining, then every branch by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import Frame, Frontend
from realtime_ser.emotion.spectra import FeatureMap
from realtime_ser.settings import Settings
from train.audio.speech import load_samples
from train.corpora import ravdess
from train.corpora.clip import Clip
from train.corpora.splits import Split
from train.model.branches import BranchSettings, join_branches
from train.model.calibration import Calibration
from train.model.material import (
    gather_recordings,
    gather_sounds,
    gather_sources,
    training_clips,
)
from train.model.mixture import MixedBatches, Source
from train.model.mixture_recipe import MixtureRecipe, StageSettings, parse_mixture_recipe
from train.model.network import Networks
from train.model.runs import is_finished, record_end, record_origin
from train.model.saved import has_networks, load_networks, save_networks
from train.model.speech_output import SCORES_FILE, fit_speech_output
from train.model.stages import (
    STEPS_OF_AN_EPOCH,
    fit_branch,
    published_branch,
    rebuild_branch,
)

METHOD = "mixture"
"""What the recipes of this kind state as their ``method``."""

PRETRAINING, TRAINING = "pretraining", "training"

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Places:
    """Where training reads and writes.

    Attributes:
        corpora: folder of the corpora.
        byols: file of the published BYOL-S weights.
        runs: folder of the recipe's runs; pretraining has one that all splits share.
        cache: folder of decoded speech.
    """

    corpora: Path
    byols: Path
    runs: Path
    cache: Path


class MixtureMethod:
    """A recipe of this kind as a ``train.model.method.Method``.

    Args:
        name: the recipe's name.
        table: the content of its file.
        places: folders; ``places.runs`` is replaced by the folder that holds the run.

    Raises:
        SettingsError: a setting is missing, misspelled or of the wrong type.
    """

    streams = True

    def __init__(self, name: str, table: Mapping[str, Any], places: Places) -> None:
        self.name = name
        self.recipe = parse_mixture_recipe(name, table)
        self.description = self.recipe.description
        self._places = places

    def fit(self, split: Split, run: Path) -> None:
        """Train on ``split``: see ``Method.fit``."""
        fit_mixture(self.name, self.recipe, split, replace(self._places, runs=run.parent))

    def logits(self, clips: Sequence[Clip], run: Path) -> Float32:
        """Return the logits of each clip's last window: see ``Method.logits``."""
        networks = load_networks(run)
        utterances = load_samples(clips, self._places.cache)
        return last_window_logits(utterances, networks, self.recipe.feature_maps)

    def export(self, run: Path, folder: Path, split: Split, prior: float = 0.0) -> None:
        """Write a model folder: see ``Method.export``."""
        from train.model.export import export

        voices = self.training_clips(split)
        export(self.recipe, run, folder, Calibration(prior), voices=voices)

    def fit_speech_output(self, split: Split, run: Path) -> None:
        """Fit the speech output of a finished run, unless that is done."""
        if not (run / SCORES_FILE).exists():
            places = replace(self._places, runs=run.parent)
            fit_speech(self.recipe, load_networks(run), split, places)

    @property
    def corpora(self) -> Path:
        """The folder of the corpora."""
        return self._places.corpora

    def training_clips(self, split: Split) -> list[Clip]:
        """Return all clips that a run of a split is trained on, of every corpus."""
        return [
            clip
            for name in self.recipe.stage[TRAINING].shares
            for clip in training_clips(self.recipe, name, self._places.corpora, split.training)
        ]


def last_window_logits(
    utterances: Sequence[NDArray[np.int16]],
    networks: Networks,
    feature_maps: Sequence[FeatureMap],
) -> Float32:
    """Return the logits of each utterance's last window, float32 ``[utterances, 8]``.

    Args:
        utterances: 16 kHz, int16, shape ``[n]`` each.
        networks: embedder and classifier.
        feature_maps: what the embedder takes, in its order.
    """
    windows = [_last_frames(samples, feature_maps) for samples in utterances]
    embed, classify = networks
    maps = [
        np.concatenate([[frame.maps[each.name] for frame in frames] for frames in windows])
        for each in feature_maps
    ]
    positions = embed.predict(maps if len(maps) > 1 else maps[0], batch_size=64, verbose=0)
    ends = np.cumsum([len(frames) for frames in windows])[:-1]
    logits = [
        np.asarray(classify(window.reshape(1, -1, window.shape[-1]), training=False))[0]
        for window in np.split(positions, ends)
    ]
    return np.stack(logits)


def _last_frames(samples: NDArray[np.int16], feature_maps: Sequence[FeatureMap]) -> list[Frame]:
    settings = Settings()
    frontend = Frontend(settings.hop_steps, tuple(feature_maps))
    return [*frontend.process(samples), *frontend.flush()][-settings.window_frames :]


def fit_mixture(name: str, recipe: MixtureRecipe, split: Split, places: Places) -> None:
    """Train a recipe on a split, but for its speech output; an interrupted run resumes.

    Args:
        name: of the recipe.
        recipe: what to train.
        split: its training side is the RAVDESS that is trained on.
        places: folders.

    Raises:
        RealtimeSerError: a corpus or the published weights are missing or damaged.
    """
    run = places.runs / split.name
    if is_finished(run):
        return
    corpora = {corpus for stage in recipe.stage.values() for corpus in stage.shares}
    reads_ravdess = ravdess.CORPUS in corpora
    read = split if reads_ravdess else replace(split, training=())
    record_origin(name, read, run, [*corpora, *recipe.noises, *recipe.sounds])
    gather_sounds(recipe.sounds, places.corpora, places.cache)  # export needs them: report early
    for branch in recipe.branch:
        fit_one_branch(recipe, branch, split, places)
    networks = join_branches(
        [rebuild_branch(branch, run / branch.name) for branch in recipe.branch]
    )
    save_networks(networks, run)
    steps = {name: stage.steps + stage.thawed_steps for name, stage in recipe.stage.items()}
    record_end(run, {"steps": steps})


def fit_one_branch(
    recipe: MixtureRecipe, branch: BranchSettings, split: Split, places: Places
) -> Networks:
    """Pretrain a branch, unless that is done, and train it on a split.

    Branches do not depend on each other, so that each may have a process of its own.
    """
    pretrained_run = places.runs / PRETRAINING / branch.name
    stage = recipe.stage[PRETRAINING]
    if not has_networks(pretrained_run):
        keras.utils.set_random_seed(recipe.seed)
        batches = _batches(recipe, branch, stage, Split(PRETRAINING, (), (), ()), places)
        published = published_branch(branch, batches, places.byols)
        fit_branch(recipe, branch, stage, batches, pretrained_run, published)
    keras.utils.set_random_seed(recipe.seed)
    stage = recipe.stage[TRAINING]
    batches = _batches(recipe, branch, stage, split, places)
    run = places.runs / split.name / branch.name
    return fit_branch(recipe, branch, stage, batches, run, load_networks(pretrained_run))


def fit_speech(recipe: MixtureRecipe, networks: Networks, split: Split, places: Places) -> None:
    """Fit the speech output of a split's networks."""
    fit_speech_output(
        networks[0],
        recipe.feature_maps,
        _sources(recipe, recipe.stage[TRAINING], split, places),
        gather_sounds(recipe.noises, places.corpora, places.cache),
        gather_sounds(recipe.sounds, places.corpora, places.cache),
        places.runs / split.name,
        recipe.seed,
    )


def _batches(
    recipe: MixtureRecipe,
    branch: BranchSettings,
    stage: StageSettings,
    split: Split,
    places: Places,
) -> MixedBatches:
    sources = _sources(recipe, stage, split, places)
    return MixedBatches(
        sources,
        gather_recordings(recipe, sources, places.corpora, places.cache),
        recipe.surroundings,
        recipe.frames,
        (branch.feature_map,),
        recipe.batch_clips,
        STEPS_OF_AN_EPOCH,
        recipe.seed,
    )


def _sources(
    recipe: MixtureRecipe, stage: StageSettings, split: Split, places: Places
) -> list[Source]:
    return gather_sources(recipe, stage.shares, places.corpora, split.training, places.cache)
