"""Streams of utterances, in the orders in which a voice may be heard, through one pipeline."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from realtime_ser.analysis import analyze
from realtime_ser.emotion.model import EmbeddedFrame, EmotionModel
from realtime_ser.errors import SettingsError
from realtime_ser.events import LABELS
from realtime_ser.pipeline import Pipeline
from realtime_ser.samples import Int16
from train.corpora.clip import Clip
from train.evaluation.analyses import ClipAnalysis, summarize

FEWEST_CLIPS = 8
"""A speaker with fewer clips is not scored: there would be nothing to get used to."""

MOST_CLIPS = 60
"""Clips of one speaker in a stream: about three minutes of speech."""

UNEMOTIONAL = ("neutral", "calm")

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance of a stream.

    Attributes:
        clip: index of its clip.
        heard: utterances heard before it; after a change of speaker, since the change.
        scored: whether it counts.
    """

    clip: int
    heard: int
    scored: bool = True


Stream = tuple[Turn, ...]


def streams_of(clips: Sequence[Clip], seed: int) -> dict[str, list[Stream]]:
    """Return the streams of each order, by its name.

    Args:
        clips: of one corpus.
        seed: another one draws and shuffles other clips.

    Raises:
        SettingsError: no speaker has enough clips.
    """
    voices = list(drawn_voices(clips, seed).values())
    pairs = _pairs(voices)
    labels = np.random.default_rng(seed).permutation(LABELS).tolist()

    def by_label(clip: int) -> int:
        return int(labels.index(clips[clip].label))

    def emotional(clip: int) -> bool:
        return clips[clip].label not in UNEMOTIONAL

    return {
        "random": [_in_order(voice) for voice in voices],
        "neutral and calm first": [_in_order(sorted(voice, key=emotional)) for voice in voices],
        "one emotion after the other": [_in_order(sorted(voice, key=by_label)) for voice in voices],
        "two speakers in turns": [
            _in_order([clip for turn in zip(one, other, strict=False) for clip in turn])
            for one, other in pairs
        ],
        "one speaker, then another": [_changed(one, other) for one, other in pairs],
    }


def drawn_voices(clips: Sequence[Clip], seed: int) -> dict[str, list[int]]:
    """Return up to ``MOST_CLIPS`` clips of every speaker with enough, as indices in random order.

    Raises:
        SettingsError: no speaker has enough clips.
    """
    random = np.random.default_rng(seed)
    found: dict[str, list[int]] = {}
    for index, clip in enumerate(clips):
        found.setdefault(clip.speaker, []).append(index)
    voices = {
        speaker: random.permutation(indices)[:MOST_CLIPS].tolist()
        for speaker, indices in sorted(found.items())
        if len(indices) >= FEWEST_CLIPS
    }
    if not voices:
        raise SettingsError(
            f"no speaker has {FEWEST_CLIPS} clips", "score a corpus that says who speaks"
        )
    return voices


def _pairs(voices: Sequence[list[int]]) -> list[tuple[list[int], list[int]]]:
    """Return every speaker followed by the next; none for a single speaker."""
    if len(voices) < 2:
        return []
    return list(zip(voices, [*voices[1:], voices[0]], strict=True))


def _in_order(indices: Sequence[int]) -> Stream:
    return tuple(Turn(clip, heard) for heard, clip in enumerate(indices))


def _changed(one: Sequence[int], other: Sequence[int]) -> Stream:
    """Return half of one speaker's clips, unscored, and then the other's."""
    before = [Turn(clip, heard, scored=False) for heard, clip in enumerate(one[: len(one) // 2])]
    return (*before, *_in_order(other))


class EmbeddingCache:
    """A network that embeds every frame once, however many streams have it.

    It may stand in for an ``EmotionModel``.
    """

    def __init__(self, model: EmotionModel) -> None:
        self.manifest = model.manifest
        self.statistics = model.statistics
        self.classify = model.classify
        self._model = model
        self._known: dict[bytes, EmbeddedFrame] = {}

    def embed(self, maps: Mapping[str, Float32]) -> EmbeddedFrame:
        """Return what the network returns for a frame."""
        key = hashlib.sha256(b"".join(maps[name].tobytes() for name in sorted(maps))).digest()
        if key not in self._known:
            self._known[key] = self._model.embed(maps)
        return self._known[key]

    def pipeline(self) -> Pipeline:
        """Return a fresh pipeline with the default settings."""
        return Pipeline(cast(EmotionModel, self))


def hear(pipeline: Pipeline, samples: Int16) -> ClipAnalysis:
    """Return what a pipeline says of its next clip, as ``realtime-ser analyze`` summarizes it."""
    return summarize(list(analyze([samples], pipeline, "")))


def hear_stream(
    stream: Stream, samples: Callable[[int], Int16], network: EmbeddingCache
) -> list[ClipAnalysis]:
    """Return what one pipeline says of each utterance of a stream.

    Args:
        stream: the utterances.
        samples: returns a clip's samples, 16 kHz mono int16.
        network: embeds the frames.
    """
    pipeline = network.pipeline()
    return [hear(pipeline, samples(turn.clip)) for turn in stream]
