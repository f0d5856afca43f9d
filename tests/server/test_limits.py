"""Limits: each has a close code and a metric, and nobody's excess touches others."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from running_server import (
    RunningServer,
    analyzed,
    receive_all,
    running_server,
    stream_events,
    wait_until,
)
from speech_clips import speech
from websockets.exceptions import ConnectionClosed

from realtime_ser import Recognizer, Settings

LARGEST = 65_536


@pytest.fixture(scope="module")
def limited() -> Iterator[RunningServer]:
    with running_server("--max-sessions", 3, "--max-message", LARGEST) as server:
        yield server


@pytest.fixture(scope="module")
def impatient() -> Iterator[RunningServer]:
    with running_server("--idle-timeout", 2, "--ping", 2) as server:
        yield server


@contextlib.contextmanager
def counted(server: RunningServer, reason: str, kind: str = "stream") -> Iterator[None]:
    """Expect that the metric of ended sessions counts one more of a reason."""
    name = f'realtime_ser_sessions_ended_total{{kind="{kind}",reason="{reason}"}}'
    before = server.metric(name)
    yield
    wait_until(lambda: server.metric(name) == before + 1)


def still_serves(server: RunningServer, recognizer: Recognizer) -> None:
    samples = speech("one_utterance")
    assert server.recognizes(samples, analyzed(recognizer, samples))


def test_a_message_of_the_largest_size_is_taken(limited: RunningServer) -> None:
    assert stream_events(limited, bytes(LARGEST), LARGEST).code == 1000


@pytest.mark.parametrize(
    "message", [bytes(LARGEST + 1), "x" * (LARGEST + 1)], ids=["audio", "text"]
)
def test_a_message_that_is_too_large_is_explained(limited: RunningServer, message: Any) -> None:
    with counted(limited, "too_large"), limited.connect() as connection:
        connection.send(message)
        received = receive_all(connection)
    assert received.error == "too_large"
    assert received.code == 1009


def test_a_huge_message_is_not_even_read(limited: RunningServer, recognizer: Recognizer) -> None:
    with counted(limited, "too_large"), limited.connect() as connection:
        with contextlib.suppress(ConnectionClosed):
            connection.send(bytes(64 * 1024 * 1024))
        assert receive_all(connection).code in (1009, 1006)
    still_serves(limited, recognizer)


def test_one_session_too_many_is_refused_and_later_ones_are_not(limited: RunningServer) -> None:
    with counted(limited, "full"), contextlib.ExitStack() as opened:
        for _ in range(3):
            opened.enter_context(limited.connect())
        wait_until(lambda: limited.metric('realtime_ser_sessions{kind="stream"}') == 3)
        with limited.connect() as connection:
            received = receive_all(connection)
        assert received.error == "full"
        assert received.code == 1013
    wait_until(lambda: limited.metric('realtime_ser_sessions{kind="stream"}') == 0)
    assert stream_events(limited, bytes(3200)).code == 1000


def test_a_client_that_sends_nothing_is_told_and_closed(impatient: RunningServer) -> None:
    with counted(impatient, "idle"), impatient.connect() as connection:
        received = receive_all(connection)
    assert received.error == "idle"
    assert received.code == 1008


def test_a_client_that_answers_no_ping_is_given_up(impatient: RunningServer) -> None:
    with (
        counted(impatient, "disconnected"),
        socket.create_connection(("127.0.0.1", impatient.port)) as half_open,
    ):
        half_open.sendall(handshake("/v1/stream"))
        audio = bytes([0x82, 0x80 | 2, 0, 0, 0, 0, 0, 0])  # two bytes of audio, masked with zeros
        end = time.monotonic() + 60
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < end:  # not idle, but it reads nothing
                half_open.sendall(audio)
                time.sleep(0.2)
        assert time.monotonic() < end


def test_a_client_that_is_held_back_may_answer_pings_late() -> None:
    audio = np.tile(speech("three_utterances"), 2).tobytes()
    with running_server("--ping", 0.2) as server:
        start = {"settings": {"hop": 0.02}}  # seconds of work
        began = time.monotonic()
        received = stream_events(server, audio, 100_000, start, ping_interval=None)
        assert time.monotonic() - began > 1, "longer than a ping and its answer may take"
        wait_until(server.ended_sessions)  # logged after the close
        assert server.ended_sessions()[0]["held_back"] > 0
    assert (received.code, received.reason) == (1000, "stopped")


def test_the_metrics_count_what_open_sessions_have_done(recognizer: Recognizer) -> None:
    samples = speech("one_utterance")
    with running_server() as server, server.connect() as connection:
        connection.send(samples.tobytes())
        seconds = len(samples) / 16_000
        wait_until(lambda: server.metric("realtime_ser_audio_seconds_total") >= 0.9 * seconds)
        wait_until(lambda: server.metric("realtime_ser_events_total") > 0)
        assert server.metric('realtime_ser_sessions{kind="stream"}') == 1
        connection.send('{"type": "stop"}')
        receive_all(connection)
        wait_until(lambda: server.metric('realtime_ser_sessions{kind="stream"}') == 0)
        assert server.metric("realtime_ser_audio_seconds_total") == pytest.approx(seconds)
        assert server.metric("realtime_ser_events_total") == len(analyzed(recognizer, samples))


def handshake(path: str) -> bytes:
    """A WebSocket handshake, byte by byte (RFC 6455, section 4.1)."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def test_a_slow_reader_loses_its_oldest_events_and_is_told_how_many(recognizer: Recognizer) -> None:
    samples = np.tile(speech("three_utterances"), 2)
    with running_server("--max-events", 4) as server, socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if hasattr(socket, "TCP_MAXSEG"):  # for loopback's large segments Linux buffers 3 MB
            narrow.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        narrow.connect(("127.0.0.1", server.port))
        with server.connect(sock=narrow, max_queue=1) as connection:
            connection.send('{"type": "start", "settings": {"hop": 0.02}}')
            for start in range(0, len(samples), 8000):
                connection.send(samples[start : start + 8000].tobytes())
            still_serves(server, recognizer)
            connection.send('{"type": "stop"}')
            received = receive_all(connection)
        wait_until(lambda: len(server.ended_sessions()) == 2)
        (line,) = (session for session in server.ended_sessions() if session["dropped"])
    reports = [event for event in received.events if event["event"] == "health"]
    assert reports, "it was told"
    assert reports[-1]["dropped"]["socket"] == line["dropped"]
    (*_, newest) = (event for event in received.events if event["event"] != "health")
    assert newest["event"] == "speech_ended", "the newest events are there"
    every = Recognizer(settings=Settings(hop=0.02)).recognize(samples, 16_000).events
    assert len(received.events) - len(reports) + line["dropped"] == len(every)
    assert received.code == 1000


def test_a_fast_sender_is_held_back_and_does_not_delay_others(
    server: RunningServer, recognizer: Recognizer
) -> None:
    audio = np.tile(speech("three_utterances"), 4).tobytes()
    stopped = threading.Event()

    def flood() -> None:
        with contextlib.suppress(ConnectionClosed), server.connect() as connection:
            while not stopped.is_set():
                connection.send(audio)

    before = server.metric("realtime_ser_held_back_total")
    floods = [threading.Thread(target=flood) for _ in range(3)]
    for thread in floods:
        thread.start()
    try:
        for _ in range(3):
            still_serves(server, recognizer)
    finally:
        stopped.set()
        for thread in floods:
            thread.join()
    wait_until(lambda: server.metric("realtime_ser_held_back_total") > before)
