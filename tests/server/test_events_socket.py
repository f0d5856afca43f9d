"""``/v1/events``: the server's own microphone, for any number of listeners."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import soundfile
from running_server import RunningServer, analyzed, receive_all, running_server
from websockets.sync.client import ClientConnection

from realtime_ser import Recognizer
from realtime_ser.demo import demo_clip


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningServer]:
    with running_server("--demo") as server:
        yield server


def read(connection: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [json.loads(connection.recv(120)) for _ in range(count)]


def test_all_listeners_hear_what_analyze_says_of_the_clip(recognizer: Recognizer) -> None:
    samples, rate = soundfile.read(demo_clip(), dtype="int16")
    expected = analyzed(recognizer, samples, rate)
    with running_server("--demo") as server, contextlib.ExitStack() as opened:
        listeners = [opened.enter_context(server.connect("/v1/events")) for _ in range(3)]
        heard = [
            [event for event in read(listener, 8) if event["event"] != "health"]
            for listener in listeners
        ]
    for events in heard:
        begin = expected.index(events[0])
        assert events == expected[begin : begin + len(events)]


def test_a_listener_may_ask_for_health_events(demo: RunningServer) -> None:
    with demo.connect("/v1/events?health=0.1") as listener:
        events = [event for event in read(listener, 10) if event["event"] == "health"]
    assert len(events) >= 3
    assert all({"time", "lag_ms", "input_dbfs"} <= event.keys() for event in events)


@pytest.mark.parametrize("period", ["0", "-1", "x", "nan", "1e9", ""])
def test_an_impossible_period_is_explained(demo: RunningServer, period: str) -> None:
    with demo.connect(f"/v1/events?health={period}") as listener:
        received = receive_all(listener)
    assert received.error == "bad_message"


@pytest.mark.parametrize("message", [b"\x00\x00", '{"type": "start"}', "hello"])
def test_a_listener_sends_nothing_but_stop(demo: RunningServer, message: Any) -> None:
    with demo.connect("/v1/events") as listener:
        listener.send(message)
        assert receive_all(listener).error == "bad_message"
    with demo.connect("/v1/events") as listener:
        listener.send('{"type": "stop"}')
        assert receive_all(listener).code == 1000


def test_a_server_without_a_source_says_so(server: RunningServer) -> None:
    with server.connect("/v1/events") as listener:
        received = receive_all(listener)
    assert received.error == "no_source"
    assert "--device" in received.events[0]["message"]
    assert received.code == 1008


def test_health_says_what_there_is(server: RunningServer, demo: RunningServer) -> None:
    assert json.loads(server.get("/healthz")[1])["events"] is None
    assert json.loads(demo.get("/healthz")[1]) | {"version": ""} == {
        "status": "ok",
        "version": "",
        "events": "clip",
        "profiles": False,
    }
