"""The delays a user feels: through the engine's threads, and until the label follows the voice."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from realtime_ser.capture.sources import Replayed
from realtime_ser.emotion.frontend import FRAME_SAMPLES, STEP_SAMPLES
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.events import EmotionUpdate, Event, SpeechEnded
from realtime_ser.live.engine import Engine
from realtime_ser.live.feeder import DELIVERY_SAMPLES
from realtime_ser.pipeline import Pipeline
from realtime_ser.settings import SAMPLE_RATE, Settings
from realtime_ser.speech.gate import VOTE_SAMPLES

Int16 = NDArray[np.int16]

BLOCK_SAMPLES = 5 * DELIVERY_SAMPLES
SHORT_HOP = 0.12
FIRST_FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
VOTE_WAIT_SECONDS = -FRAME_SAMPLES % VOTE_SAMPLES / SAMPLE_RATE

_SPIN = "import time\nend = time.time() + 120\nwhile time.time() < end: pass"


class ArraySource(Replayed):
    """Samples as a source that the engine replays at the pace of real time.

    Attributes:
        began: when the first block was asked for, by ``time.perf_counter``: sample 0 is due then.
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
        """Release nothing."""


def event_delays(model: EmotionModel, clip: Int16, seconds: float) -> list[float]:
    """Return the seconds from the arrival of a frame's last block to its event, live."""
    source = ArraySource(clip[: round(seconds * SAMPLE_RATE)])
    delays = []
    for event in Engine(source, Pipeline(model, Settings(hop=SHORT_HOP))).events():
        if isinstance(event, EmotionUpdate):
            delays.append(time.perf_counter() - source.began - _complete_at(event))
    return delays


def _complete_at(event: EmotionUpdate) -> float:
    """Return when the block that completes a frame arrives, in seconds of audio.

    The frame ends with its last window, waits for the gate's vote over that, and comes in a block.
    """
    start = round(event.start * SAMPLE_RATE / STEP_SAMPLES) * STEP_SAMPLES
    end = start + FRAME_SAMPLES
    voted = -(-end // VOTE_SAMPLES) * VOTE_SAMPLES
    return -(-voted // DELIVERY_SAMPLES) * DELIVERY_SAMPLES / SAMPLE_RATE


@contextlib.contextmanager
def other_cores_busy() -> Iterator[None]:
    """Keep every core but one busy, with processes that end by themselves if they must."""
    count = max(1, (os.cpu_count() or 2) - 1)
    command = [sys.executable, "-c", _SPIN]
    with contextlib.ExitStack() as processes:
        for _ in range(count):
            process = processes.enter_context(subprocess.Popen(command))
            processes.callback(process.kill)
        yield


def label_changes(model: EmotionModel, clip: Int16) -> tuple[list[float], int]:
    """Cut the clip's utterances against each other, in mid-speech.

    Returns:
        For every pair whose second label appears, the seconds from the cut to the end of the frame
        that shows it first; and how many pairs have two different labels.
    """
    voices = [
        clip[round(each.start * SAMPLE_RATE) : round(each.end * SAMPLE_RATE)]
        for each in _events(model, clip)
        if isinstance(each, SpeechEnded)
    ]
    named = [(voice, label) for voice in voices if (label := _label_alone(model, voice))]
    pairs = [(a, b) for a, b in permutations(named, 2) if a[1] != b[1]]
    delays = [_change(model, first, second, label) for (first, _), (second, label) in pairs]
    return [each for each in delays if each is not None], len(pairs)


def _label_alone(model: EmotionModel, voice: Int16) -> str | None:
    labels = [each.label for each in _events(model, voice) if isinstance(each, SpeechEnded)]
    return labels[0] if len(labels) == 1 else None


def _change(model: EmotionModel, first: Int16, second: Int16, label: str) -> float | None:
    """Return the seconds of audio from the cut to a label, ``None`` if it was there or never is."""
    cut = len(first) / SAMPLE_RATE
    updates = [
        each
        for each in _events(model, np.concatenate((first, second)))
        if isinstance(each, EmotionUpdate)
    ]
    before = [each.label for each in updates if each.end <= cut]
    if not before or before[-1] == label:
        return None
    return next(
        (each.end - cut for each in updates if each.end > cut and each.label == label), None
    )


def _events(model: EmotionModel, samples: Int16) -> list[Event]:
    # The likeliest label, however unlikely: of a synthetic voice it often is.
    pipeline = Pipeline(model, Settings(threshold=0.0))
    return [*pipeline.process(samples), *pipeline.flush()]
