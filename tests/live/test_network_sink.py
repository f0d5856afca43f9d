"""The base of network sinks: bounded queue, retries, closing, and what is said about failures."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from speech_clips import SAMPLES
from waiting import wait_until

from realtime_ser import Health, Recognizer, to_dict
from realtime_ser.capture.file_source import FileSource
from realtime_ser.errors import OutputError
from realtime_ser.events import Event
from realtime_ser.live import network_sink
from realtime_ser.live.engine import Engine
from realtime_ser.live.network_sink import (
    MessageRefusedError,
    NetworkSink,
    ReceiverDownError,
)
from realtime_ser.live.sinks import Sink, Sinks

CLIP = SAMPLES / "one_utterance.flac"


class Receiver(NetworkSink[object]):
    """A sink whose receiver fails as a test wants.

    Attributes:
        faults: raised by the next sends, one each.
        received: the messages that arrived.
        gate: sends wait until it is set.
    """

    def __init__(self, name: str = "test output", capacity: int = 8) -> None:
        super().__init__(name, "the receiver", capacity)
        self.faults: list[Exception] = []
        self.received: list[object] = []
        self.attempts: list[float] = []
        self.gate = threading.Event()
        self.gate.set()
        self.waiting_at_gate = threading.Event()

    def on_event(self, event: Event) -> None:
        self.put(event)

    def send(self, message: object) -> None:
        self.attempts.append(time.monotonic())
        self.waiting_at_gate.set()
        self.gate.wait()
        if self.faults:
            raise self.faults.pop(0)
        self.received.append(message)


@contextmanager
def started(sink: Receiver) -> Iterator[Receiver]:
    sink.start()
    try:
        yield sink
    finally:
        sink.gate.set()
        sink.stop()
        sink._thread.join(10)
        assert not sink._thread.is_alive()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_sink, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(network_sink, "CLOSE_SECONDS", 1.0)


def held_up(sink: Receiver) -> None:
    """Let the receiver hang with the message ``first``."""
    sink.gate.clear()
    sink.put("first")
    assert sink.waiting_at_gate.wait(10)


def test_messages_arrive_in_order() -> None:
    with started(Receiver(capacity=100)) as sink:
        for number in range(50):
            sink.put(number)
        wait_until(lambda: len(sink.received) == 50)
    assert sink.received == list(range(50))
    assert (sink.delivered, sink.dropped, sink.problem) == (50, 0, None)


def test_a_full_queue_drops_the_oldest_and_counts_them() -> None:
    with started(Receiver(capacity=4)) as sink:
        held_up(sink)
        began = time.monotonic()
        for number in range(10):
            sink.put(number)
        assert time.monotonic() - began < 2.0, "put waits for nobody"
        assert sink.dropped == 6
        sink.gate.set()
        wait_until(lambda: len(sink.received) == 5)
    assert sink.received == ["first", 6, 7, 8, 9]
    assert (sink.delivered, sink.dropped) == (5, 6)


def test_of_a_topic_only_the_newest_message_waits() -> None:
    with started(Receiver()) as sink:
        held_up(sink)
        for message, topic in (("a1", "a"), ("other", None), ("a2", "a"), ("b1", "b")):
            sink.put(message, topic)
        sink.gate.set()
        wait_until(lambda: len(sink.received) == 4)
    assert sink.received == ["first", "other", "a2", "b1"]
    assert sink.dropped == 0, "the receiver works: it has the newest state"


def test_states_that_a_receiver_missed_while_it_was_down_are_counted() -> None:
    with started(Receiver()) as sink:
        sink.faults = [ReceiverDownError("it is off")] * 1000
        sink.put("a1", "a")
        wait_until(lambda: sink.problem)
        sink.put("a2", "a")
        sink.put("a3", "a")
        sink.faults = []
        wait_until(lambda: sink.received)
    assert sink.received == ["a3"]
    assert sink.delivered + sink.dropped == 3


def test_a_message_is_sent_again_until_the_receiver_takes_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with started(Receiver()) as sink:
        sink.faults = [ReceiverDownError("it is off")] * 3
        for message in ("first", "second"):
            sink.put(message)
        wait_until(lambda: len(sink.received) == 2)
    assert sink.received == ["first", "second"]
    assert (sink.delivered, sink.dropped, sink.problem) == (2, 0, None)
    assert caplog.messages == ["test output: it is off", "test output: the receiver works again"]


def test_pauses_grow_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_sink, "LONGEST_PAUSE", 0.08)
    with started(Receiver()) as sink:
        sink.faults = [ReceiverDownError("it is off")] * 5
        sink.put("message")
        wait_until(lambda: sink.received)
    gaps = np.diff(sink.attempts)
    for gap, pause in zip(gaps, (0.02, 0.04, 0.08, 0.08, 0.08), strict=True):
        assert gap >= pause * (1 - network_sink.JITTER)


def test_the_receiver_may_ask_for_a_longer_pause() -> None:
    with started(Receiver()) as sink:
        sink.faults = [ReceiverDownError("it is busy", pause=0.3)]
        sink.put("message")
        wait_until(lambda: sink.received)
    assert np.diff(sink.attempts) >= 0.3 * (1 - network_sink.JITTER)


def test_a_message_that_failed_gives_way_to_newer_ones() -> None:
    with started(Receiver(capacity=2)) as sink:
        held_up(sink)
        sink.faults = [ReceiverDownError("it is off")]
        sink.put("second")
        sink.put("third")
        sink.gate.set()
        wait_until(lambda: len(sink.received) == 2)
    assert sink.received == ["second", "third"]
    assert (sink.delivered, sink.dropped) == (2, 1)


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (MessageRefusedError("it does not like this"), "it does not like this"),
        (RuntimeError("a mistake"), "internal error"),
        (UnicodeError("another mistake"), "internal error"),
    ],
)
def test_a_message_that_can_never_be_delivered_does_not_stop_the_others(
    fault: Exception, problem: str
) -> None:
    with started(Receiver()) as sink:
        sink.faults = [fault]
        sink.put("bad")
        wait_until(lambda: sink.problem)
        assert problem in str(sink.problem)
        sink.put("good")
        wait_until(lambda: sink.received)
        wait_until(lambda: sink.problem is None)
    assert sink.received == ["good"]
    assert (sink.delivered, sink.dropped) == (1, 1)


def test_close_delivers_what_waits() -> None:
    sink = Receiver(capacity=100)
    sink.start()
    sink.faults = [ReceiverDownError("it is off")]
    for number in range(20):
        sink.put(number)
    sink.close()
    sink.close()
    assert sink.received == list(range(20))
    sink.put("late")
    assert sink.dropped == 0


def test_close_gives_a_receiver_up_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    sink = Receiver()
    sink.start()
    sink.put("zeroth")
    wait_until(lambda: sink.delivered)
    held_up(sink)
    sink.put("second")
    began = time.monotonic()
    sink.close()
    assert 0.9 < time.monotonic() - began < 3
    assert (sink.delivered, sink.dropped) == (1, 2)
    assert caplog.messages == [
        "test output: 2 messages were not delivered, the receiver did not take them in time"
    ]
    sink.gate.set()
    sink._thread.join(10)
    assert not sink._thread.is_alive()


def test_close_tries_a_receiver_once_more_that_has_long_been_down() -> None:
    def closed_after(faults: int) -> Receiver:
        sink = Receiver()
        sink.start()
        sink.faults = [ReceiverDownError("it is off", pause=1000)] * faults
        sink.put("zeroth")
        wait_until(lambda: sink._failures == 1)
        sink._failures = 20
        began = time.monotonic()
        try:
            sink.close()
        finally:
            assert time.monotonic() - began < 0.9, "it need not wait"
        return sink

    assert closed_after(faults=1).delivered == 1
    with pytest.raises(OutputError, match=r"nothing was delivered, it is off: check that"):
        closed_after(faults=2)


def test_a_run_without_messages_is_no_failure() -> None:
    sink = Receiver()
    sink.start()
    sink.close()


def test_sinks_that_hang_are_closed_together_and_after_the_others() -> None:
    order = []

    class Quick(Sink):
        def close(self) -> None:
            order.append("quick")

    hanging = [Receiver("one"), Receiver("two"), Receiver("three")]
    for sink in hanging:
        sink.start()
        held_up(sink)
    began = time.monotonic()
    sinks = Sinks([*hanging, Quick()])
    assert sinks.close_seconds == network_sink.NetworkSink.close_seconds
    sinks.close()
    assert time.monotonic() - began < 2.5, "not a second for each"
    assert order == ["quick"]
    for sink in hanging:
        sink.gate.set()


def run_with(
    recognizer: Recognizer, sinks: list[Sink], during: Callable[[Event], None] = lambda event: None
) -> list[Event]:
    events = []
    for event in Engine(FileSource(CLIP), recognizer.pipeline(), sinks=sinks).events():
        during(event)
        events.append(event)
    return events


def test_a_receiver_that_hangs_delays_neither_recognition_nor_other_sinks(
    recognizer: Recognizer,
) -> None:
    undisturbed = [event for event in run_with(recognizer, []) if not isinstance(event, Health)]
    hanging, working = Receiver("hanging", capacity=2), Receiver("working", capacity=100)
    hanging.gate.clear()
    with started(working), started(hanging):
        events = run_with(recognizer, [hanging, working])
    *said, health = events
    assert [event for event in said if not isinstance(event, Health)] == undisturbed
    assert working.received == events
    assert isinstance(health, Health)
    assert health.lag_ms < 1000
    assert health.dropped == {"hanging": len(said) - 3}


def test_health_events_tell_at_once_that_a_receiver_went_and_came_back(
    recognizer: Recognizer,
) -> None:
    with started(Receiver("radio")) as sink:
        sink.faults = [ReceiverDownError("it is off")] * 1000

        def wait(event: Event) -> None:
            if not isinstance(event, Health) and sink.faults:
                wait_until(lambda: sink.problem)
            elif isinstance(event, Health) and event.output_problems:
                sink.faults = []
                wait_until(lambda: sink.problem is None)

        events = run_with(recognizer, [sink], during=wait)
    reports = [to_dict(event) for event in events if isinstance(event, Health)]
    assert reports[0]["output_problems"] == {"radio": "it is off"}
    assert all("output_problems" not in report for report in reports[1:])
    assert len(reports) >= 2
    assert reports[0]["time"] < 5.0, "before the regular one"


def test_the_snapshot_shows_problems_and_dropped_events(recognizer: Recognizer) -> None:
    sink = Receiver("radio", capacity=1)
    sink.faults = [ReceiverDownError("it is off", pause=1000)] * 100
    with started(sink):
        engine = Engine(FileSource(CLIP), recognizer.pipeline(), sinks=[sink])
        snapshots = [engine.snapshot() for _ in engine.events()]
    assert snapshots[-2].output_problems == {"radio": "it is off"}
    assert snapshots[-2].dropped_events > 0


def test_a_receiver_that_took_nothing_is_a_failure_of_the_run(
    recognizer: Recognizer, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Receiver("radio")
    sink.faults = [ReceiverDownError("it is off", pause=1000)] * 100
    with started(sink), caplog.at_level(logging.WARNING, "realtime_ser"):
        run_with(recognizer, [sink])
    assert caplog.messages == [
        "radio: it is off",
        "the radio ended: nothing was delivered, it is off:"
        " check that the receiver runs and is reachable",
    ]
