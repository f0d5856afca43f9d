"""uvicorn's protocols, with ends that a peer cannot put off."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

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
    """Ends a connection whose peer reads nothing: closing alone waits until all is read."""

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        """Give the peer of a finished session some seconds, then end the connection."""
        super().on_task_complete(task)
        self.loop.call_later(CLOSE_SECONDS, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """End the connection of a peer that answers no ping."""
        super().keepalive_timeout()
        self.loop.call_later(0.1, self.transport.abort)
