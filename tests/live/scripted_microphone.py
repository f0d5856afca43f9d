"""A microphone that plays given samples, and what a live run over it should give."""

import threading
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from realtime_ser import (
    Health,
    Recognizer,
)
from realtime_ser.events import Event


class ScriptedMicrophone:
    """A microphone that delivers what it is given, as fast as it is read."""

    name, rate, channels, live, overflows, lost_frames = "scripted", 16_000, 1, True, 0, 0
    problem: str | None = None

    def __init__(self, samples: NDArray[np.int16], error: Exception | None = None) -> None:
        self._blocks = iter(np.array_split(samples, max(1, len(samples) // 1600)))
        self._error = error
        self.closed = False
        self.rests_before = -1
        self.may_go_on = threading.Event()

    def read(self) -> NDArray[np.int16] | None:
        for block in self._blocks:
            self.rests_before -= 1
            if self.rests_before == 0:
                self.may_go_on.wait()
            return block[:, np.newaxis]
        if self._error:
            raise self._error
        return None

    def close(self) -> None:
        self.closed = True


def said(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Health)]


def offline(recognizer: Recognizer, samples: NDArray[np.int16]) -> list[Event]:
    pipeline = recognizer.pipeline()
    return pipeline.process(samples) + pipeline.flush()
