"""A real server in a process of its own, and clients that talk to it."""

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from realtime_ser import Recognizer, to_dict

pytest.importorskip("websockets", reason="needs the serve extra")
pytest.importorskip("uvicorn", reason="needs the serve extra")

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

SECONDS = 120.0
"""Generous, for busy machines; on an idle one nothing takes more than about a second."""

Event = dict[str, Any]


@dataclass
class RunningServer:
    """A running ``realtime-ser serve``.

    Attributes:
        process: the server.
        port: where it listens on 127.0.0.1.
        lines: what it has written on standard error so far.
        scheme: ``http`` or ``https``.
    """

    process: subprocess.Popen[str]
    port: int = 0
    lines: list[str] = field(default_factory=list)
    scheme: str = "http"

    def url(self, path: str) -> str:
        return f"{self.scheme.replace('http', 'ws')}://127.0.0.1:{self.port}{path}"

    def connect(self, path: str = "/v1/stream", **options: Any) -> ClientConnection:
        settings: dict[str, Any] = {"compression": None, "max_size": None, **options}
        return connect(self.url(path), **settings)  # type: ignore[no-any-return]

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        """The value of a metric, 0 where it has none yet."""
        _, text = self.get("/metrics")
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def ended_sessions(self) -> list[dict[str, Any]]:
        """The log lines of the sessions that have ended."""
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def recognizes(self, samples: np.ndarray, expected: Sequence[Event]) -> bool:
        """Whether it still serves a stream as it should."""
        return stream_events(self, samples.tobytes()).events == expected

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


@contextlib.contextmanager
def running_server(
    *options: object,
    environment: dict[str, str] | None = None,
    scheme: str = "http",
    open_files: int | None = None,
) -> Iterator[RunningServer]:
    """Start a server on a free port, which may have so many open files, and end it."""
    command = [sys.executable, "-m", "realtime_ser", "serve", "--port", "0", "--workers", "1"]
    process = subprocess.Popen(
        [*command, *map(str, options)],
        env={**os.environ, **(environment or {})},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=functools.partial(_prepare, open_files) if os.name == "posix" else None,
    )
    server = RunningServer(process, scheme=scheme)
    reading = threading.Thread(target=_read, args=(process, server.lines))
    reading.start()
    try:
        wait_until(lambda: any("/v1/stream" in line for line in server.lines) or process.poll())
        address = re.search(r"://[^/]*:(\d+)/", "\n".join(server.lines))
        assert address, server.lines
        server.port = int(address[1])
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        reading.join()
        assert process.stderr is not None
        process.stderr.close()
    assert not [line for line in server.lines if "Traceback" in line], "\n".join(server.lines)


def _prepare(open_files: int | None) -> None:
    """Undo what a shell does to background jobs: they ignore Ctrl-C, and so would the server."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if open_files is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))


def _read(process: "subprocess.Popen[str]", lines: list[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(line.rstrip("\n"))


def wait_until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """Wait until something is true, or fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


@dataclass(frozen=True)
class Received:
    """What a client got: the events, and the code and reason of the close."""

    events: list[Event]
    code: int | None
    reason: str | None

    @property
    def error(self) -> str | None:
        """The code of the last event, if it is an error."""
        last = self.events[-1] if self.events else {}
        return last.get("code") if last.get("event") == "error" else None


def receive_all(connection: ClientConnection) -> Received:
    """Read until the server closes the connection."""
    events = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            events.append(json.loads(connection.recv(SECONDS)))
    return Received(events, connection.close_code, connection.close_reason)


def stream_events(
    server: RunningServer,
    audio: bytes,
    size: int = 8192,
    start: dict[str, Any] | None = None,
    **options: Any,
) -> Received:
    """Send audio in frames of ``size`` bytes, then stop, and return what came."""
    with server.connect(**options) as connection:
        return send(connection, audio, size, start)


def send(
    connection: ClientConnection, audio: bytes, size: int, start: dict[str, Any] | None = None
) -> Received:
    """Send audio, then ``stop``, while another thread reads; return what came."""

    def send_all() -> None:
        with contextlib.suppress(ConnectionClosed):
            if start is not None:
                connection.send(json.dumps({"type": "start", **start}))
            for begin in range(0, len(audio), size):
                connection.send(audio[begin : begin + size])
            connection.send('{"type": "stop"}')

    sending = threading.Thread(target=send_all)
    sending.start()
    received = receive_all(connection)
    sending.join()
    return received


def analyzed(recognizer: Recognizer, samples: ArrayLike, rate: int = 16_000) -> list[Event]:
    """What ``analyze`` says of samples, as JSON objects."""
    array = np.asarray(samples)
    lines = _lines_of(recognizer, array.tobytes(), array.dtype.str, array.shape, rate)
    return [json.loads(line) for line in lines]


@functools.lru_cache(maxsize=32)
def _lines_of(
    recognizer: Recognizer, content: bytes, dtype: str, shape: tuple[int, ...], rate: int
) -> list[str]:
    samples = np.frombuffer(content, dtype).reshape(shape)
    return [json.dumps(to_dict(event)) for event in recognizer.recognize(samples, rate).events]
