"""Trains one branch through one stage; a run that was interrupted resumes."""

import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from train.model.branches import (
    BranchSettings,
    build_branch,
    freeze_branch,
    load_byols_weights,
    standardize_map,
)
from train.model.byols import read_byols
from train.model.layers import JIT_COMPILE
from train.model.mixture import MixedBatches
from train.model.mixture_recipe import MixtureRecipe, StageSettings
from train.model.network import Networks, training_network
from train.model.objective import LabelSetAccuracy, LabelSetLoss
from train.model.saved import LOG_FILE, has_networks, load_networks, save_networks
from train.model.schedule import warmup_and_cosine
from train.model.yamnet import load_published_weights

STEPS_OF_AN_EPOCH = 50
BATCHES_FOR_STATISTICS = 10


def fit_branch(
    recipe: MixtureRecipe,
    branch: BranchSettings,
    stage: StageSettings,
    batches: MixedBatches,
    run: Path,
    start: Networks,
) -> Networks:
    """Train a branch, and leave it with its log and checkpoints in ``run``.

    Args:
        recipe: batch size, loss, optimizer.
        branch: which branch.
        stage: how long, and how fast.
        batches: what it is trained on.
        run: folder of this branch's run.
        start: the networks to start from, of float32.

    Returns:
        ``start`` with the weights that were trained.
    """
    if has_networks(run):
        return load_networks(run)
    run.mkdir(parents=True, exist_ok=True)
    embed, classify = trained = build_branch(branch, recipe.precision)
    _copy_weights(start, trained)
    frozen = (branch.frozen_layers, stage.steps, stage.rate, recipe.warmup_share)
    thawed = (0, stage.thawed_steps, stage.rate * stage.thawed_rate, 0.0)
    first_epoch = 0
    for number, (layers_frozen, steps, rate, warmup) in enumerate((frozen, thawed)):
        if not steps:
            continue
        freeze_branch(embed, branch, layers_frozen)
        network = training_network(embed, classify, recipe.frames.count)
        _compile(network, recipe, warmup_and_cosine(branch.learning_rate * rate, steps, warmup))
        epochs = range(first_epoch, first_epoch + -(-steps // STEPS_OF_AN_EPOCH))
        _train(network, batches, epochs, run, number)
        first_epoch = epochs.stop
    _copy_weights(trained, start)
    save_networks(start, run)
    return start


def published_branch(branch: BranchSettings, batches: MixedBatches, byols_file: Path) -> Networks:
    """Return a branch whose body has the published weights and whose classifier is random.

    Raises:
        RealtimeSerError: the published weights cannot be read.
    """
    embed, classify = build_branch(branch)
    if branch.body == "yamnet":
        load_published_weights(embed)
        return embed, classify
    load_byols_weights(embed, read_byols(byols_file))
    name = branch.feature_map.name
    values = np.stack([batches[index][0][name] for index in range(BATCHES_FOR_STATISTICS)])
    standardize_map(embed, float(values.mean()), float(values.std()))
    return embed, classify


def rebuild_branch(branch: BranchSettings, run: Path) -> Networks:
    """Return a finished branch built anew, so that no two operations of a process share a name.

    Keras joins networks only if the names of their operations differ, and saved ones repeat.
    """
    rebuilt = build_branch(branch)
    _copy_weights(load_networks(run), rebuilt)
    return rebuilt


def _copy_weights(source: Networks, target: Networks) -> None:
    for network, like in zip(target, source, strict=True):
        network.set_weights(like.get_weights())


def _compile(
    network: keras.Model,
    recipe: MixtureRecipe,
    rate: keras.optimizers.schedules.LearningRateSchedule,
) -> None:
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay),
        LabelSetLoss(recipe.label_smoothing),
        metrics=[LabelSetAccuracy(name="accuracy")],
        jit_compile=JIT_COMPILE,
    )


class _EpochLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Prints each epoch's loss, accuracy and time in one line."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Print the line."""
        values = ", ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        print(f"epoch {epoch + 1}: {values}, {time.monotonic() - self._start:.0f} s", flush=True)


def _train(
    network: keras.Model, batches: MixedBatches, epochs: Sequence[int], run: Path, number: int
) -> None:
    backup = run / f"backup-{number}"
    callbacks = [
        keras.callbacks.BackupAndRestore(backup, delete_checkpoint=False),
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: batches.start_epoch(epoch)),
        keras.callbacks.CSVLogger(run / LOG_FILE, append=True),
        _EpochLog(),
    ]
    network.fit(
        batches,
        initial_epoch=epochs[0],
        epochs=epochs[-1] + 1,
        callbacks=callbacks,
        verbose=0,
    )
