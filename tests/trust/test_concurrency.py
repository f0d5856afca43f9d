"""Two hundred streams of one loaded model give, bit for bit, the events of separate runs."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser import EmotionUpdate, Recognizer, Stream
from realtime_ser.events import Event

STREAMS = 200
THREADS = 8
BLOCK = 1_600

Int16 = NDArray[np.int16]


@pytest.fixture(scope="module")
def voices() -> list[Int16]:
    """As many voices as streams, no two alike: the clips at other places and levels."""
    clips = [speech(name)[-28_000:] for name in ("one_utterance", "short_word", "speech_at_once")]
    generator = np.random.default_rng(9)
    return [
        (generator.uniform(0.2, 1) * np.roll(clips[number % 3], 997 * number)).astype(np.int16)
        for number in range(STREAMS)
    ]


def run(stream: Stream, voice: Int16) -> list[Event]:
    events = [
        event for at in range(0, len(voice), BLOCK) for event in stream.process(voice[at:][:BLOCK])
    ]
    return events + stream.flush()


@pytest.fixture(scope="module")
def separate(voices: list[Int16]) -> list[list[Event]]:
    """The events of separate runs, of a model of their own."""
    alone = Recognizer()
    events = [run(alone.stream(), voice) for voice in voices]
    updates = [sum(isinstance(event, EmotionUpdate) for event in found) for found in events]
    assert sum(updates) > STREAMS, "else there is little to mix up"
    assert len({str(event) for event in events}) > 0.9 * STREAMS
    return events


def test_streams_that_take_turns_do_not_mix(
    recognizer: Recognizer, voices: list[Int16], separate: list[list[Event]]
) -> None:
    streams = [recognizer.stream() for _ in voices]
    events: list[list[Event]] = [[] for _ in voices]
    for at in range(0, max(map(len, voices)), BLOCK):
        for stream, voice, found in zip(streams, voices, events, strict=True):
            found += stream.process(voice[at : at + BLOCK])
    for stream, found in zip(streams, events, strict=True):
        found += stream.flush()

    assert events == separate


def test_streams_in_threads_do_not_mix(
    recognizer: Recognizer, voices: list[Int16], separate: list[list[Event]]
) -> None:
    streams = [recognizer.stream() for _ in voices]
    with ThreadPoolExecutor(THREADS) as pool:
        events = list(pool.map(run, streams, voices))

    assert events == separate
