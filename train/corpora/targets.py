"""Labels as numbers, as networks and scores use them."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from realtime_ser.events import LABELS
from train.corpora.clip import Clip


def label_indices(clips: Iterable[Clip]) -> NDArray[np.int64]:
    """Return the clips' labels as indices into ``LABELS``, int64 ``[clips]``.

    Raises:
        ValueError: a clip has no label.
    """
    return np.array([_index(clip) for clip in clips], np.int64)


def _index(clip: Clip) -> int:
    if clip.label is None:
        raise ValueError(f"{clip.path} has no label")
    return LABELS.index(clip.label)
