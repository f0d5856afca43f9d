"""The delay from audio to event, through the engine and its threads."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.frames import samples_of_event
from realtime_ser.capture.sources import Replayed
from realtime_ser.emotion.frontend import FRAME_SAMPLES
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.events import EmotionUpdate
from realtime_ser.live.engine import Engine
from realtime_ser.live.feeder import DELIVERY_SAMPLES
from realtime_ser.pipeline import Pipeline
from realtime_ser.samples import Int16
from realtime_ser.settings import SAMPLE_RATE, Settings
from realtime_ser.speech.gate import VOTE_SAMPLES

BLOCK_SAMPLES = 5 * DELIVERY_SAMPLES
SHORT_HOP = 0.12
"""Seconds between events, short so that there are many."""

FIRST_FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
"""Audio of a frame: 0.96 s of columns, and the 15 ms by which the last window reaches further."""

VOTE_SECONDS = -FRAME_SAMPLES % VOTE_SAMPLES / SAMPLE_RATE
"""Audio after the frame that the speech gate needs for its decision."""

_SPIN = "import time\nend = time.time() + 120\nwhile time.time() < end: pass"


class ArraySource(Replayed):
    """Samples as a source that the engine replays in real time.

    Attributes:
        began: ``time.perf_counter`` at the first ``read``, which is when sample 0 is due.
    """

    name = "array"
    rate = SAMPLE_RATE
    channels = 1

    def __init__(self, samples: Int16) -> None:
        self._blocks = iter(
            samples[start : start + BLOCK_SAMPLES].reshape(-1, 1)
            for start in range(0, len(samples), BLOCK_SAMPLES)
        )
        self.began = 0.0

    def read(self) -> Int16 | None:
        """Return the next 0.1 s; ``None`` at the end."""
        self.began = self.began or time.perf_counter()
        return next(self._blocks, None)

    def close(self) -> None:
        """Do nothing."""


def event_delays(model: EmotionModel, clip: Int16, seconds: float) -> list[float]:
    """Return the seconds from the arrival of a frame's last block to its event, live."""
    source = ArraySource(clip[: round(seconds * SAMPLE_RATE)])
    delays = []
    for event in Engine(source, Pipeline(model, Settings(hop=SHORT_HOP))).events():
        if isinstance(event, EmotionUpdate):
            delays.append(time.perf_counter() - source.began - _complete_at(event))
    return delays


def _complete_at(event: EmotionUpdate) -> float:
    """Return when the block that completes a frame arrives, in seconds of audio."""
    return -(-samples_of_event(event.start) // DELIVERY_SAMPLES) * DELIVERY_SAMPLES / SAMPLE_RATE


@contextlib.contextmanager
def other_cores_busy() -> Iterator[None]:
    """Keep every core but one busy, with processes that also end by themselves."""
    count = max(1, (os.cpu_count() or 2) - 1)
    command = [sys.executable, "-c", _SPIN]
    with contextlib.ExitStack() as processes:
        for _ in range(count):
            process = processes.enter_context(subprocess.Popen(command))
            processes.callback(process.kill)
        yield
