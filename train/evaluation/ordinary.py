"""Protocol ``ordinary``: what everyday speech, which shows no strong emotion, is called."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime_ser.events import UNCERTAIN
from train.corpora.clip import Clip
from train.corpora.corpus import QUIET_LABELS
from train.evaluation.analyses import ClipAnalysis
from train.evaluation.bootstrap import Interval, Unit
from train.evaluation.scores import COLUMNS
from train.evaluation.speaker_scores import mean_interval

UNEMOTIONAL = (*QUIET_LABELS, UNCERTAIN)
"""The labels that do not claim an emotion which is not there."""


@dataclass(frozen=True, slots=True)
class OrdinaryScores:
    """What the clips of ordinary speech are called.

    Attributes:
        unit: what the interval is over: ``speakers``, or ``clips`` where these are unknown.
        units: their number.
        unemotional: share of clips called neutral, calm or uncertain.
        unemotional_interval: at 95 %, ``None`` for a single speaker.
        shares: share of the clips by what they are called, including ``no speech``; they sum to 1.
    """

    unit: Unit
    units: int
    unemotional: float
    unemotional_interval: Interval | None
    shares: dict[str, float]


def ordinary_scores(clips: Sequence[Clip], analyses: Sequence[ClipAnalysis]) -> OrdinaryScores:
    """Score what the program says about clips of ordinary speech.

    Args:
        clips: at least one.
        analyses: one for each clip.
    """
    counts = Counter(analysis.label for analysis in analyses)
    unemotional = np.array([analysis.label in UNEMOTIONAL for analysis in analyses])
    unit, interval = mean_interval(clips, unemotional)
    return OrdinaryScores(
        unit=unit,
        units=len(clips) if unit == "clips" else len({clip.speaker for clip in clips}),
        unemotional=float(unemotional.mean()),
        unemotional_interval=interval,
        shares={label: counts[label] / len(analyses) for label in COLUMNS},
    )
