"""Learning from windows of frames: YAMNet's body trained further, as ``train/recipes`` says."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import log_loss

from realtime_ser.errors import SettingsError
from train.data.ravdess import Clip
from train.data.splits import Split
from train.data.utterances import UNCHANGED, Utterance, load_utterances
from train.evaluation.scores import accuracy_and_uar
from train.methods.backend import JIT_COMPILE
from train.methods.batches import Batches
from train.methods.convolutions import ConvolutionSettings, frame_convolutions, mean_and_highest
from train.methods.framing import window_logits
from train.methods.network import (
    Networks,
    classifier,
    embedder,
    freeze,
    load_published_weights,
    together,
    training_network,
)
from train.methods.runs import record_end, record_origin
from train.methods.window_recipe import FitSettings, WindowRecipe, window_recipe

EMBEDDER_FILE = "embedder.keras"
CLASSIFIER_FILE = "classifier.keras"
FIRST_FOLDER = "first"
COMPANION_FOLDER = "companion"

Float32 = NDArray[np.float32]


class WindowMethod:
    """One recipe of this kind.

    Args:
        name: the recipe's name.
        table: the content of its file.
        cache: folder where spectra are kept.

    Raises:
        SettingsError: a setting is missing or misspelt.
    """

    def __init__(self, name: str, table: Mapping[str, Any], cache: Path) -> None:
        self.name = name
        self.recipe = window_recipe(name, table)
        self._cache = cache

    def fit(self, split: Split, run: Path) -> None:
        """Train on ``split``: see ``Method.fit``."""
        fit(self.recipe, split, run, self._cache)

    def logits(self, clips: Sequence[Clip], run: Path) -> Float32:
        """Return the logits of each clip's last window: see ``Method.logits``."""
        embed, classify = load_networks(run)
        unchanged = load_utterances(clips, self.recipe.feature_maps, UNCHANGED, self._cache)
        return window_logits(embed, classify, unchanged, self.recipe.feature_maps)


class ValidationScores(keras.callbacks.Callback):  # type: ignore[misc]
    """Prints scores on the validation clips every few epochs; chooses nothing."""

    def __init__(
        self,
        networks: Networks,
        utterances: Sequence[Utterance],
        recipe: WindowRecipe,
        every: int = 10,
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
        labels = np.array([each.clip.label for each in self._utterances])
        accuracy, uar = accuracy_and_uar(labels, logits)
        print(
            f"epoch {epoch + 1}: validation accuracy {accuracy:.4f}, UAR {uar:.4f},"
            f" cross-entropy {log_loss(labels, softmax(logits, axis=1)):.4f}",
            flush=True,
        )


def fit(recipe: WindowRecipe, split: Split, run: Path, cache: Path) -> None:
    """Train a recipe and leave the networks in ``run``.

    Args:
        recipe: what to train.
        split: on what; its validation clips are scored and choose nothing.
        run: folder of the run: checkpoints, log, networks; a run that was cut short resumes. A
            companion has a folder of its own in it, and so has the network beside it.
        cache: folder where spectra are kept.
    """
    if recipe.companion is None:
        _fitted(recipe, split, run, cache)
    else:
        record_origin(recipe.name, split, run)
        first = _fitted(recipe, split, run / FIRST_FOLDER, cache)
        second = _fitted(recipe.companion, split, run / COMPANION_FOLDER, cache)
        _save(together(first, second), run)
    record_end(run, {"epochs": recipe.fit.epochs + recipe.fit.thawed_epochs})


def _fitted(recipe: WindowRecipe, split: Split, run: Path, cache: Path) -> Networks:
    """Return one network of a recipe, trained unless ``run`` holds it already."""
    if (run / CLASSIFIER_FILE).exists():
        return load_networks(run)
    keras.utils.set_random_seed(recipe.fit.seed)
    record_origin(recipe.name, split, run)
    utterances = load_utterances(split.training, recipe.feature_maps, recipe.variations, cache)
    embed, classify = _untrained(recipe)
    network = training_network(embed, classify, recipe.augmentation.frames)
    batches = Batches(utterances, recipe)
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.CSVLogger(run / "log.csv", append=True),
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: batches.begin(epoch)),
    ]
    if split.validation:
        unseen = load_utterances(split.validation, recipe.feature_maps, UNCHANGED, cache)
        callbacks.append(ValidationScores((embed, classify), unseen, recipe))
    first, last = recipe.fit.epochs, recipe.fit.epochs + recipe.fit.thawed_epochs
    _compile(network, recipe, _one_cycle(recipe.fit, first * len(batches)))
    _train(network, batches, range(first), run / "backup", callbacks)
    if last > first:
        freeze(embed, 0)
        # A model that Keras restored remembers that epoch as its first: this phase takes a new one.
        network = training_network(embed, classify, recipe.augmentation.frames)
        rate = keras.optimizers.schedules.CosineDecay(
            recipe.fit.thawed_learning_rate, (last - first) * len(batches)
        )
        _compile(network, recipe, rate)
        _train(network, batches, range(first, last), run / "backup-thawed", callbacks)
    _save((embed, classify), run)
    return embed, classify


def _untrained(recipe: WindowRecipe) -> Networks:
    """Return the networks of a frame and of a window as training begins."""
    if isinstance(recipe.network, ConvolutionSettings):
        embed = frame_convolutions(recipe.feature_maps, recipe.network)
        return embed, mean_and_highest(embed.output.shape[-1], recipe.network)
    embed = embedder(recipe.feature_maps, recipe.network)
    load_published_weights(embed)
    freeze(embed, recipe.network.frozen_layers)
    return embed, classifier(embed.output.shape[-1], recipe.network)


def _save(networks: Networks, run: Path) -> None:
    embed, classify = networks
    embed.save(run / EMBEDDER_FILE)
    classify.save(run / CLASSIFIER_FILE)


def load_networks(run: Path) -> Networks:
    """Return the embedder and the classifier of a finished run.

    Raises:
        SettingsError: the run is not finished.
    """
    if not (run / CLASSIFIER_FILE).exists():  # written last but one
        raise SettingsError(f"{run} holds no finished run", "train it first: python -m train fit")
    return (
        keras.saving.load_model(run / EMBEDDER_FILE),
        keras.saving.load_model(run / CLASSIFIER_FILE),
    )


def _one_cycle(
    settings: FitSettings, steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    warmup = round(settings.warmup_share * steps)
    return keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 25,
        steps - warmup,
        alpha=0.0,
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
    )


def _compile(
    network: keras.Model,
    recipe: WindowRecipe,
    rate: keras.optimizers.schedules.LearningRateSchedule,
) -> None:
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=recipe.fit.weight_decay),
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.fit.label_smoothing
        ),
        metrics=["accuracy"],
        jit_compile=JIT_COMPILE,
    )


def _train(
    network: keras.Model,
    batches: Batches,
    epochs: range,
    backup: Path,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Train for these epochs; goes on from ``backup`` where it was cut short."""
    resuming = keras.callbacks.BackupAndRestore(backup, delete_checkpoint=False)
    network.fit(
        batches,
        initial_epoch=epochs.start,
        epochs=epochs.stop,
        callbacks=[resuming, *callbacks],
        verbose=2,
    )
