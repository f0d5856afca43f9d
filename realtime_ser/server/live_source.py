"""The server's own microphone or clip: one live run, whose events go to any number of listeners."""

import asyncio
from collections.abc import Callable

from realtime_ser.capture.sources import Source
from realtime_ser.events import Event, Health
from realtime_ser.live.engine import Engine
from realtime_ser.live.sinks import Sink
from realtime_ser.output.json_lines import json_line
from realtime_ser.pipeline import Pipeline
from realtime_ser.server.outbox import Outbox

POLL_SECONDS = 0.05


class LiveSource:
    """Runs a source in threads of its own, and passes its events to the listeners' outboxes.

    Args:
        source: open; closed by this.
        pipeline: a fresh one.

    Attributes:
        kind: ``microphone`` or ``clip``.
        ended: the reason, for people, once the source has ended.
    """

    def __init__(self, source: Source, pipeline: Pipeline) -> None:
        self.kind = "microphone" if source.live else "clip"
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._outboxes: set[Outbox] = set()
        self._sink = _EventSink(self._on_event)
        self._engine = Engine(source, pipeline, sinks=[self._sink])
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._engine.start()
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Release the source."""
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.to_thread(self._engine.stop)

    def add(self, outbox: Outbox) -> None:
        """Give an outbox every event from now on."""
        self._outboxes.add(outbox)

    def remove(self, outbox: Outbox) -> None:
        """Stop giving events to an outbox."""
        self._outboxes.discard(outbox)

    def health(self, dropped: int = 0) -> str:
        """Return the present state as a ``health`` event, as JSON.

        Args:
            dropped: events that the asking listener has lost.
        """
        now = self._engine.snapshot()
        lost = {self._sink.name: dropped} if dropped else {}
        state = (now.time, now.overflows, now.lost_samples, now.lag_ms, now.input_dbfs, now.problem)
        return json_line(Health(*state, lost)).rstrip()

    def _on_event(self, event: Event) -> None:
        """Called by the run's thread."""
        line = json_line(event).rstrip()
        self._loop.call_soon_threadsafe(self._publish, line)

    def _publish(self, line: str) -> None:
        for outbox in self._outboxes:
            before = outbox.dropped
            outbox.put([line])
            self._sink.dropped += outbox.dropped - before

    async def _watch(self) -> None:
        while not (now := self._engine.snapshot()).finished:
            await asyncio.sleep(POLL_SECONDS)
        self.ended.set_result(str(now.failure or "the server's source has ended"))


class _EventSink(Sink):
    """Passes events on."""

    name = "socket"

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._take = on_event

    def on_event(self, event: Event) -> None:
        self._take(event)
