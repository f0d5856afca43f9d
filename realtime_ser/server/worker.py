"""A worker process: owns an interpreter, and recognizes the streams that the server gives it.

It reads frames from standard input and writes frames to standard output (see ``frames``), and ends
when its input does.

Streams share the processor by virtual time (see ``turns``).
"""

import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from realtime_ser.errors import CorrectionError, RealtimeSerError
from realtime_ser.events import Event, to_dict
from realtime_ser.recognizer import Recognizer
from realtime_ser.server.faults import Fault
from realtime_ser.server.frames import (
    HEADER,
    NUMBER,
    PIECE_SECONDS,
    Frame,
    Kind,
    pack,
    unpack_header,
)
from realtime_ser.server.messages import Start
from realtime_ser.server.recognition import StreamRecognition
from realtime_ser.server.turns import Turn
from realtime_ser.settings import Settings

MOST_BUFFERED = 16
"""Acknowledgments that wait while there is work to do; events never wait."""

log = logging.getLogger("realtime_ser.server")


@dataclass
class _Served:
    """A stream: what has come and is not yet processed, and when it is due."""

    recognition: StreamRecognition
    turn: Turn
    frames: deque[Frame] = field(default_factory=deque)

    def next_frame(self) -> Frame:
        """Return what comes next; audio that has piled up is joined, which takes less time."""
        frame = self.frames.popleft()
        pieces, size = [frame.payload], len(frame.payload)
        most = PIECE_SECONDS * self.turn.bytes_per_second
        while frame.kind is Kind.AUDIO and self.frames and self.frames[0].kind is Kind.AUDIO:
            size += len(self.frames[0].payload)
            if size > most:
                break
            pieces.append(self.frames.popleft().payload)
        return frame._replace(payload=b"".join(pieces)) if len(pieces) > 1 else frame

    def add(self, frame: Frame) -> None:
        if not self.frames:
            self.turn.audio_came(time.monotonic())
        self.frames.append(frame)


class Worker:
    """Serves streams until its input ends.

    Args:
        recognizer: its model and default settings serve all streams.
        source: frames from the server.
        sink: frames to the server.
    """

    def __init__(self, recognizer: Recognizer, source: BinaryIO, sink: BinaryIO) -> None:
        self._recognizer = recognizer
        self._sink = sink
        self._inbox: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._streams: dict[int, _Served] = {}
        self._output: list[bytes] = []
        threading.Thread(target=self._read, args=(source,), daemon=True).start()

    def run(self) -> None:
        """Process frames until there are no more."""
        self._write(pack(Kind.READY, 0))
        self._flush()
        while self._take_frames():
            if (number := self._earliest()) is not None:
                self._serve(number)

    def _read(self, source: BinaryIO) -> None:
        while (frame := read_frame(source)) is not None:
            self._inbox.put(frame)
        self._inbox.put(None)

    def _take_frames(self) -> bool:
        """Sort in what has come; wait for something if there is nothing to do."""
        wait = self._earliest() is None
        if wait:
            self._flush()
        while True:
            try:
                frame = self._inbox.get(block=wait)
            except queue.Empty:
                return True
            if frame is None:
                return False
            self._accept(frame)
            wait = False

    def _accept(self, frame: Frame) -> None:
        if frame.kind is Kind.OPEN:
            self._open(frame)
        elif (served := self._streams.get(frame.stream)) is not None:
            served.add(frame)

    def _earliest(self) -> int | None:
        """Return the stream with work whose audio is due first."""
        ready = [number for number, served in self._streams.items() if served.frames]
        return min(ready, key=lambda number: self._streams[number].turn.due, default=None)

    def _open(self, frame: Frame) -> None:
        start = Start(**json.loads(frame.payload))
        try:
            recognition = StreamRecognition(self._recognizer, start)
        except RealtimeSerError as error:
            self._fail(frame.stream, "bad_start", str(error))
            return
        self._streams[frame.stream] = _Served(recognition, Turn(start.bytes_per_second))

    def _serve(self, number: int) -> None:
        served = self._streams[number]
        frame = served.next_frame()
        try:
            self._handle(served, frame)
        except Fault as fault:
            self._fail(number, fault.code, fault.message)
        except RealtimeSerError as error:
            self._emit(number, served.recognition.abandon())
            code = "bad_correction" if isinstance(error, CorrectionError) else "bad_audio"
            self._fail(number, code, str(error))
        except Exception:
            log.exception("a stream failed")
            self._fail(number, "internal", "internal error: please report it")

    def _handle(self, served: _Served, frame: Frame) -> None:
        match frame.kind:
            case Kind.AUDIO:
                self._emit(frame.stream, served.recognition.process(frame.payload))
                served.turn.processed(len(frame.payload))
                self._write(pack(Kind.ACK, frame.stream, NUMBER.pack(len(frame.payload))))
            case Kind.CORRECT:
                served.recognition.correct(frame.payload.decode())
            case Kind.FINISH:
                self._emit(frame.stream, served.recognition.finish())
                served.recognition.check_whole()
                self._end(frame.stream, pack(Kind.DONE, frame.stream))
            case Kind.DROP:
                served.recognition.abandon()
                self._end(frame.stream)

    def _emit(self, number: int, events: Sequence[Event]) -> None:
        if events:
            lines = "\n".join(json.dumps(to_dict(event), allow_nan=False) for event in events)
            self._write(pack(Kind.EVENTS, number, lines.encode()))
            self._flush()

    def _fail(self, number: int, code: str, message: str) -> None:
        self._end(number, pack(Kind.FAULT, number, json.dumps([code, message]).encode()))

    def _end(self, number: int, last_frame: bytes = b"") -> None:
        self._streams.pop(number, None)
        self._write(last_frame)
        self._flush()

    def _write(self, data: bytes) -> None:
        self._output.append(data)
        if len(self._output) >= MOST_BUFFERED:
            self._flush()

    def _flush(self) -> None:
        data = memoryview(b"".join(self._output))
        self._output.clear()
        while data:
            data = data[self._sink.write(data) or 0 :]


def read_frame(source: BinaryIO) -> Frame | None:
    """Return the next frame, ``None`` at the end."""
    header = source.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length, stream, kind = unpack_header(header)
    payload = source.read(length)
    return None if len(payload) < length else Frame(kind, stream, payload)


def main(arguments: Sequence[str]) -> int:
    """Load the model and serve.

    Args:
        arguments: a model folder, or nothing; the settings as JSON; ``warn`` to pass on warnings
            about the model, or nothing.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the server drains, then closes the input
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    folder, settings, warn = arguments
    logging.basicConfig(
        format="realtime-ser: %(message)s", level=logging.WARNING if warn else logging.ERROR
    )
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever prints must not print between the frames
    try:
        recognizer = Recognizer(folder or None, Settings(**json.loads(settings)))
    except RealtimeSerError as error:
        reason = json.dumps([error.problem, error.remedy]).encode()
        sink.write(pack(Kind.FAILED, 0, reason))
        return 1
    logging.root.setLevel(logging.ERROR)  # warnings from here on are about clients' audio
    Worker(recognizer, source, sink).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
