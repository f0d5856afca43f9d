"""How many live streams one thread keeps up with, in real time."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from realtime_ser.bench.report import Streams
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.events import SpeechEnded
from realtime_ser.pipeline import Pipeline
from realtime_ser.settings import SAMPLE_RATE

Int16 = NDArray[np.int16]

LIMIT_SECONDS = 0.05
BLOCK_SAMPLES = 320
BLOCK_SECONDS = BLOCK_SAMPLES / SAMPLE_RATE
STARTS = 24
"""Streams start one after the other within a hop of 24 blocks, as independent callers would."""

LEAD_IN_SECONDS = 2.0
"""Until every stream's gate has opened and its first frame is complete; nothing counts before."""

GIVE_UP_SECONDS = 0.5
"""A thread that far behind cannot catch up."""


def measure_streams(
    model: EmotionModel, clip: Int16, hop_cost: float, seconds: float, tries: int
) -> Streams:
    """Search the number of streams whose every event comes in time.

    Args:
        model: shared by the streams.
        clip: what they hear, each from another place on.
        hop_cost: seconds of work in a hop, where the search begins.
        seconds: how long to feed each number of streams.
        tries: numbers of streams to try.
    """
    hop = Pipeline(model).settings.hop
    share = speech_share(model, clip)
    full = hop / hop_cost / share
    tried: list[tuple[int, float]] = []

    def keeps_up(count: int) -> bool:
        latest = latest_event(model, clip, count, seconds)
        tried.append((count, round(1000 * latest, 3)))
        return latest <= LIMIT_SECONDS

    count = search(keeps_up, int(0.5 * full), int(1.1 * full), tries)
    latest = min((each for number, each in tried if number == count), default=None)
    return Streams(
        count, 1000 * LIMIT_SECONDS, latest, seconds, round(share, 3), tuple(sorted(tried))
    )


def search(keeps_up: Callable[[int], bool], low: int, high: int, tries: int) -> int:
    """Return the largest number tried that keeps up, halving the interval, 0 if none does.

    A number that fails is tried once more: other processes share the machine.
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


def speech_share(model: EmotionModel, clip: Int16) -> float:
    """Return the share of the clip's time that lies within utterances."""
    pipeline = Pipeline(model)
    events = [*pipeline.process(clip), *pipeline.flush()]
    spoken = sum(each.end - each.start for each in events if isinstance(each, SpeechEnded))
    return spoken * SAMPLE_RATE / len(clip)


def latest_event(model: EmotionModel, clip: Int16, count: int, seconds: float) -> float:
    """Feed streams their 20 ms blocks, each when it is due, one after the other on this thread.

    The streams start at places spread over the clip, and their blocks are due at moments spread
    over 20 ms, as those of independent callers are.

    Returns:
        The longest time from when a block was due to the event it completed.
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
            if late < 0:
                time.sleep(-late)
            events = pipeline.process(blocks[(place + turn) % len(blocks)])
            if events and turn * BLOCK_SECONDS >= LEAD_IN_SECONDS:
                latest = max(latest, time.perf_counter() - due)
        if late > GIVE_UP_SECONDS:
            return late
    return latest
