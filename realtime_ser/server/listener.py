"""``/v1/events``: what the server's own microphone hears, for any number of listeners."""

import asyncio
import contextlib

from realtime_ser.server.connection import Connection
from realtime_ser.server.faults import Fault
from realtime_ser.server.live_source import LiveSource
from realtime_ser.server.messages import Stop

HEALTH_SECONDS = (0.1, 60.0)
"""How often a listener may ask for a health event."""


class ListenerConnection(Connection):
    """A client that only listens. ``?health=S`` asks for a health event every S seconds."""

    kind = "events"

    async def converse(self) -> None:
        """Send events until the client says ``stop``.

        Raises:
            Fault: the server has no source, or it has ended, or the client sent something else.
        """
        live = self._live()
        period = self._health_period()
        live.add(self.outbox)
        live.ended.add_done_callback(self._on_ended)
        telling = asyncio.create_task(self._tell_health(live, period)) if period else None
        try:
            if not isinstance(await self.receive(), Stop):
                raise Fault("bad_message", "a listener sends nothing but stop")
        finally:
            if telling is not None:
                telling.cancel()

    async def finish(self) -> None:
        """Do nothing: all events are in the outbox already."""

    def health(self, dropped: int) -> str:
        """Return the state of the server's source."""
        return self._live().health(dropped)

    def close(self) -> None:
        """Stop listening."""
        if (live := self.server.live) is not None:
            live.remove(self.outbox)
            live.ended.remove_done_callback(self._on_ended)

    def _live(self) -> LiveSource:
        if self.server.live is None:
            raise Fault("no_source", "this server has no source: start it with --device or --demo")
        return self.server.live

    def _health_period(self) -> float | None:
        """Return how often to send health events, ``None`` for as often as the source does."""
        text = self.websocket.query_params.get("health")
        if text is None:
            return None
        with contextlib.suppress(ValueError):
            shortest, longest = HEALTH_SECONDS
            if shortest <= (seconds := float(text)) <= longest:
                return seconds
        raise Fault("bad_message", "health is no number of seconds from 0.1 to 60")

    async def _tell_health(self, live: LiveSource, period: float) -> None:
        while True:
            self.outbox.put([live.health(self.outbox.dropped)])
            await asyncio.sleep(period)

    def _on_ended(self, ended: "asyncio.Future[str]") -> None:
        if not self.failed.done() and not ended.cancelled():
            self.failed.set_result(Fault("source_ended", ended.result()))
