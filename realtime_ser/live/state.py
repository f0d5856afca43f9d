"""The live state: events and levels folded into the snapshot a display shows."""

from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.events import EmotionUpdate, Event, Health, SpeechEnded, SpeechStarted
from realtime_ser.live.snapshot import Snapshot, TimelineEntry
from realtime_ser.samples import FULL_SCALE

TIMELINE_SECONDS = 60.0
FRAMES_AVERAGED = 50


class LiveState:
    """Keeps the newest snapshot; every change replaces it whole, so that readers need no lock."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._labelled_until = 0.0
        self._compute_seconds: deque[float] = deque(maxlen=FRAMES_AVERAGED)

    def show(self, **changes: Any) -> None:
        """Replace fields of the snapshot."""
        self.snapshot = replace(self.snapshot, **changes)

    def apply(self, event: Event) -> None:
        """Fold in what happened."""
        if isinstance(event, SpeechStarted):
            self._labelled_until = event.time
        elif isinstance(event, EmotionUpdate):
            self._label(event)
        elif isinstance(event, SpeechEnded):
            self.show(utterance=event)
        elif isinstance(event, Health):
            self.show(problem=event.problem)

    def clear(self) -> None:
        """Forget the newest emotion, the newest utterance and the timeline."""
        self.show(emotion=None, utterance=None, timeline=())

    def computed(self, seconds: float, frames: int) -> None:
        """Note how long a block with so many frames took."""
        if frames:
            self._compute_seconds.append(seconds / frames)
            self.show(compute_ms=1000 * float(np.mean(self._compute_seconds)))

    def _label(self, event: EmotionUpdate) -> None:
        entry = TimelineEntry(self._labelled_until, event.end, event.label)
        recent = event.end - TIMELINE_SECONDS
        kept = tuple(each for each in self.snapshot.timeline if each.end > recent)
        self.show(emotion=event, timeline=(*kept, entry))
        self._labelled_until = event.end


class LevelMeter:
    """The RMS level of everything since it was last read."""

    def __init__(self) -> None:
        self._squares = 0.0
        self._samples = 0

    def add(self, samples: NDArray[np.int16]) -> None:
        """Count int16 samples in, shape ``[n]``."""
        values = samples.astype(np.float64) / FULL_SCALE
        self._squares += float(values @ values)
        self._samples += len(samples)

    def read(self) -> float:
        """Return the level in dB of full scale, at least -90, and start again."""
        power = self._squares / self._samples if self._samples else 0.0
        self._squares, self._samples = 0.0, 0
        return round(10 * float(np.log10(max(power, 1e-9))), 1)
