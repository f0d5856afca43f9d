"""The events of a microphone as they happen; can be closed from any thread."""

import os
import threading
from collections.abc import Iterator
from typing import Never, Self

from realtime_ser.errors import AudioDeviceError, RealtimeSerError
from realtime_ser.events import Event
from realtime_ser.finalizers import Finalizer
from realtime_ser.live.engine import Engine


class Listener(Iterator[Event]):
    """The events of an open microphone; what ``listen`` returns.

    The microphone is recorded from the beginning, and released by ``close``, by the end of a
    ``with``, by an error, by Ctrl-C in ``next``, when the listener is dropped, and at exit. Threads
    may share a listener: each event goes to one of them. With asyncio, wait for
    ``asyncio.to_thread(next, listener, None)``, which gives ``None`` at the end.

    It belongs to the process that opened it: in a forked child it only raises an error.

    Args:
        engine: not yet started; closed by the listener.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self._closed = False
        self._process = os.getpid()
        self._finalizer = Finalizer(self, engine.close)
        try:
            self._events = engine.events()
            engine.start_capture()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        """Wait for the next event.

        Raises:
            StopIteration: ``close`` was called, perhaps meanwhile, or the duration is over.
            AudioDeviceError: the microphone failed, or another process has opened it.
        """
        if self._process != os.getpid():
            raise AudioDeviceError(
                "this microphone was opened by the parent process", "call listen() in this one"
            )
        try:
            with self._turn:
                event = None if self._closed else next(self._events, None)
        except BaseException as error:
            was_closed = self._closed
            self.close()
            if was_closed and isinstance(error, RealtimeSerError):
                raise StopIteration from error
            raise
        if event is None or self._closed:
            self.close()
            raise StopIteration
        return event

    def correct(self, label: str) -> None:
        """Learn what the newest utterance was: the current one, or in silence the last one.

        The next frames already show it. Any thread may call it.

        Args:
            label: one of ``LABELS``.

        Raises:
            CorrectionError: the label is none of ``LABELS``, or nobody has spoken yet.
        """
        self._engine.correct(label)

    def undo_correction(self) -> str:
        """Take the newest correction back and return its label.

        Raises:
            CorrectionError: there is none.
        """
        return self._engine.undo_correction()

    def close(self) -> None:
        """Release the microphone; a ``next`` that waits in another thread ends.

        For any thread, at any time; safe to call twice.
        """
        self._closed = True
        if self._process != os.getpid():
            return
        self._engine.close()
        self._finalizer.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def __reduce__(self) -> Never:
        raise RealtimeSerError(
            "a microphone cannot be copied or sent to another process", "call listen() there"
        )
