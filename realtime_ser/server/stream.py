"""``/v1/stream``: a client's audio in, its events out."""

import asyncio
import json

from starlette.websockets import WebSocket

from realtime_ser.server.connection import Connection
from realtime_ser.server.faults import Fault
from realtime_ser.server.messages import Correct, Start, Stop
from realtime_ser.server.remote_stream import RemoteStream
from realtime_ser.server.sessions import Counts
from realtime_ser.server.state import ServerState


class StreamConnection(Connection):
    """A client that sends audio. Its first message binds it to a worker."""

    kind = "stream"

    def __init__(self, websocket: WebSocket, server: ServerState) -> None:
        super().__init__(websocket, server)
        self._remote: RemoteStream | None = None

    async def converse(self) -> None:
        """Pass audio and corrections on to the worker, until the client says ``stop``."""
        while True:
            match await self._receive_in_time():
                case bytes(audio):
                    await self._opened().send_audio(audio)
                case Start() as start:
                    self._open(start)
                case Correct(label):
                    self._opened().correct(label)
                case Stop():
                    await self.finish()
                    return

    async def finish(self) -> None:
        """Wait until the worker has sent the last events."""
        if self._remote is not None:
            self._remote.finish()
            if (fault := await asyncio.shield(self._remote.ended)) is not None:
                raise fault

    def health(self, dropped: int) -> str:
        """Return a ``health`` event; the level is not known here."""
        seconds, lag = 0.0, 0.0
        if self._remote is not None:
            seconds, lag = self._remote.audio_seconds, self._remote.lag_seconds()
        return json.dumps(
            {
                "event": "health",
                "time": round(seconds, 6),
                "overflows": 0,
                "lost_samples": 0,
                "lag_ms": round(1000 * lag, 1),
                "dropped": {"socket": dropped},
            }
        )

    def close(self) -> None:
        """End the stream in its worker."""
        if self._remote is not None:
            self._remote.drop()

    def count(self) -> Counts:
        """Return what this stream has done so far."""
        counts = super().count()
        if self._remote is None:
            return counts
        return counts._replace(
            audio_seconds=self._remote.audio_seconds, held_back=self._remote.held_back
        )

    async def _receive_in_time(self) -> bytes | Start | Correct | Stop:
        seconds = self.server.options.limits.idle_seconds
        try:
            async with asyncio.timeout(seconds or None):
                return await self.receive()
        except TimeoutError:
            raise Fault("idle", f"nothing came for {seconds:g} s: connect again") from None

    def _opened(self) -> RemoteStream:
        """Return the stream; one that began without a start message has the defaults."""
        return self._remote or self._open(Start())

    def _open(self, start: Start) -> RemoteStream:
        if self._remote is not None:
            raise Fault("bad_message", "start comes first, before any audio: connect again")
        if start.profile is not None and not self.server.options.access.profiles:
            raise Fault("refused", "profiles are off: start the server with --profiles")
        self._remote = remote = self.server.pool.open(start)
        remote.on_events = self.outbox.put
        remote.ended.add_done_callback(self._on_ended)
        self.session.details |= {"sample_rate": start.sample_rate, "channels": start.channels}
        return remote

    def _on_ended(self, ended: "asyncio.Future[Fault | None]") -> None:
        if not ended.cancelled() and (fault := ended.result()) and not self.failed.done():
            self.failed.set_result(fault)
