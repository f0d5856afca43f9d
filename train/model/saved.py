"""The networks that a run saves, and the log of their training."""

from pathlib import Path

import keras

from realtime_ser.errors import SettingsError
from train.model.network import Networks

EMBEDDER_FILE = "embedder.keras"
CLASSIFIER_FILE = "classifier.keras"
LOG_FILE = "log.csv"


def save_networks(networks: Networks, run: Path) -> None:
    """Save the networks; the classifier is last, and shows that both are complete."""
    embed, classify = networks
    embed.save(run / EMBEDDER_FILE)
    classify.save(run / CLASSIFIER_FILE)


def has_networks(run: Path) -> bool:
    """Return whether a run has saved its networks."""
    return (run / CLASSIFIER_FILE).exists()


def load_networks(run: Path) -> Networks:
    """Return the embedder and the classifier of a finished run.

    Raises:
        SettingsError: the run is not finished.
    """
    if not has_networks(run):
        raise SettingsError(f"{run} holds no finished run", "train it first: python -m train fit")
    return (
        keras.saving.load_model(run / EMBEDDER_FILE),
        keras.saving.load_model(run / CLASSIFIER_FILE),
    )
