"""The events of the recognizer, which are immutable, and their form as JSON objects.

Times are seconds of audio since the start of the stream. ``probabilities`` maps each of the eight
labels to a float; they sum to 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from realtime_ser.settings import SAMPLE_RATE

LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""The eight emotions of RAVDESS, in the order of the model's output."""

UNCERTAIN = "uncertain"
"""The label if no emotion reaches the threshold."""

Probabilities = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """An utterance began at ``time``, which is the start of its pre-roll."""

    name: ClassVar[str] = "speech_started"
    time: float


@dataclass(frozen=True, slots=True)
class EmotionUpdate:
    """A frame was recognized; it spans ``start`` to ``end``.

    Attributes:
        label: the likeliest emotion of the window, or ``uncertain``.
        confidence: the highest of ``probabilities``.
        probabilities: over the window, the last seconds of this utterance.
        frame_probabilities: of this frame alone.
        adaptation: share that the voice itself has in the statistics its embeddings are normalized
            by, 0 to 1; 0 without adaptation.
    """

    name: ClassVar[str] = "emotion"
    start: float
    end: float
    label: str
    confidence: float
    probabilities: Probabilities
    frame_probabilities: Probabilities
    adaptation: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """An utterance ended; the label and the probabilities are those of the whole utterance.

    Attributes:
        adaptation: as in ``EmotionUpdate``, at the end of the utterance.
    """

    name: ClassVar[str] = "speech_ended"
    start: float
    end: float
    label: str
    confidence: float
    probabilities: Probabilities
    adaptation: float = 0.0


@dataclass(frozen=True, slots=True)
class FileResult:
    """The result of a whole file: the mean over its utterances, weighted by their duration.

    ``label``, ``confidence`` and ``probabilities`` are ``None`` where nobody spoke.
    """

    name: ClassVar[str] = "file"
    path: str
    duration: float
    label: str | None
    confidence: float | None
    probabilities: Probabilities | None


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a live run.

    Attributes:
        time: seconds of audio captured since the start.
        overflows: blocks the sound system dropped before the program saw them, so far.
        lost_samples: 16 kHz samples overwritten before they were analyzed, so far.
        lag_ms: audio captured and not yet analyzed, in milliseconds.
        input_dbfs: level of the input since the last health event, in dB of full scale (RMS).
        problem: what is wrong with the microphone, ``None`` in normal operation. An event is sent
            as soon as a problem is known, and another one when it is over; nothing was captured in
            between.
        dropped: events that outputs discarded so far because their receivers were too slow, by
            output; empty in normal operation.
        output_problems: what is wrong with the receivers of outputs now, or ended an output, by
            output; empty in normal operation. An event is sent as soon as a problem is known, and
            another when it is over.
    """

    name: ClassVar[str] = "health"
    time: float
    overflows: int
    lost_samples: int
    lag_ms: float
    input_dbfs: float
    problem: str | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    output_problems: Mapping[str, str] = field(default_factory=dict)


Event = SpeechStarted | EmotionUpdate | SpeechEnded | FileResult | Health


def seconds(sample: int) -> float:
    """Return the time of an absolute sample index, in seconds to the microsecond."""
    return round(sample / SAMPLE_RATE, 6)


def as_probabilities(vector: Sequence[float]) -> dict[str, float]:
    """Name the eight values of ``vector``, to six digits, so that they still sum to 1."""
    shares = [round(float(value), 6) for value in vector]
    largest = shares.index(max(shares))
    rest = sum(shares[:largest] + shares[largest + 1 :])
    shares[largest] = round(1.0 - rest, 6)
    return dict(zip(LABELS, shares, strict=True))


def choose_label(probabilities: Probabilities, threshold: float) -> tuple[str, float]:
    """Return the likeliest label and its probability; the label is ``uncertain`` if that is low."""
    label = max(probabilities, key=lambda name: probabilities[name])
    confidence = probabilities[label]
    return (label if confidence >= threshold else UNCERTAIN), confidence


def to_dict(event: Event) -> dict[str, Any]:
    """Return the event as a JSON object: its name, then its fields in order.

    A health event leaves out ``problem``, ``dropped`` and ``output_problems`` in normal operation.
    """
    # Not ``asdict``: its deep copies take ten times as long.
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    if isinstance(event, Health):
        for name in ("problem", "dropped", "output_problems"):
            if not values[name]:
                del values[name]
    copied = {
        name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()
    }
    return {"event": event.name, **copied}
