"""The interface of everything that learns labels from clips, so that all are scored alike."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from train.corpora.clip import Clip
from train.corpora.splits import Split


class Method(Protocol):
    """A recipe that can be trained on a split and applied to clips.

    Attributes:
        name: the recipe's name.
        description: what the recipe is, in a few words; may be empty.
        streams: whether it supports ``export``, and can be scored through the live pipeline.
    """

    name: str
    description: str
    streams: bool

    def fit(self, split: Split, run: Path) -> None:
        """Train on ``split``, writing everything to ``run``; resumes an interrupted run.

        It must not use ``split.test``. ``train.model.runs.FINISHED_FILE`` is written last.
        """

    def logits(self, clips: Sequence[Clip], run: Path) -> NDArray[np.float32]:
        """Return what a finished run predicts for clips: float32 ``[clips, 8]``.

        They are log-probabilities up to a constant per clip, so that dividing them by a temperature
        scales the confidence.
        """

    def export(self, run: Path, folder: Path, split: Split, prior: float = 0.0) -> None:
        """Write a finished run of ``split`` to the model folder ``folder``, at temperature 1.

        ``prior`` is what is subtracted from the logits of neutral and calm, in nats.
        """
