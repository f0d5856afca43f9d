"""The state of a live run: builds the snapshot that a display shows from events and levels."""

import math
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np

from realtime_ser.events import EmotionUpdate, Event, Health, SpeechEnded, SpeechStarted
from realtime_ser.live.snapshot import Snapshot, TimelineEntry
from realtime_ser.samples import FULL_SCALE, Int16

TIMELINE_SECONDS = 60.0
FRAMES_AVERAGED = 50


class LiveState:
    """Holds the newest snapshot; every change replaces the whole of it, so readers need no lock."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._labeled_until = 0.0
        self._frame_seconds: deque[float] = deque(maxlen=FRAMES_AVERAGED)

    def update(self, **changes: Any) -> None:
        """Replace fields of the snapshot."""
        self.snapshot = replace(self.snapshot, **changes)

    def apply(self, event: Event) -> None:
        """Bring the snapshot up to date with an event."""
        if isinstance(event, SpeechStarted):
            self._labeled_until = event.time
        elif isinstance(event, EmotionUpdate):
            self._label(event)
        elif isinstance(event, SpeechEnded):
            self.update(utterance=event)
        elif isinstance(event, Health):
            self.update(problem=event.problem)

    def clear(self) -> None:
        """Forget the newest emotion, the newest utterance and the timeline."""
        self.update(emotion=None, utterance=None, timeline=())

    def add_cpu_time(self, seconds: float, frames: int) -> None:
        """Take the CPU time of a block in which ``frames`` were recognized."""
        if frames:
            self._frame_seconds.append(seconds / frames)
            self.update(compute_ms=1000 * float(np.mean(self._frame_seconds)))

    def _label(self, event: EmotionUpdate) -> None:
        entry = TimelineEntry(self._labeled_until, event.end, event.label)
        oldest = event.end - TIMELINE_SECONDS
        recent = tuple(entry for entry in self.snapshot.timeline if entry.end > oldest)
        self.update(emotion=event, timeline=(*recent, entry))
        self._labeled_until = event.end


class LevelMeter:
    """Measures the RMS level of the audio since the last reading."""

    def __init__(self) -> None:
        self._squares = 0.0
        self._samples = 0

    def add(self, samples: Int16) -> None:
        """Take the next int16 samples, shape ``[n]``."""
        self.add_squares(sum_of_squares(samples), len(samples))

    def add_squares(self, squares: float, samples: int) -> None:
        """Take the sum of squares of the next samples, and their number."""
        self._squares += squares
        self._samples += samples

    def read(self) -> float:
        """Return the level in dB of full scale, at least -90, and start over."""
        power = self._squares / self._samples if self._samples else 0.0
        self._squares, self._samples = 0.0, 0
        return round(10 * math.log10(max(power, 1e-9)), 1)


def sum_of_squares(samples: Int16) -> float:
    """Return the sum of squares of int16 samples, shape ``[n]``, where full scale is 1."""
    values = samples.astype(np.float64)
    return float(np.dot(values, values)) / FULL_SCALE**2
