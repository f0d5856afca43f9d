"""Streams minutes of speech and pauses through the live engine, faster than real time.

Usage: soak.py MINUTES SPEED. Compares every event with what two repetitions of the same speech
predict, and prints one line of JSON: the events seen, those that were not as predicted, the loss,
and how the resident memory grew after the first minute.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser import EmotionUpdate, Health, Recognizer, SpeechEnded, SpeechStarted
from realtime_ser.engine import Engine
from realtime_ser.events import Event

PERIOD_SECONDS = 12
PERIOD = PERIOD_SECONDS * 16_000
"""One repetition: a whole number of the speech gate's frames, so that all are alike."""

BLOCK = 1_600
HEALTH_SECONDS = 5
MOST_UNREAD = 5 * 16_000
"""The source waits for a worker that is this far behind: this is not a test of overload."""


class RepeatedSpeech:
    """A live source that repeats one stretch of speech, so many times as fast as real time."""

    name, rate, channels, live = "soak", 16_000, 1, True
    overflows, lost_frames = 0, 0
    problem: str | None = None

    def __init__(self, speech: NDArray[np.int16], samples: int, speed: float) -> None:
        self._speech = speech[:, np.newaxis]
        self._samples, self._speed = samples, speed
        self._position = 0
        self._began = time.monotonic()
        self.engine: Any = None

    def read(self) -> NDArray[np.int16] | None:
        if self._position >= self._samples:
            return None
        due = self._began + self._position / 16_000 / self._speed
        while time.monotonic() < due or self.engine._ring.unread > MOST_UNREAD:
            time.sleep(0.001)
        at = self._position % PERIOD
        self._position += BLOCK
        return self._speech[at : at + BLOCK]

    def close(self) -> None:
        self._samples = 0


def shifted(event: Any, seconds: float) -> Event:
    """Return the event, so much later."""
    if isinstance(event, SpeechStarted):
        return replace(event, time=round(event.time + seconds, 6))
    assert isinstance(event, EmotionUpdate | SpeechEnded)
    return replace(event, start=round(event.start + seconds, 6), end=round(event.end + seconds, 6))


def predicted(recognizer: Recognizer, speech: NDArray[np.int16], periods: int) -> Iterator[Event]:
    """Yield the events of all periods; the first is alone in having no noise before it."""
    pipeline = recognizer.pipeline()
    first, second = pipeline.process(speech), pipeline.process(speech)
    assert not pipeline.is_speaking, "the pause at the end closes the last utterance"
    later = (shifted(each, n * PERIOD_SECONDS) for n in range(periods - 1) for each in second)
    return chain(first, later)


def resident_bytes() -> int:
    """Return the resident memory, where the system does not tell it the highest so far."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else 1024 * highest


def soak(minutes: float, speed: float) -> dict[str, Any]:
    """Return what was seen."""
    periods = round(minutes * 60 / PERIOD_SECONDS)
    voice = speech("three_utterances")
    repeated = np.concatenate((voice, np.zeros(PERIOD - len(voice), np.int16)))
    recognizer = Recognizer()
    expected = predicted(recognizer, repeated, periods)
    source = RepeatedSpeech(repeated, periods * PERIOD, speed)
    engine = source.engine = Engine(source, recognizer.pipeline())
    seen = wrong = health_events = 0
    memory: list[int] = []
    last = None
    for event in engine.events():
        if isinstance(event, Health):
            health_events, last = health_events + 1, event
            if event.time >= 60:
                memory.append(resident_bytes())
            continue
        seen += 1
        wrong += event != next(expected, None)
    assert last is not None
    return {
        "seconds": last.time,
        "events": seen,
        "wrong": wrong,
        "missing": sum(1 for _ in expected),
        "health_events": health_events,
        "lost_samples": last.lost_samples,
        "grown_bytes": max(memory) - memory[0],
    }


if __name__ == "__main__":
    print(json.dumps(soak(float(sys.argv[1]), float(sys.argv[2]))))
