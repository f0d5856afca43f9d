"""Protocol ``corrections``: the scores of a voice after a user has corrected some utterances."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from realtime_ser.emotion.model import EmotionModel
from realtime_ser.errors import SettingsError
from realtime_ser.samples import Int16
from train.audio.utterances import read_clip
from train.corpora.clip import Clip
from train.corpora.corpus import Corpus
from train.evaluation.analyses import ClipAnalysis
from train.evaluation.outcomes import mean_recall, outcomes_of_corpus
from train.evaluation.predictions import NO_SPEECH
from train.evaluation.streams import EmbeddingCache, drawn_voices, hear

COUNTS = (0, 1, 2, 4, 8, 16)
"""Corrections that the user makes."""

RIGHT, QUARTER_WRONG, ONE_LABEL = "all right", "a quarter wrong", "all of one label"
USERS = (RIGHT, QUARTER_WRONG, ONE_LABEL)
"""What the corrections are: the true labels; every fourth another label; of one emotion alone."""

SEEDS = (1, 2)


@dataclass(frozen=True, slots=True)
class CorrectionScores:
    """Scores of the utterances that were not corrected.

    Attributes:
        speakers: those with more clips than corrections.
        clips: utterances scored of the user who is all right.
        uar: unweighted average recall by user and number of corrections.
    """

    speakers: int
    clips: int
    uar: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Lesson:
    """The utterances of one voice: those that are corrected, each with a label, and the others."""

    taught: tuple[tuple[int, str], ...]
    others: tuple[int, ...]


def correction_scores(
    corpus: Corpus, clips: Sequence[Clip], model: Path, seeds: Sequence[int] = SEEDS
) -> CorrectionScores:
    """Score a model folder after corrections.

    One pipeline hears sixteen utterances of a voice, the first few of which are corrected, and then
    the others, which are scored.

    Args:
        corpus: one with labels.
        clips: of the corpus.
        model: model folder.
        seeds: of the draws.

    Raises:
        AudioInputError: a clip is missing or damaged.
        ModelError: the model folder cannot be used.
        SettingsError: no speaker has enough clips.
    """
    network = EmbeddingCache(EmotionModel(model))
    lessons = {
        user: [
            _lesson(user, corpus, clips, voice, seed)
            for seed in seeds
            for voice in drawn_voices(clips, seed).values()
            if len(voice) > 2 * max(COUNTS)
        ]
        for user in USERS
    }
    if not lessons[RIGHT]:
        raise SettingsError(
            f"no speaker has more than {2 * max(COUNTS)} clips", "score another corpus"
        )
    samples = {index: read_clip(clips[index].path) for index in _indices(lessons)}
    uar = {
        user: {
            str(count): _uar(corpus, clips, of_user, count, samples, network)
            for count in tqdm(COUNTS, user, leave=False)
        }
        for user, of_user in lessons.items()
    }
    scored = sum(len(lesson.others) for lesson in lessons[RIGHT])
    return CorrectionScores(len(lessons[RIGHT]) // len(seeds), scored, uar)


def _indices(lessons: dict[str, list[_Lesson]]) -> list[int]:
    found = {
        index
        for of_user in lessons.values()
        for lesson in of_user
        for index in (*lesson.others, *(clip for clip, _ in lesson.taught))
    }
    return sorted(found)


def _lesson(
    user: str, corpus: Corpus, clips: Sequence[Clip], voice: Sequence[int], seed: int
) -> _Lesson:
    random = np.random.default_rng(seed)
    order = list(voice)
    if user == ONE_LABEL:
        present = sorted({str(clips[index].label) for index in voice})
        label = present[random.integers(len(present))]
        order = [index for index in voice if clips[index].label == label]
    chosen = order[: max(COUNTS)]
    others = tuple(index for index in voice if index not in chosen)
    taught = [(index, str(clips[index].label)) for index in chosen]
    if user == QUARTER_WRONG:
        taught = [
            (index, _other(corpus, label, random) if number % 4 == 0 else label)
            for number, (index, label) in enumerate(taught)
        ]
    return _Lesson(tuple(taught), others)


def _other(corpus: Corpus, label: str, random: np.random.Generator) -> str:
    return str(random.choice([name for name in corpus.labels if name != label]))


def _uar(
    corpus: Corpus,
    clips: Sequence[Clip],
    lessons: Sequence[_Lesson],
    count: int,
    samples: dict[int, Int16],
    network: EmbeddingCache,
) -> float:
    """Return the UAR of the others, after ``count`` corrections or as many as a voice has."""
    found: list[Clip] = []
    analyses: list[ClipAnalysis] = []
    for lesson in lessons:
        pipeline = network.pipeline()
        for number, (index, label) in enumerate(lesson.taught):
            heard = hear(pipeline, samples[index])
            if number < count and heard.label != NO_SPEECH:
                pipeline.correct(label)
        found += [clips[index] for index in lesson.others]
        analyses += [hear(pipeline, samples[index]) for index in lesson.others]
    outcomes = outcomes_of_corpus(corpus, found, analyses)
    return mean_recall(outcomes.truth, outcomes.right)
