"""Runs a server from its first connection to its last: workers, source, sockets, signals."""

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from realtime_ser.capture.sources import Source
from realtime_ser.recognizer import Recognizer
from realtime_ser.server.app import build_app
from realtime_ser.server.live_source import LiveSource
from realtime_ser.server.metrics import Metrics
from realtime_ser.server.options import ServerOptions
from realtime_ser.server.pool import WorkerPool
from realtime_ser.server.protocols import PromptHttp, PromptWebSocket
from realtime_ser.server.sessions import Sessions
from realtime_ser.server.state import ServerState
from realtime_ser.signals import ending_signals, handlers_restored

LARGEST_MESSAGES = 4
"""So many times the allowed size of a message is read, to explain why it is refused."""

log = logging.getLogger("realtime_ser.server")


def serve(
    options: ServerOptions,
    listening: socket.socket,
    *,
    certificate: ssl.SSLContext | None = None,
    source: Source | None = None,
    announce: Callable[[], None] = lambda: None,
) -> bool:
    """Serve until a signal ends it; open sessions then get their last events.

    Args:
        options: limits, access, model and settings.
        listening: the socket to accept connections on.
        certificate: for TLS, ``None`` for none.
        source: the server's own microphone or clip, open; closed at the end.
        announce: is called once connections are accepted.

    Returns:
        Whether it was Ctrl-C that ended it.

    Raises:
        RealtimeSerError: the model cannot be loaded.
    """
    _configure_logs()
    return asyncio.run(_serve(options, listening, certificate, source, announce))


async def _serve(
    options: ServerOptions,
    listening: socket.socket,
    certificate: ssl.SSLContext | None,
    source: Source | None,
    announce: Callable[[], None],
) -> bool:
    asyncio.get_running_loop().set_exception_handler(_report_error)
    async with _running(options, source) as state:
        config = uvicorn.Config(
            build_app(state),
            http=PromptHttp,
            ws=PromptWebSocket,
            ws_max_size=LARGEST_MESSAGES * options.limits.message_bytes,
            ws_ping_interval=options.limits.ping_seconds,
            ws_ping_timeout=options.limits.ping_seconds,
            ws_per_message_deflate=False,  # audio does not shrink, and it takes 0.3 MB a client
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            ssl_context_factory=None if certificate is None else lambda *_: certificate,
        )
        server = _Server(config, state.sessions, options.limits.drain_seconds, announce)
        await server.serve([listening])
        return server.interrupted


@contextlib.asynccontextmanager
async def _running(options: ServerOptions, source: Source | None) -> AsyncIterator[ServerState]:
    """Start the workers and the source, and end them."""
    metrics = Metrics()
    pool = WorkerPool(
        options.workers,
        options.model,
        options.settings,
        metrics.latency.observe,
        warn=source is None,  # else the source's own model says it
    )
    live = None
    try:
        if source is not None:
            pipeline = Recognizer(options.model, options.settings).pipeline()
            live = LiveSource(source, pipeline)
        await pool.start()
        if live is not None:
            live.start()
        yield ServerState(options, metrics, Sessions(options, metrics), pool, live)
    finally:
        if live is not None:
            await live.close()
        await pool.close()


class _Server(uvicorn.Server):
    """Drains its sessions before uvicorn closes their connections."""

    def __init__(
        self,
        config: uvicorn.Config,
        sessions: Sessions,
        drain_seconds: float,
        announce: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._sessions = sessions
        self._drain_seconds = drain_seconds
        self._announce = announce
        self.interrupted = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        draining = asyncio.create_task(self._sessions.drain(self._drain_seconds))
        while not draining.done() and not self.force_exit:
            await asyncio.sleep(0.02)
        if not draining.done() or not draining.result():
            log.warning("sessions were still open and are cut off")
        draining.cancel()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with handlers_restored():
            for number in ending_signals():
                signal.signal(number, self.handle_exit)
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; the second signal ends at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self.interrupted |= sig == signal.SIGINT


def _configure_logs() -> None:
    """Log sessions as JSON lines on standard error, and nothing that a client can provoke."""
    sessions = logging.getLogger("realtime_ser.server.sessions")
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(logging.Formatter("%(message)s"))
    sessions.handlers[:] = [lines]
    sessions.setLevel(logging.INFO)
    sessions.propagate = False
    uvicorn_log = logging.getLogger("uvicorn.error")
    uvicorn_log.setLevel(logging.ERROR)  # garbage in place of HTTP is a warning
    uvicorn_log.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Return false for text that is not UTF-8, and for sessions that were cut off: we say so."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, UnicodeDecodeError) and not record.msg.startswith("Cancel ")


def _report_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error outside all tasks, unless a client's connection caused it."""
    error = context.get("exception")
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        log.warning("realtime-ser: too many open files; new clients wait (see ulimit -n)")
    elif not isinstance(error, ssl.SSLError | ConnectionError):
        loop.default_exception_handler(context)
