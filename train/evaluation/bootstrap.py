"""Bootstrap intervals over speakers.

Clips of one speaker resemble each other, so whole speakers are drawn with replacement rather than
clips (cluster bootstrap: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application,
1997, section 3.8; L. Ferrer and P. Riera, Confidence Intervals for evaluation in machine learning,
https://github.com/luferrer/ConfidenceIntervals).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from train.corpora.clip import Clip
from train.corpora.index import UNKNOWN_SPEAKER

CONFIDENCE = 0.95
RESAMPLES = 1000
SEED = 1

Rows = NDArray[np.int64]
Unit = Literal["speakers", "clips"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile interval at a confidence of 95 %."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Groups:
    """The units that a bootstrap draws.

    Attributes:
        unit: ``speakers``; ``clips`` where the corpus does not say who speaks.
        rows: for each unit the indices of its clips, int64, shape ``[clips of the unit]``.
    """

    unit: Unit
    rows: tuple[Rows, ...]


def group_by_speaker(clips: Sequence[Clip]) -> Groups:
    """Return the clips of each speaker, in the order in which the speakers first occur.

    Each clip is a unit of its own if the corpus leaves the speaker of any of them unknown.
    """
    if any(clip.speaker == UNKNOWN_SPEAKER for clip in clips):
        return Groups("clips", tuple(np.array([row], np.int64) for row in range(len(clips))))
    rows: dict[tuple[str, str], list[int]] = {}
    for row, clip in enumerate(clips):
        rows.setdefault((clip.corpus, clip.speaker), []).append(row)
    return Groups("speakers", tuple(np.array(row, np.int64) for row in rows.values()))


def bootstrap_interval(groups: Groups, statistic: Callable[[Rows], float]) -> Interval | None:
    """Return the interval of a score, ``None`` with fewer than two units.

    The same groups and score always give the same interval. With few units it is too narrow: four
    speakers are a rough guide at best.

    Args:
        groups: what is drawn with replacement.
        statistic: returns the score of the clips with these indices, which may occur repeatedly.
    """
    if len(groups.rows) < 2:
        return None

    def of_units(units: Rows) -> float:
        return statistic(np.concatenate([groups.rows[unit] for unit in units]))

    result = bootstrap(
        (np.arange(len(groups.rows)),),
        of_units,
        n_resamples=RESAMPLES,
        vectorized=False,
        confidence_level=CONFIDENCE,
        method="percentile",
        random_state=np.random.default_rng(SEED),
    )
    low, high = result.confidence_interval
    return Interval(float(low), float(high))
