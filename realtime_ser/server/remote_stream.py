"""A stream that a worker process serves, as the server sees it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from realtime_ser.server.faults import Fault
from realtime_ser.server.frames import PIECE_SECONDS, Kind
from realtime_ser.server.messages import Start

AHEAD_SECONDS = 0.96
"""Most audio that waits in a worker: a client that sends faster is held back by its socket."""


class RemoteStream:
    """Sends audio to a worker, and takes what comes back.

    Args:
        number: of the stream within its worker.
        start: what the audio is.
        send: sends a frame to the worker.
        forget: is called with the number once the worker no longer serves the stream.

    Attributes:
        on_events: takes events, one JSON object each; set by the owner.
        ended: is done when the worker has ended the stream: with a ``Fault`` or, after ``finish``,
            without.
        audio_seconds: processed so far.
        held_back: how often the client sent faster than it was served.
    """

    def __init__(
        self,
        number: int,
        start: Start,
        send: Callable[[Kind, int, bytes], None],
        forget: Callable[[int, None], object],
    ) -> None:
        self._number = number
        self._send = send
        self._forget = forget
        self._bytes_per_second = start.bytes_per_second
        self._piece_bytes = max(int(PIECE_SECONDS * self._bytes_per_second), 1)
        self._most_ahead = int(AHEAD_SECONDS * self._bytes_per_second)
        self._ahead = 0
        self._pieces: deque[tuple[int, float]] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self.on_events: Callable[[Sequence[str]], None] = lambda _: None
        self.ended: asyncio.Future[Fault | None] = asyncio.get_running_loop().create_future()
        self.audio_seconds = 0.0
        self.held_back = 0

    async def send_audio(self, data: bytes) -> None:
        """Send audio; waits while the worker is too far behind."""
        for start in range(0, len(data), self._piece_bytes):
            piece = data[start : start + self._piece_bytes]
            await self._wait_for_room()
            self._ahead += len(piece)
            self._pieces.append((len(piece), time.monotonic()))
            if self._ahead >= self._most_ahead:
                self._room.clear()
            self._send(Kind.AUDIO, self._number, piece)

    def correct(self, label: str) -> None:
        """Send a correction of the last utterance."""
        self._send(Kind.CORRECT, self._number, label.encode())

    def finish(self) -> None:
        """Ask for the last events; ``ended`` is done after them."""
        self._send(Kind.FINISH, self._number, b"")

    def drop(self) -> None:
        """End the stream without waiting for its events."""
        if not self.ended.done():
            self._send(Kind.DROP, self._number, b"")
            self.on_done()

    def lag_seconds(self) -> float:
        """Return the age of the oldest audio that has been received and not yet processed."""
        return time.monotonic() - self._pieces[0][1] if self._pieces else 0.0

    def on_processed(self, size: int) -> None:
        """The worker has processed the oldest pieces, of ``size`` bytes together."""
        self._ahead -= size
        self.audio_seconds += size / self._bytes_per_second
        while size > 0:
            size -= self._pieces.popleft()[0]
        if self._ahead < self._most_ahead:
            self._room.set()

    def on_fault(self, fault: Fault) -> None:
        """The worker has given the stream up."""
        self._end(fault)

    def on_done(self) -> None:
        """The worker has ended the stream as asked."""
        self._end(None)

    def _end(self, fault: Fault | None) -> None:
        self._forget(self._number, None)
        self._pieces.clear()
        self._room.set()
        if not self.ended.done():
            self.ended.set_result(fault)

    async def _wait_for_room(self) -> None:
        if not self._room.is_set():
            self.held_back += 1
            await self._room.wait()
