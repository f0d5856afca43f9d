"""The worker processes as the server sees them: which stream is served by which."""

import asyncio
import itertools
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from realtime_ser.errors import RealtimeSerError
from realtime_ser.server.faults import Fault
from realtime_ser.server.frames import HEADER, NUMBER, Frame, Kind, pack, unpack_header
from realtime_ser.server.messages import Start
from realtime_ser.server.remote_stream import RemoteStream
from realtime_ser.settings import Settings

END_SECONDS = 5.0
"""How long a worker may take to end once its input is closed."""

RESTART_SECONDS = 1.0
"""Pause before a worker that ended by itself is started again."""

log = logging.getLogger("realtime_ser.server")


class WorkerPool:
    """As many worker processes as asked for, each with a loaded model.

    Args:
        workers: how many.
        model: model folder, ``None`` for the usual one.
        settings: defaults of every stream.
        observe_latency: is called with the seconds from receiving the last audio of an event to
            the event.
        warn: whether the first worker passes on warnings about the model.

    Attributes:
        restarts: workers that ended by themselves so far.
    """

    def __init__(
        self,
        workers: int,
        model: Path | None,
        settings: Settings,
        observe_latency: Callable[[float], None],
        *,
        warn: bool = True,
    ) -> None:
        command = [sys.executable, "-P", "-m", "realtime_ser.server.worker"]
        command += [str(model or ""), json.dumps(asdict(settings))]
        self._workers = [
            WorkerProcess([*command, "warn" if warn and number == 0 else ""], observe_latency)
            for number in range(workers)
        ]
        self._watching: list[asyncio.Task[None]] = []
        self.restarts = 0

    async def start(self) -> None:
        """Start all workers, and wait until their models are loaded.

        Raises:
            RealtimeSerError: the model cannot be loaded.
        """
        await asyncio.gather(*(worker.start() for worker in self._workers))
        self._watching = [asyncio.create_task(self._watch(worker)) for worker in self._workers]

    def open(self, start: Start) -> RemoteStream:
        """Return a new stream, on the worker that has the fewest.

        Raises:
            Fault: no worker is running.
        """
        running = [worker for worker in self._workers if worker.running]
        if not running:
            raise Fault("internal", "no worker process is running: connect again in a few seconds")
        return min(running, key=lambda worker: len(worker.streams)).open(start)

    @property
    def running(self) -> int:
        """Workers that can take streams now."""
        return sum(worker.running for worker in self._workers)

    def lag_seconds(self) -> float:
        """Return the age of the oldest audio that has been received and not yet processed."""
        streams = (stream for worker in self._workers for stream in worker.streams.values())
        return max((stream.lag_seconds() for stream in streams), default=0.0)

    async def close(self) -> None:
        """End all workers."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*(worker.close() for worker in self._workers))

    async def _watch(self, worker: "WorkerProcess") -> None:
        """Start a worker again whenever it ends."""
        while True:
            await worker.ended()
            self.restarts += 1
            log.error("realtime-ser: a worker process ended and is started again")
            await asyncio.sleep(RESTART_SECONDS)
            try:
                await worker.start()
            except (RealtimeSerError, OSError) as error:
                log.error("realtime-ser: the worker cannot be started: %s", error)


class WorkerProcess:
    """One worker process and the streams that are bound to it."""

    def __init__(self, command: Sequence[str], observe_latency: Callable[[float], None]) -> None:
        self._command = command
        self._observe_latency = observe_latency
        self._numbers = itertools.count(1)
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.streams: dict[int, RemoteStream] = {}
        self.running = False

    async def start(self) -> None:
        """Start the process, and wait until its model is loaded.

        Raises:
            RealtimeSerError: the model cannot be loaded.
        """
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C reaches the server alone, which drains first
        )
        frame = await self._next_frame()
        if frame is None or frame.kind is not Kind.READY:
            await self.close()
            problem = ("a worker process cannot be started", "see the lines above")
            raise RealtimeSerError(*(json.loads(frame.payload) if frame else problem))
        self.running = True
        self._reading = asyncio.create_task(self._read())

    def open(self, start: Start) -> RemoteStream:
        """Return a new stream."""
        number = next(self._numbers)
        stream = RemoteStream(number, start, self._send, self.streams.pop)
        self.streams[number] = stream
        self._send(Kind.OPEN, number, json.dumps(asdict(start)).encode())
        return stream

    async def ended(self) -> None:
        """Wait until the process has ended."""
        if self._reading is not None:
            await asyncio.shield(self._reading)
        if self._process is not None:
            await self._process.wait()

    async def close(self) -> None:
        """Close the process's input, and kill it if it does not end."""
        self.running = False
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    def _send(self, kind: Kind, number: int, payload: bytes = b"") -> None:
        if self.running and self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(pack(kind, number, payload))

    async def _next_frame(self) -> Frame | None:
        assert self._process is not None
        assert self._process.stdout is not None
        reader = self._process.stdout
        try:
            length, number, kind = unpack_header(await reader.readexactly(HEADER.size))
            return Frame(kind, number, await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _read(self) -> None:
        """Hand every frame to its stream, until the process ends."""
        while (frame := await self._next_frame()) is not None:
            if (stream := self.streams.get(frame.stream)) is not None:
                self._dispatch(stream, frame)
        self.running = False
        for stream in list(self.streams.values()):
            stream.on_fault(Fault("internal", "a worker process ended: connect again"))

    def _dispatch(self, stream: RemoteStream, frame: Frame) -> None:
        match frame.kind:
            case Kind.ACK:
                stream.on_processed(*NUMBER.unpack(frame.payload))
            case Kind.EVENTS:
                self._observe_latency(stream.lag_seconds())
                stream.on_events(frame.payload.decode().split("\n"))
            case Kind.FAULT:
                stream.on_fault(Fault(*json.loads(frame.payload)))
            case Kind.DONE:
                stream.on_done()
