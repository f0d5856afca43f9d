"""Streams minutes of speech and pauses through the live engine, faster than real time.

Usage: soak.py MINUTES SPEED. Compares every event with those of a pipeline alone, the number of
updates with the length of each utterance, and its time with that of the first repetition. Prints
one line of JSON: what was seen, lost or different, and how the resident memory grew after the
first minute.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser import EmotionUpdate, Health, Recognizer, SpeechEnded
from realtime_ser.events import Event
from realtime_ser.live.engine import Engine

PERIOD_SECONDS = 12
PERIOD = PERIOD_SECONDS * 16_000
"""One repetition: a whole number of the speech gate's frames."""

UTTERANCES = 3
FRAME_SAMPLES, HOP_SAMPLES = 15_600, 7_680

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


def offline(recognizer: Recognizer, speech: NDArray[np.int16], periods: int) -> Iterator[Event]:
    """Yield the events of all periods, each given to a pipeline whole."""
    pipeline = recognizer.pipeline()
    for _ in range(periods):
        yield from pipeline.process(speech)
    yield from pipeline.flush()


class Utterances:
    """Checks of each utterance what can be said without a second run."""

    def __init__(self, utterances_a_period: int) -> None:
        self.count = self.wrong_updates = 0
        self.drift = 0.0
        self._a_period = utterances_a_period
        self._first_starts: list[float] = []
        self._updates = 0

    def add(self, event: Event) -> None:
        if isinstance(event, EmotionUpdate):
            self._updates += 1
        elif isinstance(event, SpeechEnded):
            self._end(event)

    def _end(self, utterance: SpeechEnded) -> None:
        """Compare the updates with the length, and the start with that in the first period."""
        samples = round((utterance.end - utterance.start) * 16_000)
        expected = 1 + max(0, samples - FRAME_SAMPLES) // HOP_SAMPLES
        self.wrong_updates += self._updates != expected
        period, number = divmod(self.count, self._a_period)
        start = utterance.start - period * PERIOD_SECONDS
        if period == 0:
            self._first_starts.append(start)
        self.drift = max(self.drift, abs(start - self._first_starts[number]))
        self.count, self._updates = self.count + 1, 0


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
    expected = offline(recognizer, repeated, periods)
    source = RepeatedSpeech(repeated, periods * PERIOD, speed)
    engine = source.engine = Engine(source, recognizer.pipeline())
    utterances = Utterances(UTTERANCES)
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
        utterances.add(event)
    assert last is not None
    return {
        "seconds": last.time,
        "events": seen,
        "wrong": wrong,
        "missing": sum(1 for _ in expected),
        "utterances": utterances.count,
        "wrong_updates": utterances.wrong_updates,
        "drift_seconds": utterances.drift,
        "health_events": health_events,
        "lost_samples": last.lost_samples,
        "grown_bytes": max(memory) - memory[0],
    }


if __name__ == "__main__":
    print(json.dumps(soak(float(sys.argv[1]), float(sys.argv[2]))))
