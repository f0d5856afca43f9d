"""What the network's speech output changes: fewer false reports of speech, and later ones.

"Before" is the live program with a network that has no speech output, so that the gate decides
alone; "after" is the same program with the speech output. Clips are of speakers that the network
was not trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from experiments.gate.scenes import Span, sounds_without_speech, streams_of_sound
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.events import EmotionUpdate, SpeechEnded, SpeechStarted
from realtime_ser.pipeline import Pipeline
from realtime_ser.settings import SAMPLE_RATE
from realtime_ser.speech.gate import VOTE_SAMPLES
from train.audio.sounds import UNSEEN_SOUNDS
from train.corpora.ravdess import CORPUS, HELD_OUT_SPEAKERS, SPEAKERS

Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Report:
    """What a pipeline reports about a stream; positions in samples.

    Attributes:
        utterances: start and end of each.
        first_started: position of the stream at the first ``speech_started``, ``None`` without one.
        first_emotion: position at the first ``emotion``, ``None`` without one.
    """

    utterances: tuple[Span, ...]
    first_started: int | None
    first_emotion: int | None

    @property
    def seconds(self) -> float:
        """Total length of the utterances."""
        return sum(end - start for start, end in self.utterances) / SAMPLE_RATE

    def covered(self, speech: Span) -> int:
        """Return how many samples of the speech are in utterances."""
        first, last = speech
        return sum(max(0, min(end, last) - max(start, first)) for start, end in self.utterances)

    def lost(self, speech: Span) -> float:
        """Return the share of the speech that is in no utterance."""
        return 1 - self.covered(speech) / (speech[1] - speech[0])


@dataclass(frozen=True, slots=True)
class FalseReports:
    """Seconds of reported speech per minute of a sound without speech, for each level.

    Attributes:
        sound: its name.
        switched_on: whether faint noise precedes it.
        trained_on: whether the speech head was trained on sounds of its family.
        before: with the gate alone.
        after: with the speech output.
    """

    sound: str
    switched_on: bool
    trained_on: bool
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """What the speech output costs clips in one background; delays in seconds, shares in percent.

    Attributes:
        background: its name.
        clips: number of clips.
        missed_before: clips missed by the gate alone.
        missed_after: clips missed with the speech output.
        delay_before: from the start of the speech to ``speech_started``, median and 95th
            percentile.
        delay_after: the same with the speech output.
        added: what the speech output adds to the delay, median and 95th percentile.
        emotion_later: clips whose first emotion is later than before, or missing.
        lost_before: speech in no utterance.
        lost_after: the same with the speech output.
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


def unseen_speakers(model: EmotionModel) -> tuple[str, ...]:
    """Return speakers that a network was not trained on, or the test speakers if none are left."""
    trained_on = set(model.manifest.training.get("speakers", {}).get(CORPUS, ()))
    others = sorted(set(SPEAKERS) - set(HELD_OUT_SPEAKERS) - trained_on)
    return tuple(others) or HELD_OUT_SPEAKERS


def without_speech_output(model: EmotionModel) -> EmotionModel:
    """Return the same network without its speech output."""
    copy = EmotionModel(model.folder)
    copy.manifest = replace(copy.manifest, speech_threshold=None)
    return copy


def report(samples: Int16, model: EmotionModel) -> Report:
    """Return what a new pipeline reports about a stream that arrives frame by frame."""
    pipeline = Pipeline(model)
    utterances: list[Span] = []
    started: int | None = None
    emotion: int | None = None
    for position in range(0, len(samples) + VOTE_SAMPLES, VOTE_SAMPLES):
        block = samples[position : position + VOTE_SAMPLES]
        for event in pipeline.process(block) if len(block) else pipeline.flush():
            now = min(position + VOTE_SAMPLES, len(samples))
            if isinstance(event, SpeechStarted):
                started = now if started is None else started
            elif isinstance(event, EmotionUpdate):
                emotion = now if emotion is None else emotion
            elif isinstance(event, SpeechEnded):
                span = (round(event.start * SAMPLE_RATE), round(event.end * SAMPLE_RATE))
                utterances.append(span)
    return Report(tuple(utterances), started, emotion)


def false_reports(
    name: str, model: EmotionModel, *, switched_on: bool, levels: Sequence[float]
) -> FalseReports:
    """Return how long sounds without speech are reported as speech, before and after.

    Args:
        name: of the sounds, see ``sounds_without_speech``.
        model: a network with a speech output.
        switched_on: whether three seconds of faint noise precede the sounds.
        levels: levels of the sounds, in dBFS.
    """
    gate_alone = without_speech_output(model)
    sounds = sounds_without_speech(name)
    minutes = sum(map(len, sounds)) / SAMPLE_RATE / 60
    before, after = [], []
    for dbfs in levels:
        streams = streams_of_sound(sounds, dbfs, switched_on=switched_on)
        seconds = [report(stream, gate_alone).seconds for stream in streams]
        opened = [stream for stream, open_for in zip(streams, seconds, strict=True) if open_for]
        before.append(sum(seconds) / minutes)
        after.append(sum(report(stream, model).seconds for stream in opened) / minutes)
    trained_on = name not in UNSEEN_SOUNDS
    return FalseReports(name, switched_on, trained_on, tuple(before), tuple(after))


def price(background: str, scenes: Sequence[tuple[Int16, Span]], model: EmotionModel) -> Price:
    """Return what the speech output costs clips in a background.

    Args:
        background: its name.
        scenes: samples, and the span of the speech in them.
        model: a network with a speech output.
    """
    gate_alone = without_speech_output(model)
    reports = [
        (speech, report(samples, gate_alone), report(samples, model)) for samples, speech in scenes
    ]
    started = [
        (before.first_started - speech[0], after.first_started - speech[0])
        for speech, before, after in reports
        if before.first_started is not None and after.first_started is not None
    ]
    delays = np.array(started, np.float64).reshape(-1, 2) / SAMPLE_RATE
    later = [
        after.first_emotion is None or after.first_emotion > before.first_emotion
        for _, before, after in reports
        if before.first_emotion is not None
    ]
    return Price(
        background=background,
        clips=len(reports),
        missed_before=sum(not before.covered(speech) for speech, before, _ in reports),
        missed_after=sum(not after.covered(speech) for speech, _, after in reports),
        delay_before=_median_and_95(delays[:, 0]),
        delay_after=_median_and_95(delays[:, 1]),
        added=_median_and_95(delays[:, 1] - delays[:, 0]),
        emotion_later=100 * float(np.mean(later)),
        lost_before=100 * float(np.mean([before.lost(speech) for speech, before, _ in reports])),
        lost_after=100 * float(np.mean([after.lost(speech) for speech, _, after in reports])),
    )


def _median_and_95(delays: Float64) -> tuple[float, float]:
    if not len(delays):
        return float("nan"), float("nan")
    return float(np.median(delays)), float(np.percentile(delays, 95))
