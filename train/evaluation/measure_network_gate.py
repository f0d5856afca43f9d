"""What asking the network changes of the gate: false opens before and after, and what that costs.

"Before" is the live program with a network that leaves the decision to the gate, "after" the same
with the network's speech output. Clips are of voices the network has not learnt from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.model import EmotionModel
from realtime_ser.events import EmotionUpdate, SpeechEnded, SpeechStarted
from realtime_ser.pipeline import Pipeline
from realtime_ser.settings import SAMPLE_RATE
from realtime_ser.speech.gate import VOTE_SAMPLES
from train.data.ravdess import ACTORS, HELD_OUT_ACTORS
from train.data.scenes import as_int16
from train.data.sounds import LEARNT, UNHEARD, Sound, at_level

DRAWS = 6
"""How often a sound that draws its own parameters is drawn."""

SOUND_SECONDS = 20
SIDE_SAMPLES = 3 * SAMPLE_RATE
FAINT_DBFS = -75.0

Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]

FAMILIES: dict[str, Sound] = {"breath": LEARNT["breath"], **UNHEARD}
"""Sounds measured beside those of the gate: one family learnt from, and those that are not."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a pipeline reported of a stream; sample indices.

    Attributes:
        utterances: start and end of each.
        first_told: when the first ``speech_started`` came, ``None`` if none did.
        first_emotion: when the first ``emotion`` came.
    """

    utterances: tuple[tuple[int, int], ...]
    first_told: int | None
    first_emotion: int | None

    @property
    def seconds(self) -> float:
        """Seconds within utterances."""
        return sum(end - start for start, end in self.utterances) / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class FalseReports:
    """Seconds of reported speech per minute of a sound without any, for each level.

    Attributes:
        sound: what it is.
        switched_on: whether it follows faint noise.
        learnt: whether the network learnt from sounds of its family.
        before: by the gate alone.
        after: with the network.
    """

    sound: str
    switched_on: bool
    learnt: bool
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What asking the network costs clips in one background; delays in seconds, shares in percent.

    Attributes:
        background: what the clips lie in.
        clips: how many.
        missed_before: clips the gate alone misses.
        missed_after: clips missed with the network.
        delay_before: from the onset to ``speech_started``, median and 95 %.
        delay_after: the same with the network.
        added: what the network adds to that delay, median and 95 %.
        emotion_later: clips whose first emotion comes later than before, or not at all.
        lost_before: speech in no utterance.
        lost_after: the same with the network.
    """

    background: str
    clips: int
    missed_before: int
    missed_after: int
    delay_before: tuple[float, float]
    delay_after: tuple[float, float]
    added: tuple[float, float]
    emotion_later: float
    lost_before: float
    lost_after: float


def voices(model: EmotionModel) -> tuple[int, ...]:
    """Return the actors to measure a network on: none it learnt from, the test ones only last."""
    learnt = set(model.manifest.training.get("actors", ()))
    return tuple(sorted(set(ACTORS) - set(HELD_OUT_ACTORS) - learnt)) or HELD_OUT_ACTORS


def without_speech_output(model: EmotionModel) -> EmotionModel:
    """Return the same network, leaving to the gate what speech is."""
    deaf = EmotionModel(model.folder)
    deaf.manifest = replace(deaf.manifest, speech_threshold=None)
    return deaf


def reported(samples: Int16, model: EmotionModel) -> Reported:
    """Return what a fresh pipeline reports of a stream that comes in the gate's frames."""
    pipeline = Pipeline(model)
    utterances: list[tuple[int, int]] = []
    told: int | None = None
    emotion: int | None = None
    for position in range(0, len(samples) + VOTE_SAMPLES, VOTE_SAMPLES):
        block = samples[position : position + VOTE_SAMPLES]
        for event in pipeline.process(block) if len(block) else pipeline.flush():
            now = min(position + VOTE_SAMPLES, len(samples))
            if isinstance(event, SpeechStarted):
                told = now if told is None else told
            elif isinstance(event, EmotionUpdate):
                emotion = now if emotion is None else emotion
            elif isinstance(event, SpeechEnded):
                span = (round(event.start * SAMPLE_RATE), round(event.end * SAMPLE_RATE))
                utterances.append(span)
    return Reported(tuple(utterances), told, emotion)


def false_reports(
    name: str,
    sounds: Sequence[Float64],
    model: EmotionModel,
    *,
    switched_on: bool,
    levels: Sequence[float],
) -> FalseReports:
    """Return how long sounds without speech are reported as speech, before and after.

    Args:
        name: what they are called.
        sounds: draws of the sound.
        model: the network to ask.
        switched_on: each comes after three seconds of faint noise.
        levels: levels of the sound, in dBFS.
    """
    deaf = without_speech_output(model)
    random = np.random.default_rng(11)
    faint = random.normal(scale=10 ** (FAINT_DBFS / 20), size=SIDE_SAMPLES if switched_on else 0)
    minutes = sum(map(len, sounds)) / SAMPLE_RATE / 60
    before, after = [], []
    for dbfs in levels:
        mixed = [as_int16(np.concatenate((faint, at_level(sound, dbfs)))) for sound in sounds]
        opened = [(samples, reported(samples, deaf).seconds) for samples in mixed]
        before.append(sum(seconds for _, seconds in opened) / minutes)
        asked = [reported(samples, model).seconds for samples, seconds in opened if seconds]
        after.append(sum(asked) / minutes)
    learnt = name not in UNHEARD
    return FalseReports(name, switched_on, learnt, tuple(before), tuple(after))


def family_draws(name: str) -> list[Float64]:
    """Return sounds of a family of ``FAMILIES``, the same ones every time."""
    return [
        FAMILIES[name](SOUND_SECONDS * SAMPLE_RATE, np.random.default_rng([11, draw]))
        for draw in range(DRAWS)
    ]


def cost(
    background: str, scenes: Sequence[tuple[Int16, tuple[int, int]]], model: EmotionModel
) -> Cost:
    """Return what asking the network costs clips in a background.

    Args:
        background: what it is called.
        scenes: samples, and where speech begins and ends in them.
        model: the network to ask.
    """
    deaf = without_speech_output(model)
    pairs = [
        (speech, reported(samples, deaf), reported(samples, model)) for samples, speech in scenes
    ]
    told = [
        (
            (before.first_told - speech[0]) / SAMPLE_RATE,
            (after.first_told - speech[0]) / SAMPLE_RATE,
        )
        for speech, before, after in pairs
        if before.first_told is not None and after.first_told is not None
    ]
    delays = np.array(told).reshape(-1, 2)
    later = [
        after.first_emotion is None or after.first_emotion > before.first_emotion
        for _, before, after in pairs
        if before.first_emotion is not None
    ]
    return Cost(
        background=background,
        clips=len(pairs),
        missed_before=sum(not _heard(before, speech) for speech, before, _ in pairs),
        missed_after=sum(not _heard(after, speech) for speech, _, after in pairs),
        delay_before=_median_and_95(delays[:, 0]),
        delay_after=_median_and_95(delays[:, 1]),
        added=_median_and_95(delays[:, 1] - delays[:, 0]),
        emotion_later=100 * float(np.mean(later)),
        lost_before=100 * float(np.mean([_lost(before, speech) for speech, before, _ in pairs])),
        lost_after=100 * float(np.mean([_lost(after, speech) for speech, _, after in pairs])),
    )


def _heard(found: Reported, speech: tuple[int, int]) -> int:
    """Return the samples of speech that are in an utterance."""
    return sum(
        max(0, min(end, speech[1]) - max(start, speech[0])) for start, end in found.utterances
    )


def _lost(found: Reported, speech: tuple[int, int]) -> float:
    return 1 - _heard(found, speech) / (speech[1] - speech[0])


def _median_and_95(delays: Float64) -> tuple[float, float]:
    if not len(delays):
        return float("nan"), float("nan")
    return float(np.median(delays)), float(np.percentile(delays, 95))
