"""Protocol ``sounds``: how much speech is reported in recordings without any."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.corpora.clip import Clip
from train.evaluation.analyses import ClipAnalysis
from train.evaluation.bootstrap import Groups, Interval, Rows, bootstrap_interval
from train.evaluation.predictions import NO_SPEECH

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SoundClass:
    """The speech reported in one class of sounds.

    Attributes:
        name: of the class: the folder that holds its clips.
        clips: their number.
        seconds_per_minute: seconds of reported speech per minute of sound.
        with_speech: share of the clips in which any speech is reported.
        labels: share of the clips called each label, the most frequent first; the rest has no
            speech.
    """

    name: str
    clips: int
    seconds_per_minute: float
    with_speech: float
    labels: dict[str, float]


@dataclass(frozen=True, slots=True)
class SoundsScores:
    """The speech reported in recordings without speech.

    Attributes:
        minutes: length of all clips.
        seconds_per_minute: seconds of reported speech per minute of sound.
        interval: of the same, at 95 % over clips; ``None`` for a single clip.
        with_speech: share of the clips in which any speech is reported.
        classes: by class, in the order of their names.
    """

    minutes: float
    seconds_per_minute: float
    interval: Interval | None
    with_speech: float
    classes: tuple[SoundClass, ...]


def sounds_scores(clips: Sequence[Clip], analyses: Sequence[ClipAnalysis]) -> SoundsScores:
    """Score what the program says about recordings without speech.

    Args:
        clips: at least one.
        analyses: one for each clip.
    """
    speech = np.array([analysis.speech_seconds for analysis in analyses])
    lengths = np.array([analysis.duration for analysis in analyses])
    rate = _rate(speech, lengths)
    every = np.arange(len(clips))
    groups = Groups("clips", tuple(every[row : row + 1] for row in every))
    names = np.array([clip.path.parent.name for clip in clips])
    return SoundsScores(
        minutes=float(lengths.sum() / 60),
        seconds_per_minute=rate(every),
        interval=bootstrap_interval(groups, rate),
        with_speech=float((speech > 0).mean()),
        classes=tuple(
            _class(name, np.flatnonzero(names == name), rate, analyses)
            for name in sorted(set(names))
        ),
    )


def _rate(speech: Float64, lengths: Float64) -> Callable[[Rows], float]:
    def rate(rows: Rows) -> float:
        return float(60 * speech[rows].sum() / lengths[rows].sum())

    return rate


def _class(
    name: str, rows: Rows, rate: Callable[[Rows], float], analyses: Sequence[ClipAnalysis]
) -> SoundClass:
    chosen = [analyses[row] for row in rows]
    with_speech = sum(analysis.speech_seconds > 0 for analysis in chosen) / len(chosen)
    counts = Counter(analysis.label for analysis in chosen if analysis.label != NO_SPEECH)
    labels = {label: count / len(chosen) for label, count in counts.most_common()}
    return SoundClass(str(name), len(rows), rate(rows), with_speech, labels)
