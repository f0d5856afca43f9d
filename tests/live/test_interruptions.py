"""Microphones that go, come back or fall silent during a live run."""

import logging
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scripted_microphone import ScriptedMicrophone, said
from speech_clips import speech

from realtime_ser import (
    AudioDeviceError,
    Health,
    Recognizer,
)
from realtime_ser.capture.reconnect import ReconnectingSource
from realtime_ser.capture.sources import Source
from realtime_ser.live.engine import BUFFER_SECONDS, Engine
from realtime_ser.output.recording import Recording

GONE = AudioDeviceError("scripted has stopped", "plug it in")


class Reconnecting(ReconnectingSource):
    """Its first microphone goes; the second comes at the last of so many attempts. Time passes
    only between the attempts."""

    def __init__(
        self, first: ScriptedMicrophone, second: ScriptedMicrophone, attempts: int
    ) -> None:
        self.now = 0.0
        self.attempts_left = attempts
        self.second = second
        super().__init__(
            first,
            self.attempt,
            clock=lambda: self.now,
            wait=self.pass_time,
            start=lambda task: task(),
        )

    def attempt(self) -> Source:
        self.attempts_left -= 1
        if self.attempts_left:
            raise GONE
        return self.second

    def pass_time(self, seconds: float) -> bool:
        self.now += seconds
        return False


def refused() -> Source:
    raise GONE


def test_a_microphone_that_comes_back_leaves_a_marked_gap(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    before, after = speech("one_utterance")[:24_000], speech("one_utterance")
    first, second = ScriptedMicrophone(before, GONE), ScriptedMicrophone(after)
    recording = Recording(tmp_path / "out.wav")
    source = Reconnecting(first, second, attempts=3)
    engine = Engine(source, recognizer.pipeline(), sinks=[recording])
    events = list(engine.events())

    gap = round((0.25 + 0.5 + 1) * 16_000)
    expected = recognizer.pipeline()
    assert said(events) == [
        *(*expected.process(before), *expected.skip(gap)),
        *(*expected.process(after), *expected.flush()),
    ]
    health = [event for event in events if isinstance(event, Health) and event.time < 5]
    problem = "scripted is gone: trying to reopen it"
    assert [(health_event.time, health_event.problem) for health_event in health] == [
        (1.5, problem),
        (1.5 + gap / 16_000, None),
    ]
    assert health[1].lost_samples == 0
    assert engine.snapshot().problem is None
    recorded, _ = soundfile.read(tmp_path / "out.wav", dtype="int16")
    np.testing.assert_array_equal(
        recorded, np.concatenate((before, np.zeros(gap, np.int16), after))
    )
    assert first.closed
    assert second.closed


def test_a_gap_longer_than_the_buffer_loses_nothing(recognizer: Recognizer) -> None:
    class Late(ScriptedMicrophone):
        def read(self) -> NDArray[np.int16] | None:
            time.sleep(0.3)  # the worker catches up
            return super().read()

    first, second = ScriptedMicrophone(speech("one_utterance"), GONE), Late(np.ones(1600, np.int16))
    engine = Engine(Reconnecting(first, second, attempts=9), recognizer.pipeline())
    events = engine.events()
    seen = [next(events)]
    time.sleep(0.3)
    seen += events

    gap = 0.25 + 0.5 + 1 + 2 + 5 * 4
    assert gap > BUFFER_SECONDS
    last = seen[-1]
    assert isinstance(last, Health)
    assert last.lost_samples == 0
    assert last.time == pytest.approx(len(speech("one_utterance")) / 16_000 + gap + 0.1)


def test_a_microphone_that_is_lost_during_a_pause_is_reported(recognizer: Recognizer) -> None:
    class Slow(ScriptedMicrophone):
        def read(self) -> NDArray[np.int16] | None:
            time.sleep(0.02)
            return super().read()

    first = Slow(speech("one_utterance"), GONE)
    engine = Engine(ReconnectingSource(first, refused), recognizer.pipeline())
    engine.pause(True)
    engine.start()
    deadline = time.monotonic() + 10
    while engine.snapshot().problem is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    engine.stop()
    assert engine.snapshot().time == 0


def test_two_seconds_of_zeros_from_a_microphone_are_reported(
    recognizer: Recognizer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "realtime_ser"):
        engine = Engine(ScriptedMicrophone(np.zeros(48_000, np.int16)), recognizer.pipeline())
        list(engine.events())
    assert engine.snapshot().silent_input
    assert caplog.messages == [
        "scripted delivers only zeros: unmute it, or allow this program to use the microphone"
    ]
