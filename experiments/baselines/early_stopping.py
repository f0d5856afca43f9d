"""Trains Keras networks with early stopping, as the paper's recipes do.

Their training is short, so an interrupted run starts again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from realtime_ser.events import LABELS
from train.model.layers import JIT_COMPILE
from train.model.runs import record_end
from train.model.saved import LOG_FILE

NETWORK_FILE = "network.keras"

Float32 = NDArray[np.float32]
Augment = Callable[[Float32, np.random.Generator], Float32]


@dataclass(frozen=True, slots=True)
class StoppingSettings:
    """How the optimizer runs, and when it stops.

    Attributes:
        epochs: passes over the training examples, at most.
        batch_clips: examples of a batch.
        learning_rate: at the start.
        weight_decay: of AdamW; 0 makes it Adam.
        patience: epochs without a lower validation loss before training stops.
        plateau_patience: such epochs before the learning rate is reduced.
        plateau_factor: the learning rate is then multiplied by it.
        seed: of everything random.
    """

    epochs: int
    batch_clips: int
    learning_rate: float
    weight_decay: float
    patience: int
    plateau_patience: int
    plateau_factor: float
    seed: int


class Examples(keras.utils.PyDataset):  # type: ignore[misc]
    """Every example once per epoch, shuffled and augmented, reproducible from the seed.

    Args:
        values: inputs of the network, shape ``[examples, ...]``.
        labels: indices into ``LABELS``, shape ``[examples]``.
        settings: batch size and seed.
        augment: augments a batch.
    """

    def __init__(
        self,
        values: NDArray[np.floating],
        labels: NDArray[np.int64],
        settings: StoppingSettings,
        augment: Augment | None = None,
    ) -> None:
        super().__init__()
        self._values = values
        self._targets = one_hot(labels)
        self._settings = settings
        self._augment = augment
        self._epoch = 0
        self._order = self._shuffled()

    def __len__(self) -> int:
        return -(-len(self._values) // self._settings.batch_clips)

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        size = self._settings.batch_clips
        chosen = self._order[index * size : (index + 1) * size]
        values = self._values[chosen].astype(np.float32)
        if self._augment:
            random = np.random.default_rng([self._settings.seed, self._epoch, index + 1])
            values = self._augment(values, random)
        return values, self._targets[chosen]

    def on_epoch_end(self) -> None:
        """Shuffle for the next epoch."""
        self._epoch += 1
        self._order = self._shuffled()

    def _shuffled(self) -> NDArray[np.int64]:
        random = np.random.default_rng([self._settings.seed, self._epoch, 0])
        return random.permutation(len(self._values))


def one_hot(labels: NDArray[np.int64]) -> Float32:
    """Return targets for categorical cross-entropy, shape ``[clips, 8]``."""
    targets: Float32 = np.eye(len(LABELS), dtype=np.float32)[labels]
    return targets


def fit_with_early_stopping(
    network: keras.Model,
    training: keras.utils.PyDataset,
    validation: tuple[Float32, NDArray[np.int64]],
    settings: StoppingSettings,
    run: Path,
) -> None:
    """Train a network, and save it as it was at its best validation accuracy.

    Args:
        network: returns eight logits.
        training: batches and targets.
        validation: values and labels that decide when to stop, and what to save.
        settings: how the optimizer runs.
        run: folder for the network and the log.
    """
    best = keras.callbacks.ModelCheckpoint(
        run / NETWORK_FILE, monitor="val_accuracy", mode="max", save_best_only=True
    )
    network.compile(
        keras.optimizers.AdamW(settings.learning_rate, weight_decay=settings.weight_decay),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=JIT_COMPILE,
    )
    history = network.fit(
        training,
        validation_data=(validation[0], one_hot(validation[1])),
        epochs=settings.epochs,
        verbose=2,
        callbacks=[
            best,
            keras.callbacks.EarlyStopping(monitor="val_loss", patience=settings.patience),
            keras.callbacks.ReduceLROnPlateau(
                monitor="val_loss",
                patience=settings.plateau_patience,
                factor=settings.plateau_factor,
            ),
            keras.callbacks.CSVLogger(run / LOG_FILE),
        ],
    )
    epochs = len(history.history["loss"])
    record_end(run, {"epochs": epochs, "validation_accuracy": float(best.best)})


def predicted_logits(run: Path, values: Float32) -> Float32:
    """Return the logits of a run's network: ``[clips, 8]``."""
    network = keras.saving.load_model(run / NETWORK_FILE)
    logits: Float32 = network.predict(values, verbose=0)
    return logits
