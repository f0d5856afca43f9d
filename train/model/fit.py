"""Trains the networks of a recipe: YAMNet's body on frames of utterances, and its companion."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import accuracy_score, log_loss, recall_score

from train.audio.utterances import UNCHANGED, Utterance, load_utterances
from train.corpora.clip import Clip
from train.corpora.splits import Split
from train.corpora.targets import label_indices
from train.model.batches import Batches
from train.model.calibration import Calibration
from train.model.companion import (
    CompanionSettings,
    companion_classifier,
    companion_embedder,
    ensemble,
)
from train.model.framing import window_logits
from train.model.layers import JIT_COMPILE
from train.model.network import Networks, classifier, embedder, freeze, training_network
from train.model.recipe import Recipe, parse_recipe
from train.model.recipe_files import read_recipe
from train.model.runs import record_end, record_origin
from train.model.saved import LOG_FILE, has_networks, load_networks, save_networks
from train.model.schedule import warmup_and_cosine
from train.model.yamnet import load_published_weights

METHOD = "windows"
"""What the recipes of this kind state as their ``method``."""

FIRST_FOLDER = "first"
COMPANION_FOLDER = "companion"

Float32 = NDArray[np.float32]


class WindowMethod:
    """A recipe of this kind as a ``train.model.method.Method``.

    Args:
        name: the recipe's name.
        table: the content of its file.
        cache: folder where spectra are cached.

    Raises:
        SettingsError: a setting is missing, misspelled or of the wrong type.
    """

    streams = True

    def __init__(self, name: str, table: Mapping[str, Any], cache: Path) -> None:
        self.name = name
        self.description = str(table.get("description", ""))
        self.recipe = parse_recipe(name, table)
        self._cache = cache

    def fit(self, split: Split, run: Path) -> None:
        """Train on ``split``: see ``Method.fit``."""
        fit(self.recipe, split, run, self._cache)

    def logits(self, clips: Sequence[Clip], run: Path) -> Float32:
        """Return the logits of each clip's last window: see ``Method.logits``."""
        embed, classify = load_networks(run)
        unchanged = load_utterances(clips, self.recipe.feature_maps, UNCHANGED, self._cache)
        return window_logits(embed, classify, unchanged, self.recipe.feature_maps)

    def export(self, run: Path, folder: Path, split: Split, prior: float = 0.0) -> None:
        """Write a model folder: see ``Method.export``."""
        from train.model.export import export

        voices = self.training_clips(split)
        export(self.recipe, run, folder, Calibration(prior), voices=voices)

    def training_clips(self, split: Split) -> list[Clip]:
        """Return all clips that a run of a split is trained on."""
        return list(split.training)


def open_method(name: str, cache: Path) -> WindowMethod:
    """Return a recipe of ``train/recipes``, ready to be trained.

    Raises:
        SettingsError: there is no such recipe, or its file is wrong.
    """
    return WindowMethod(name, read_recipe(name), cache)


def fit(recipe: Recipe, split: Split, run: Path, cache: Path) -> None:
    """Train a recipe and save its networks in ``run``.

    Args:
        recipe: what to train.
        split: the clips; its validation clips are only scored.
        run: folder of the run, for checkpoints, log and networks; an interrupted run is resumed.
            With a companion, each of the two networks has a folder of its own in it.
        cache: folder where spectra are cached.
    """
    if recipe.companion is None:
        _fit_networks(recipe, split, run, cache)
    else:
        record_origin(recipe.name, split, run)
        first = _fit_networks(recipe, split, run / FIRST_FOLDER, cache)
        second = _fit_networks(recipe.companion, split, run / COMPANION_FOLDER, cache)
        save_networks(ensemble(first, second), run)
    record_end(run, {"epochs": recipe.fit.epochs + recipe.fit.thawed_epochs})


class ValidationScores(keras.callbacks.Callback):  # type: ignore[misc]
    """Prints scores of the validation clips every few epochs, and after the last."""

    def __init__(
        self, networks: Networks, utterances: Sequence[Utterance], recipe: Recipe, every: int = 10
    ) -> None:
        super().__init__()
        self._networks = networks
        self._utterances = utterances
        self._recipe = recipe
        self._last = recipe.fit.epochs + recipe.fit.thawed_epochs
        self._every = every

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Score the utterances, and print the result."""
        if (epoch + 1) % self._every and epoch + 1 != self._last:
            return
        logits = window_logits(*self._networks, self._utterances, self._recipe.feature_maps)
        labels = label_indices(utterance.clip for utterance in self._utterances)
        guesses = logits.argmax(axis=1)
        print(
            f"epoch {epoch + 1}: validation accuracy {accuracy_score(labels, guesses):.4f},"
            f" UAR {recall_score(labels, guesses, average='macro'):.4f},"
            f" cross-entropy {log_loss(labels, softmax(logits, axis=1)):.4f}",
            flush=True,
        )


def _fit_networks(recipe: Recipe, split: Split, run: Path, cache: Path) -> Networks:
    """Return one pair of networks, trained unless ``run`` holds it already."""
    if has_networks(run):
        return load_networks(run)
    keras.utils.set_random_seed(recipe.fit.seed)
    record_origin(recipe.name, split, run)
    utterances = load_utterances(split.training, recipe.feature_maps, recipe.variations, cache)
    networks = _untrained(recipe)
    batches = Batches(utterances, recipe)
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.CSVLogger(run / LOG_FILE, append=True),
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: batches.begin(epoch)),
    ]
    if split.validation:
        validation = load_utterances(split.validation, recipe.feature_maps, UNCHANGED, cache)
        callbacks.append(ValidationScores(networks, validation, recipe))
    thawed_from = recipe.fit.epochs
    last = thawed_from + recipe.fit.thawed_epochs
    settings = recipe.fit
    rate = warmup_and_cosine(
        settings.learning_rate, thawed_from * len(batches), settings.warmup_share
    )
    network = _compiled(networks, recipe, rate)
    _train(network, batches, range(thawed_from), run / "backup", callbacks)
    if last > thawed_from:
        freeze(networks[0], 0)
        rate = keras.optimizers.schedules.CosineDecay(
            recipe.fit.thawed_learning_rate, recipe.fit.thawed_epochs * len(batches)
        )
        # A new model: one that Keras restored would take the restored epoch for its first.
        network = _compiled(networks, recipe, rate)
        _train(network, batches, range(thawed_from, last), run / "backup-thawed", callbacks)
    save_networks(networks, run)
    return networks


def _untrained(recipe: Recipe) -> Networks:
    """Return the networks of a frame and of a window at the start of the training."""
    if isinstance(recipe.network, CompanionSettings):
        embed = companion_embedder(recipe.feature_maps, recipe.network)
        return embed, companion_classifier(embed.output.shape[-1], recipe.network)
    embed = embedder(recipe.feature_maps, recipe.network)
    load_published_weights(embed)
    freeze(embed, recipe.network.frozen_layers)
    return embed, classifier(embed.output.shape[-1], recipe.network)


def _compiled(
    networks: Networks,
    recipe: Recipe,
    rate: keras.optimizers.schedules.LearningRateSchedule,
) -> keras.Model:
    network = training_network(*networks, recipe.augmentation.frames)
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=recipe.fit.weight_decay),
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.fit.label_smoothing
        ),
        metrics=["accuracy"],
        jit_compile=JIT_COMPILE,
    )
    return network


def _train(
    network: keras.Model,
    batches: Batches,
    epochs: range,
    backup: Path,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Train for these epochs, continuing from ``backup`` if it exists."""
    resume = keras.callbacks.BackupAndRestore(backup, delete_checkpoint=False)
    network.fit(
        batches,
        initial_epoch=epochs.start,
        epochs=epochs.stop,
        callbacks=[resume, *callbacks],
        verbose=2,
    )
