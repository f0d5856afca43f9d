"""Protocol ``cross-corpus``: the labels of a corpus that the network was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass

from train.corpora.clip import Clip
from train.corpora.corpus import Corpus
from train.evaluation.analyses import ClipAnalysis
from train.evaluation.bootstrap import Interval, Unit
from train.evaluation.outcomes import (
    calibration_error,
    mean_recall,
    outcomes_of_corpus,
    recalls,
)
from train.evaluation.speaker_scores import (
    Coverage,
    Worst,
    coverage_of,
    mean_interval,
    uar_interval,
    uar_of_sex,
    worst_speaker,
)


@dataclass(frozen=True, slots=True)
class CrossCorpusScores:
    """The scores of a corpus, by the likeliest label among those that it has.

    Where the corpus lacks ``calm``, calm counts as neutral. Clips without speech count as wrong;
    ``uncertain`` does not matter except for ``coverage``.

    Attributes:
        unit: what the intervals are over: ``speakers``, or ``clips`` where these are unknown.
        units: their number.
        uar: unweighted average recall.
        uar_interval: at 95 %, ``None`` for a single speaker.
        accuracy: share of the clips that are right.
        accuracy_interval: at 95 %.
        chance: the UAR of guessing.
        calibration_error: expected calibration error over the corpus's labels, of clips with
            speech; ``None`` without any.
        coverage: how often a label is shown.
        no_speech: share of clips in which the gate found no speech.
        recall: of each label, ``None`` without clips of it.
        uar_women: ``None`` where the corpus has no women, or does not say.
        uar_men: the same of men.
        worst: the speaker with the lowest UAR.
    """

    unit: Unit
    units: int
    uar: float
    uar_interval: Interval | None
    accuracy: float
    accuracy_interval: Interval | None
    chance: float
    calibration_error: float | None
    coverage: Coverage
    no_speech: float
    recall: dict[str, float | None]
    uar_women: float | None
    uar_men: float | None
    worst: Worst | None


def cross_corpus_scores(
    corpus: Corpus, clips: Sequence[Clip], analyses: Sequence[ClipAnalysis]
) -> CrossCorpusScores:
    """Score what the program says about a corpus's clips.

    Args:
        corpus: one with labels.
        clips: of the corpus, at least one.
        analyses: one for each clip.
    """
    outcomes = outcomes_of_corpus(corpus, clips, analyses)
    right = outcomes.right
    unit, accuracy_interval = mean_interval(clips, right)
    return CrossCorpusScores(
        unit=unit,
        units=len(clips) if unit == "clips" else len({clip.speaker for clip in clips}),
        uar=mean_recall(outcomes.truth, right),
        uar_interval=uar_interval(outcomes, right),
        accuracy=float(right.mean()),
        accuracy_interval=accuracy_interval,
        chance=1 / len(corpus.labels),
        calibration_error=calibration_error(outcomes),
        coverage=coverage_of(outcomes),
        no_speech=float(1 - outcomes.has_speech.mean()),
        recall=recalls(outcomes),
        uar_women=uar_of_sex(outcomes, right, "female"),
        uar_men=uar_of_sex(outcomes, right, "male"),
        worst=worst_speaker(outcomes, right),
    )
