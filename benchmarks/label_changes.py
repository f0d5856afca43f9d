"""How long it takes until the label follows a change of voice."""

import statistics
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from realtime_ser.emotion.model import EmotionModel
from realtime_ser.events import EmotionUpdate, Event, SpeechEnded
from realtime_ser.pipeline import Pipeline
from realtime_ser.samples import Int16
from realtime_ser.settings import SAMPLE_RATE, Settings


@dataclass(frozen=True, slots=True)
class LabelChanges:
    """Utterances of the demo clip joined in pairs, in mid-speech.

    Attributes:
        median_seconds: from the joint to the end of the first frame with the second voice's label,
            over the pairs where it appears; ``None`` without any.
        changed: pairs where it appears.
        pairs: pairs with two different labels.
    """

    median_seconds: float | None
    changed: int
    pairs: int


def measure_label_changes(model: EmotionModel, clip: Int16) -> LabelChanges:
    """Join the clip's utterances in pairs, and measure when the label changes."""
    voices = [
        clip[round(event.start * SAMPLE_RATE) : round(event.end * SAMPLE_RATE)]
        for event in _events(model, clip)
        if isinstance(event, SpeechEnded)
    ]
    labeled = [(voice, label) for voice in voices if (label := _label_alone(model, voice))]
    pairs = [(one, other) for one, other in permutations(labeled, 2) if one[1] != other[1]]
    delays = [_delay(model, first, second, label) for (first, _), (second, label) in pairs]
    changed = [delay for delay in delays if delay is not None]
    median = round(statistics.median(changed), 2) if changed else None
    return LabelChanges(median, len(changed), len(pairs))


def _label_alone(model: EmotionModel, voice: Int16) -> str | None:
    labels = [event.label for event in _events(model, voice) if isinstance(event, SpeechEnded)]
    return labels[0] if len(labels) == 1 else None


def _delay(model: EmotionModel, first: Int16, second: Int16, label: str) -> float | None:
    """Return the seconds from the joint to the label; ``None`` if it was there before, or never."""
    joint = len(first) / SAMPLE_RATE
    events = _events(model, np.concatenate((first, second)))
    updates = [event for event in events if isinstance(event, EmotionUpdate)]
    before = [update.label for update in updates if update.end <= joint]
    if not before or before[-1] == label:
        return None
    after = (update for update in updates if update.end > joint and update.label == label)
    return next((update.end - joint for update in after), None)


def _events(model: EmotionModel, samples: Int16) -> list[Event]:
    # Without a threshold: the likeliest label of a synthetic voice is often an unlikely one.
    pipeline = Pipeline(model, Settings(threshold=0.0))
    return [*pipeline.process(samples), *pipeline.flush()]
