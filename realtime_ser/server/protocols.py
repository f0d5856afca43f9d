"""uvicorn's protocols, with time limits that a peer cannot put off."""

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent

REQUEST_SECONDS = 10.0
"""How long a new connection may take to send its first request."""

CLOSE_SECONDS = 10.0
"""How long a connection may take to read what is left once it is closed."""


class PromptHttp(H11Protocol):
    """Ends a connection that sends no request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self.loop.call_later(REQUEST_SECONDS, self._end_without_request)

    def _end_without_request(self) -> None:
        if self.scope is None:
            self.transport.abort()


class PromptWebSocket(WebSocketsSansIOProtocol):
    """Ends a connection whose peer reads nothing: closing alone waits until all is read.

    A peer that sends faster than it is served is held back: its messages are read late, and so are
    its answers to pings. Only the time in which its messages are waited for counts against it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._held_back_seconds = 0.0
        self._held_back_since: float | None = self.loop.time()
        self._held_back_at_ping = 0.0

    async def receive(self) -> "ASGIReceiveEvent":
        """Return the next message; until the next call, the peer is held back."""
        self._held_back_seconds = self._held_back_until_now()
        self._held_back_since = None
        try:
            return await super().receive()
        finally:
            self._held_back_since = self.loop.time()

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        """Give the peer of a finished session some seconds, then end the connection."""
        super().on_task_complete(task)
        self.loop.call_later(CLOSE_SECONDS, self.transport.abort)

    def send_keepalive_ping(self) -> None:
        """Send a ping."""
        self._held_back_at_ping = self._held_back_until_now()
        super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """End the connection of a peer that answers no ping, unless it was held back meanwhile."""
        assert self.ping_timeout is not None
        held_back = self._held_back_until_now() - self._held_back_at_ping
        left = self.ping_sent_at + self.ping_timeout + held_back - self.loop.time()
        if left > 0:
            self.pong_timer = self.loop.call_later(left, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        self.loop.call_later(0.1, self.transport.abort)

    def _held_back_until_now(self) -> float:
        """Return the seconds in which no message was waited for."""
        if self._held_back_since is None:
            return self._held_back_seconds
        return self._held_back_seconds + self.loop.time() - self._held_back_since
