"""``/v1/events`` of a server that listens to a real microphone, with PulseAudio's virtual one."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from running_server import RunningServer, receive_all, running_server, wait_until
from speech_clips import SAMPLES
from virtual_microphone import DEVICE, VirtualMicrophone
from websockets.exceptions import ConnectionClosed

pytestmark = pytest.mark.system

CLIP = SAMPLES / "three_utterances.flac"

Event = dict[str, Any]


class Listener:
    """A client of ``/v1/events``: all its events so far."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def named(self, *names: str) -> list[Event]:
        return [event for event in self.events if event["event"] in names]

    def recognized(self) -> list[Event]:
        return self.named("speech_started", "emotion", "speech_ended")

    def has_health(self, condition: Callable[[Event], object]) -> bool:
        return any(condition(event) for event in self.named("health"))


@contextmanager
def listener(server: RunningServer, query: str = "") -> Iterator[Listener]:
    seen = Listener()

    def read() -> None:
        try:
            while True:
                seen.events.append(json.loads(connection.recv()))
        except ConnectionClosed:
            pass

    with server.connect(f"/v1/events{query}") as connection:
        reading = threading.Thread(target=read)
        reading.start()
        try:
            yield seen
        finally:
            connection.close()
            reading.join()


@contextmanager
def listening_server(microphone: VirtualMicrophone) -> Iterator[RunningServer]:
    with running_server("--device", DEVICE, environment=microphone.environment) as server:
        yield server


def test_all_listeners_get_the_same_events_of_the_microphone(
    microphone: VirtualMicrophone,
) -> None:
    with listening_server(microphone) as server:
        assert json.loads(server.get("/healthz")[1])["events"] == "microphone"
        with listener(server) as first, listener(server, "?health=0.1") as second:
            wait_until(lambda: second.has_health(lambda event: event["time"] > 0.5))
            microphone.play(CLIP)
            both = (first, second)
            wait_until(lambda: all(len(seen.named("speech_ended")) == 3 for seen in both))
    assert first.recognized() == second.recognized()
    kinds = [event["event"] for event in first.recognized()]
    assert kinds.count("speech_started") == 3
    assert kinds.count("emotion") >= 3
    assert second.has_health(lambda event: event["input_dbfs"] > -50), "it was heard"


def test_a_stream_of_a_client_runs_beside_the_microphone(microphone: VirtualMicrophone) -> None:
    with listening_server(microphone) as server, listener(server, "?health=0.1") as seen:
        with server.connect() as stream:
            stream.send(bytes(3200))
            stream.send('{"type": "stop"}')
            assert receive_all(stream).code == 1000
        wait_until(lambda: len(seen.named("health")) > 3)


def test_a_microphone_that_is_unplugged_is_reported_and_heard_again_later(
    microphone: VirtualMicrophone,
) -> None:
    with listening_server(microphone) as server, listener(server, "?health=0.1") as seen:
        wait_until(lambda: seen.has_health(lambda event: event["time"] > 0.5))
        microphone.unplug()
        wait_until(lambda: seen.has_health(lambda event: "is gone" in event.get("problem", "")))
        microphone.plug_in()
        wait_until(lambda: "problem" not in seen.named("health")[-1])
        heard = len(seen.named("speech_ended"))
        microphone.play(CLIP)
        wait_until(lambda: len(seen.named("speech_ended")) >= heard + 3)


def test_sigterm_releases_the_microphone_and_tells_its_listeners(
    microphone: VirtualMicrophone,
) -> None:
    with listening_server(microphone) as server, server.connect("/v1/events") as connection:
        assert server.stop() == 0
        assert receive_all(connection).code == 1001
    assert {line["reason"] for line in server.ended_sessions()} == {"drained"}
