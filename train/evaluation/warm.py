"""Protocol ``warm``: what adaptation changes after some utterances of a voice, beside cold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from realtime_ser.emotion.model import EmotionModel
from realtime_ser.errors import SettingsError
from train.audio.utterances import read_clip
from train.corpora.clip import Clip
from train.corpora.corpus import Corpus
from train.evaluation.analyses import ClipAnalysis
from train.evaluation.outcomes import calibration_error, mean_recall, outcomes_of_corpus
from train.evaluation.streams import EmbeddingCache, drawn_voices, hear, hear_stream, streams_of

MOMENTS = (0, 5, 10, 20, 40)
"""Utterances heard before those that are scored."""

FIRST = "first ten"
"""The first ten utterances of a stream: after a change of speaker, while it still hears the old."""

SEEDS = (1, 2, 3)
"""Each draws and shuffles the streams anew; with more clips than ``MANY``, the first is enough."""

MANY = 300


@dataclass(frozen=True, slots=True)
class Compared:
    """The same utterances, warm and cold.

    Attributes:
        clips: their number.
        warm: unweighted average recall within the streams.
        cold: the same, each utterance in a stream of its own.
        warm_calibration_error: expected calibration error; ``None`` without speech.
        cold_calibration_error: the same, cold.
    """

    clips: int
    warm: float
    cold: float
    warm_calibration_error: float | None
    cold_calibration_error: float | None


@dataclass(frozen=True, slots=True)
class WarmScores:
    """The scores of the streams, by the likeliest label among those that the corpus has.

    Attributes:
        speakers: those with enough clips.
        streams: by order and by the number of utterances heard before (``MOMENTS``, where there are
            such, and ``FIRST``).
    """

    speakers: int
    streams: dict[str, dict[str, Compared]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """Clips, and the model that is scored on them.

    Attributes:
        clips: of one corpus.
        model: model folder.
    """

    clips: Sequence[Clip]
    model: Path


@dataclass(slots=True)
class _Heard:
    """The scored utterances of one order."""

    clips: list[Clip] = field(default_factory=list)
    heard: list[int] = field(default_factory=list)
    warm: list[ClipAnalysis] = field(default_factory=list)
    cold: list[ClipAnalysis] = field(default_factory=list)


def warm_scores(
    corpus: Corpus, parts: Sequence[Part], seeds: Sequence[int] | None = None
) -> WarmScores:
    """Score models on streams of a corpus's voices.

    Warm, one pipeline hears the stream from its start and never a label; cold, every utterance has
    a pipeline of its own, as with ``realtime-ser analyze``.

    Args:
        corpus: one with labels.
        parts: clips of the corpus, no speaker in two parts; a stream has clips of one part alone.
        seeds: of the draws; ``None`` for ``SEEDS``, or the first of them.

    Raises:
        AudioInputError: a clip is missing or damaged.
        ModelError: the model folder cannot be used.
        SettingsError: no speaker has enough clips, or a model does not adapt.
    """
    needed = sum(len(_needed(part.clips, SEEDS[:1])) for part in parts)
    seeds = seeds or (SEEDS if needed <= MANY else SEEDS[:1])
    heard: dict[str, _Heard] = {}
    for part in parts:
        _hear_streams(part, seeds, heard)
    return WarmScores(
        sum(len(drawn_voices(part.clips, seeds[0])) for part in parts),
        {order: _compared(corpus, found) for order, found in heard.items() if found.clips},
    )


def _hear_streams(part: Part, seeds: Sequence[int], heard: dict[str, _Heard]) -> None:
    """Add what a model says of its clips, warm and cold, to what was heard in each order."""
    clips, loaded = part.clips, EmotionModel(part.model)
    if loaded.statistics is None:
        raise SettingsError(
            f"{part.model} has no statistics of its training voices",
            "run python -m train statistics",
        )
    network = EmbeddingCache(loaded)
    samples = {clip: read_clip(clips[clip].path) for clip in _needed(clips, seeds)}
    cold = {
        clip: hear(network.pipeline(), samples[clip]) for clip in tqdm(samples, "cold", leave=False)
    }
    for seed in tqdm(seeds, "streams", leave=False):
        for order, streams in streams_of(clips, seed).items():
            found = heard.setdefault(order, _Heard())
            for stream in streams:
                analyses = hear_stream(stream, samples.__getitem__, network)
                for turn, analysis in zip(stream, analyses, strict=True):
                    if turn.scored:
                        found.clips.append(clips[turn.clip])
                        found.heard.append(turn.heard)
                        found.warm.append(analysis)
                        found.cold.append(cold[turn.clip])


def _needed(clips: Sequence[Clip], seeds: Sequence[int]) -> list[int]:
    drawn = {
        clip for seed in seeds for voice in drawn_voices(clips, seed).values() for clip in voice
    }
    return sorted(drawn)


def _compared(corpus: Corpus, found: _Heard) -> dict[str, Compared]:
    heard = np.array(found.heard)
    moments = {FIRST: heard < 10, **{str(moment): heard >= moment for moment in MOMENTS}}
    return {
        moment: _compare(corpus, found, np.flatnonzero(chosen).tolist())
        for moment, chosen in moments.items()
        if chosen.any()
    }


def _compare(corpus: Corpus, found: _Heard, rows: Sequence[int]) -> Compared:
    clips = [found.clips[row] for row in rows]
    warm, cold = (
        outcomes_of_corpus(corpus, clips, [analyses[row] for row in rows])
        for analyses in (found.warm, found.cold)
    )
    return Compared(
        len(rows),
        mean_recall(warm.truth, warm.right),
        mean_recall(cold.truth, cold.right),
        calibration_error(warm),
        calibration_error(cold),
    )
