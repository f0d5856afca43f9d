"""MQTT with peers that only claim to be brokers."""

import socket
import time
from collections.abc import Callable

import pytest
from mqtt_sinks import started, utterance
from network_peers import free_port, hostile_server
from waiting import wait_until

from realtime_ser.errors import OutputError
from realtime_ser.live import network_sink
from realtime_ser.output.network import mqtt
from realtime_ser.output.network.mqtt import MqttSink


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_sink, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(MqttSink, "idle_seconds", 0.05)


CONNECTED = b"\x20\x02\x00\x00"


def answer(*pieces: bytes) -> Callable[[socket.socket], None]:
    """Read the client's first packet, send the pieces, and go on reading."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        for piece in pieces:
            connection.sendall(piece)
        while connection.recv(65536):
            pass

    return behave


HOSTILE = {
    "says nothing": answer(),
    "hangs up at once": lambda connection: connection.shutdown(socket.SHUT_RDWR),
    "is an HTTP server": answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "sends binary garbage": answer(bytes(range(256)) * 50),
    "refuses for no known reason": answer(b"\x20\x02\x00\x77"),
    "sends an answer that is too short": answer(b"\x20\x01\x00"),
    "sends a length without end": answer(b"\x20\xff\xff\xff\xff\xff"),
    "announces a huge packet": answer(CONNECTED, b"\x30\xff\xff\xff\x7f" + b"x" * 100_000),
    "acknowledges nothing": answer(CONNECTED),
    "acknowledges what was never sent": answer(CONNECTED, b"\x40\x02\xff\xff" * 100),
    "sends a damaged message": answer(CONNECTED, b"\x32\x03\xff\xff\xff"),
    "sends an unknown packet": answer(CONNECTED, b"\xf0\x00\x00\x00"),
}


@pytest.mark.parametrize("behavior", HOSTILE)
def test_a_hostile_broker_is_reported_and_given_up(
    behavior: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(network_sink, "CLOSE_SECONDS", 0.5)
    with hostile_server(HOSTILE[behavior]) as port:
        sink = started(port)
        wait_until(lambda: sink.problem)
        assert f"the broker at 127.0.0.1:{port}" in str(sink.problem)
        assert "internal error" not in str(sink.problem)
        began = time.monotonic()
        with pytest.raises(OutputError, match="nothing was delivered"):
            sink.close()
        assert time.monotonic() - began < 5


def test_a_broker_that_floods_the_sink_does_not_stop_it() -> None:
    """Messages that nobody subscribed to are ignored."""
    flood = answer(CONNECTED, *[b"\x30\x04\x00\x01ab"] * 10_000)
    with hostile_server(flood) as port:
        sink = started(port)
        wait_until(lambda: sink._client is not None)
        began = time.monotonic()
        for number in range(1000):
            sink.on_event(utterance(number))
        assert time.monotonic() - began < 5
        assert sink.dropped >= 1000 - network_sink.QUEUE_MESSAGES - 1
        sink._closed = True  # nothing was acknowledged: not what is tested here
        sink.stop()


def test_a_broker_that_was_never_there_is_a_failure() -> None:
    sink = started(free_port())
    with pytest.raises(OutputError, match=r"nothing was delivered, cannot reach the broker at"):
        sink.close()
