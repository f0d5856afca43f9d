"""Broken and malicious clients: the server keeps serving the others."""

import base64
import contextlib
import os
import socket
import threading
from collections.abc import Callable

import pytest
from running_server import RunningServer, analyzed, receive_all, running_server, wait_until
from speech_clips import speech
from test_limits import handshake

from realtime_ser import Recognizer
from realtime_ser.server.listening import allow_many_connections

MASK = bytes(4)


def raw(server: RunningServer, data: bytes, *, wait: bool = True) -> bytes:
    """Send bytes on a bare connection; return the beginning of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            return connection.recv(4096) if wait else b""
        return b""


ROGUES: dict[str, Callable[[RunningServer], object]] = {
    "garbage instead of HTTP": lambda server: raw(server, os.urandom(10_000)),
    "TLS to a plain server": lambda server: raw(server, bytes.fromhex("1603010200010001fc0303")),
    "an endless header": lambda server: raw(server, b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000),
    "a header without an end": lambda server: raw(server, b"GET / HT", wait=False),
    "garbage after the handshake": lambda server: raw(
        server, handshake("/v1/stream") + os.urandom(10_000)
    ),
    "an unmasked frame": lambda server: raw(server, handshake("/v1/stream") + b"\x82\x02ab"),
    "a reserved opcode": lambda server: raw(
        server, handshake("/v1/stream") + b"\x83\x82" + MASK + b"ab"
    ),
    "text that is not UTF-8": lambda server: raw(
        server, handshake("/v1/stream") + b"\x81\x82" + MASK + b"\xff\xfe"
    ),
    "a frame that says it has 2^62 bytes": lambda server: raw(
        server, handshake("/v1/stream") + b"\x82\xff" + (2**62).to_bytes(8, "big") + MASK
    ),
    "a fragment without a beginning": lambda server: raw(
        server, handshake("/v1/stream") + b"\x80\x82" + MASK + b"ab"
    ),
    "a handshake on a page": lambda server: raw(server, handshake("/")),
    "a handshake nowhere": lambda server: raw(server, handshake("/v9")),
    "a wrong version": lambda server: raw(
        server, handshake("/v1/stream").replace(b"Version: 13", b"Version: 8")
    ),
    "a large body": lambda server: raw(
        server, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + bytes(100_000)
    ),
    "gone after the handshake": lambda server: raw(server, handshake("/v1/stream"), wait=False),
    "gone within a frame": lambda server: raw(
        server, handshake("/v1/stream") + b"\x82\xfe\x10\x00" + MASK + b"ab", wait=False
    ),
}


@pytest.mark.parametrize("name", ROGUES)
def test_a_rogue_client_is_survived(
    server: RunningServer, recognizer: Recognizer, name: str
) -> None:
    ROGUES[name](server)
    assert server.get("/healthz")[0] == 200
    samples = speech("one_utterance")
    assert server.recognizes(samples, analyzed(recognizer, samples))
    wait_until(lambda: server.metric('realtime_ser_sessions{kind="stream"}') == 0)


def test_a_rogue_client_leaves_no_line_in_the_log(server: RunningServer) -> None:
    other = [line for line in server.lines if not line.startswith(("{", "realtime-ser: "))]
    assert other == []


def shake_hands(server: RunningServer) -> socket.socket:
    """Return an accepted WebSocket that costs no thread, as those of a client library do."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    connection.sendall(handshake("/v1/stream"))
    assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")
    return connection


def test_a_thousand_idle_connections_disturb_no_stream(
    server: RunningServer, recognizer: Recognizer
) -> None:
    idle = 1000
    if allow_many_connections() < idle + 100:
        pytest.skip(f"this user may not have {idle} open files: raise ulimit -n")
    samples = speech("one_utterance")
    with contextlib.ExitStack() as opened:
        for _ in range(idle):
            opened.enter_context(shake_hands(server))
        assert server.metric('realtime_ser_sessions{kind="stream"}') == idle
        assert server.recognizes(samples, analyzed(recognizer, samples))
    wait_until(lambda: server.metric('realtime_ser_sessions{kind="stream"}') == 0)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit of open files")
def test_more_connections_than_open_files_are_told_and_survived(recognizer: Recognizer) -> None:
    samples = speech("one_utterance")
    with running_server(open_files=100) as server:
        assert any("100 open files" in line for line in server.lines), "said at the start"
        with contextlib.ExitStack() as opened:
            for _ in range(150):
                opened.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            wait_until(lambda: any("too many open files" in line for line in server.lines))
        wait_until(lambda: server.get("/healthz")[0] == 200)
        assert server.recognizes(samples, analyzed(recognizer, samples))


def test_a_thousand_connects_and_disconnects_leave_nothing_behind(server: RunningServer) -> None:
    def hammer() -> None:
        for _ in range(250):
            with contextlib.suppress(OSError), shake_hands(server) as connection:
                connection.sendall(b"\x82\xfe\x02\x80" + MASK + bytes(640))
                connection.shutdown(socket.SHUT_RDWR)

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: server.metric('realtime_ser_sessions{kind="stream"}') == 0)
    assert server.metric("realtime_ser_worker_restarts") == 0


@pytest.mark.parametrize(
    "text", ["\0\0\0\0", base64.b64encode(bytes(3200)).decode()], ids=["zeros", "base64"]
)
def test_text_in_the_middle_of_the_audio_ends_that_stream_after_its_events(
    server: RunningServer, recognizer: Recognizer, text: str
) -> None:
    samples = speech("one_utterance")
    with server.connect() as connection:
        connection.send(samples.tobytes())
        connection.send(text)
        received = receive_all(connection)
    assert (received.error, received.code) == ("bad_message", 1003)
    assert "binary frames" in received.events[-1]["message"]
    assert received.events[:-1] == analyzed(recognizer, samples)


def test_minutes_of_silence_give_no_event_and_end_in_order(server: RunningServer) -> None:
    before = len(server.ended_sessions())
    with server.connect() as connection:
        for _ in range(120):
            connection.send(bytes(32_000))
        connection.send('{"type": "stop"}')
        received = receive_all(connection)
    assert received.events == []
    assert received.code == 1000
    wait_until(lambda: len(server.ended_sessions()) > before)  # logged after the close
    assert server.ended_sessions()[-1]["audio_seconds"] == 120
