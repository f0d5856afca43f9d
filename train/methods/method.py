"""What every way to learn labels from clips can do, so that all are compared alike."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from train.data.ravdess import Clip
from train.data.splits import Split

FINISHED_FILE = "finished.json"
"""Written last into the folder of a run; a run without it is unfinished and goes on."""


class Method(Protocol):
    """A recipe that can be fitted to a split and asked about clips.

    Attributes:
        name: the recipe's name.
    """

    name: str

    def fit(self, split: Split, run: Path) -> None:
        """Learn from ``split``, leaving everything in ``run``; goes on where it was cut short.

        Nothing of ``split.test`` may be looked at. ``FINISHED_FILE`` is written last.
        """

    def logits(self, clips: Sequence[Clip], run: Path) -> NDArray[np.float32]:
        """Return what a finished run makes of clips: float32 ``[clips, 8]``.

        They are log-probabilities up to a constant for each clip, so that dividing them by a
        temperature scales the confidence.
        """
