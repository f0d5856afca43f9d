"""The open sessions: how many there may be, how they are drained, what is logged of them."""

import asyncio
import itertools
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.websockets import WebSocket

from realtime_ser.server.faults import INTERNAL, Fault
from realtime_ser.server.metrics import Metrics
from realtime_ser.server.options import ServerOptions

log = logging.getLogger("realtime_ser.server.sessions")


class Counts(NamedTuple):
    """What a session has done so far.

    Attributes:
        audio_seconds: recognized.
        events: sent.
        dropped: events that its reader was too slow for.
        held_back: times that it sent faster than it was served.
    """

    audio_seconds: float = 0.0
    events: int = 0
    dropped: int = 0
    held_back: int = 0


@dataclass(eq=False)
class Session:
    """One open stream or listener, and what its log line says at its end.

    Attributes:
        kind: ``stream`` or ``events``.
        id: number since the start of the server.
        began: time of its start, in seconds of ``time.monotonic``.
        count: returns what it has done so far.
        draining: is set when the session must end.
        reason: why it ended.
        close_code: the WebSocket close code.
        counted: how much of that is in the metrics.
        details: sample rate and the like.
    """

    kind: str
    id: int
    began: float
    count: Callable[[], Counts]
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = "internal"
    close_code: int = INTERNAL
    counted: Counts = field(default_factory=Counts)
    details: dict[str, object] = field(default_factory=dict)

    def log_line(self) -> str:
        """Return what the log says of it, as JSON."""
        counts = self.count()
        return json.dumps(
            {
                "log": "session ended",
                "kind": self.kind,
                "id": self.id,
                "seconds": round(time.monotonic() - self.began, 3),
                **counts._asdict(),
                "audio_seconds": round(counts.audio_seconds, 3),
                "reason": self.reason,
                "close_code": self.close_code,
                **self.details,
            }
        )


class Sessions:
    """All open sessions of a server."""

    def __init__(self, options: ServerOptions, metrics: Metrics) -> None:
        self._most = options.limits.sessions
        self._log_addresses = options.log_addresses
        self._metrics = metrics
        self._ids = itertools.count(1)
        self._open: set[Session] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.draining = False

    def enter(self, kind: str, websocket: WebSocket, count: Callable[[], Counts]) -> Session:
        """Open a session.

        Args:
            kind: ``stream`` or ``events``.
            websocket: its connection.
            count: returns what it has done so far.

        Raises:
            Fault: there are too many, or the server is about to end.
        """
        if self.draining:
            raise Fault("draining", "the server is about to end: connect again later")
        if len(self._open) >= self._most:
            raise Fault("full", f"all {self._most} sessions are taken: connect again later")
        session = Session(kind, next(self._ids), time.monotonic(), count)
        if self._log_addresses and websocket.client is not None:
            session.details["address"] = websocket.client.host
        self._open.add(session)
        self._empty.clear()
        self._metrics.sessions.labels(kind).inc()
        return session

    def leave(self, session: Session) -> None:
        """Close a session: count it, and log its line."""
        self._open.discard(session)
        if not self._open:
            self._empty.set()
        self._metrics.sessions.labels(session.kind).dec()
        self._metrics.ended.labels(session.kind, session.reason).inc()
        self._add_to_metrics(session)
        log.info(session.log_line())

    def update_metrics(self) -> None:
        """Bring the metrics up to date with the open sessions."""
        for session in self._open:
            self._add_to_metrics(session)

    def _add_to_metrics(self, session: Session) -> None:
        counts, before = session.count(), session.counted
        self._metrics.audio_seconds.inc(counts.audio_seconds - before.audio_seconds)
        self._metrics.events.inc(counts.events - before.events)
        self._metrics.dropped.inc(counts.dropped - before.dropped)
        self._metrics.held_back.inc(counts.held_back - before.held_back)
        session.counted = counts

    async def drain(self, seconds: float) -> bool:
        """Refuse new sessions, and let the open ones send their last events.

        Returns:
            Whether all have ended within ``seconds``.
        """
        self.draining = True
        for session in list(self._open):
            session.draining.set()
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except TimeoutError:
            return False
        return True
