"""How many live streams one thread keeps up with, in real time."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from realtime_ser.emotion.model import EmotionModel
from realtime_ser.events import SpeechEnded
from realtime_ser.pipeline import Pipeline
from realtime_ser.samples import Int16
from realtime_ser.settings import SAMPLE_RATE

LIMIT_MS = 50.0
BLOCK_SAMPLES = 320
BLOCK_SECONDS = BLOCK_SAMPLES / SAMPLE_RATE

STARTS = 24
"""Streams start one after the other within a hop of 24 blocks, like independent callers."""

LEAD_IN_SECONDS = 2.0
"""Delays count from here on: by then every gate has opened and has its first whole frame."""

GIVE_UP_SECONDS = 0.5
"""A thread that is this late cannot catch up."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Live streams on one thread, in real time.

    Attributes:
        per_core: most streams, of the numbers tried, whose events all came within ``limit_ms``.
        limit_ms: from when the block that completes an event is due to the event.
        speech_share: share of the clip's time that lies in utterances.
        latest_ms: each number of streams that was tried, and its latest event.
    """

    per_core: int
    limit_ms: float
    speech_share: float
    latest_ms: dict[int, float]


def measure_streams(
    model: EmotionModel, clip: Int16, hop_seconds: float, seconds: float, tries: int
) -> Streams:
    """Search for the largest number of streams whose every event comes in time.

    Args:
        model: shared by the streams.
        clip: 16 kHz mono int16, shape ``[n]``; each stream plays it from another place.
        hop_seconds: work in a hop, from which the search starts.
        seconds: how long to feed each number of streams.
        tries: numbers of streams to try.
    """
    pipeline = Pipeline(model)
    events = [*pipeline.process(clip), *pipeline.flush()]
    spoken = sum(event.end - event.start for event in events if isinstance(event, SpeechEnded))
    share = spoken * SAMPLE_RATE / len(clip)
    estimate = pipeline.settings.hop / hop_seconds / share
    latest: dict[int, float] = {}

    def keeps_up(count: int) -> bool:
        latest[count] = round(1000 * latest_event(model, clip, count, seconds), 3)
        return latest[count] <= LIMIT_MS

    per_core = search(keeps_up, int(0.5 * estimate), int(1.1 * estimate), tries)
    return Streams(per_core, LIMIT_MS, round(share, 3), latest)


def search(keeps_up: Callable[[int], bool], low: int, high: int, tries: int) -> int:
    """Return the largest number tried that keeps up, by bisection; 0 if none does.

    A number that fails is tried once more, because other processes share the machine.
    """
    best = 0
    for _ in range(tries):
        middle = (low + high) // 2
        if middle <= best:
            break
        if keeps_up(middle) or keeps_up(middle):
            best = low = middle
        else:
            high = middle
            low = best or low // 2
    return best


def latest_event(model: EmotionModel, clip: Int16, count: int, seconds: float) -> float:
    """Feed ``count`` streams their 20 ms blocks, each when it is due, on this thread.

    Returns:
        The longest time, in seconds, from when a block was due to the event it completed.
    """
    pipelines = [Pipeline(model) for _ in range(count)]
    blocks = clip[: len(clip) // BLOCK_SAMPLES * BLOCK_SAMPLES].reshape(-1, BLOCK_SAMPLES)
    places = np.linspace(0, len(blocks), count, endpoint=False).astype(int)
    latest = late = 0.0
    began = time.perf_counter()
    for turn in range(round(seconds / BLOCK_SECONDS)):
        for stream, (pipeline, place) in enumerate(zip(pipelines, places, strict=True)):
            if turn < stream % STARTS:
                continue
            due = began + (turn + stream / count) * BLOCK_SECONDS
            late = time.perf_counter() - due
            time.sleep(max(0.0, -late))
            events = pipeline.process(blocks[(place + turn) % len(blocks)])
            if events and turn * BLOCK_SECONDS >= LEAD_IN_SECONDS:
                latest = max(latest, time.perf_counter() - due)
        if late > GIVE_UP_SECONDS:
            return late
    return latest
