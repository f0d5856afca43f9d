"""Fitting: one recipe on some actors, resumable, into a run folder."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from train.batches import Batches
from train.evaluate import predict, scores
from train.network import classifier, embedder, load_published_weights, training_network
from train.ravdess import TRAINING_ACTORS, VALIDATION_ACTORS, list_clips
from train.recipe import Recipe
from train.utterances import Utterance, load_utterances

ORIGIN_FILE = "origin.json"
"""Where a run's folder says what it was trained by and on."""


class ValidationScores(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds the unweighted average recall on unseen actors to the log, every few epochs."""

    def __init__(
        self,
        networks: tuple[keras.Model, keras.Model],
        utterances: list[Utterance],
        recipe: Recipe,
        every: int = 5,
    ) -> None:
        super().__init__()
        self._networks = networks
        self._utterances = utterances
        self._recipe = recipe
        self._every = every
        self.last: dict[str, object] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Score the utterances, and print the result."""
        if (epoch + 1) % self._every and epoch + 1 != self._recipe.fit.epochs:
            return
        logits = predict(*self._networks, self._utterances, self._recipe.feature_maps)
        labels = np.array([each.clip.label for each in self._utterances])
        self.last = scores(labels, logits)
        print(f"\nepoch {epoch + 1}: validation UAR {self.last['uar']:.4f}", flush=True)


def fit(recipe: Recipe, data: Path, run: Path, *, final: bool) -> None:
    """Train a recipe and leave the networks in ``run``.

    Args:
        recipe: what to train.
        data: folder of RAVDESS.
        run: folder of the run: checkpoints, log, networks and scores; a run that was cut short
            resumes.
        final: train on the validation actors too, and score nothing.
    """
    keras.utils.set_random_seed(recipe.fit.seed)
    run.mkdir(parents=True, exist_ok=True)
    actors = (*TRAINING_ACTORS, *VALIDATION_ACTORS) if final else TRAINING_ACTORS
    _record_origin(recipe, actors, run / ORIGIN_FILE)
    cache = run.parent / "cache"
    speeds = recipe.augmentation.speeds
    utterances = load_utterances(list_clips(data, actors), recipe.feature_maps, speeds, cache)
    embed = embedder(recipe.feature_maps, recipe.network)
    load_published_weights(embed)
    classify = classifier(embed.output.shape[-1], recipe.network)
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.BackupAndRestore(run / "backup", delete_checkpoint=False),
        keras.callbacks.CSVLogger(run / "log.csv", append=True),
    ]
    validation = None
    if not final:
        clips = list_clips(data, VALIDATION_ACTORS)
        unseen = load_utterances(clips, recipe.feature_maps, (1.0,), cache)
        validation = ValidationScores((embed, classify), unseen, recipe)
        callbacks.append(validation)
    _train(
        recipe,
        Batches(utterances, recipe),
        training_network(embed, classify, recipe.augmentation.frames),
        callbacks,
    )
    embed.save(run / "embedder.keras")
    classify.save(run / "classifier.keras")
    if validation is not None:
        (run / "validation.json").write_text(json.dumps(validation.last, indent=1) + "\n")


def _train(
    recipe: Recipe,
    batches: Batches,
    network: keras.Model,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    settings = recipe.fit
    steps = settings.epochs * len(batches)
    warmup = round(settings.warmup_share * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 25,
        steps - warmup,
        alpha=0.0,
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
    )
    network.compile(
        keras.optimizers.AdamW(schedule, weight_decay=settings.weight_decay),
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=settings.label_smoothing
        ),
        metrics=["accuracy"],
        jit_compile=False,
    )
    network.fit(batches, epochs=settings.epochs, callbacks=callbacks, verbose=2)


def _record_origin(recipe: Recipe, actors: Sequence[int], path: Path) -> None:
    """Write down recipe, actors and commit of a run that begins."""
    if not path.exists():
        command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        origin = {"recipe": recipe.name, "commit": commit, "actors": list(actors)}
        path.write_text(json.dumps(origin) + "\n")
