"""Where the events of a live run go: any number of sinks, none of which can stop the run."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from realtime_ser.errors import OutputError
from realtime_ser.events import Event
from realtime_ser.samples import Int16

log = logging.getLogger("realtime_ser")


class Sink:
    """An output of a live run: subclass it and override what the output needs.

    Only the worker thread calls ``on_event`` and ``on_audio``, so both must return quickly. A sink
    that waits for something slow, such as a network, subclasses ``NetworkSink``, which has a
    bounded queue and a thread of its own, and counts in ``dropped`` what the queue has no room for.

    Attributes:
        name: what messages call it, such as ``recording``.
        dropped: events discarded so far because the receiver was too slow; health events report it.
        problem: what is wrong with the receiver now, ``None`` in normal operation; health events
            report it.
        close_seconds: longest time that ``close`` may take.
    """

    name = "output"
    dropped: int = 0
    problem: str | None = None
    close_seconds: float = 0.0

    def on_event(self, event: Event) -> None:
        """Take an event.

        Raises:
            OutputError: it cannot be written; the run then closes the sink and goes on without it.
        """

    def on_audio(self, samples: Int16) -> None:
        """Take the next audio that is analyzed, before the events that it completes.

        Args:
            samples: 16 kHz mono int16, shape ``[n]``; zeros where audio was lost.

        Raises:
            OutputError: as ``on_event``.
        """

    def stop(self) -> None:
        """Begin to write what is left, without waiting; called before ``close``."""

    def close(self) -> None:
        """Write what is left and release everything; safe to call twice.

        Raises:
            OutputError: the last data could not be written.
        """


class Sinks:
    """The sinks of one run. The worker thread writes to them; any thread may add and remove them.

    A sink that raises an ``OutputError`` is closed and left out from then on, with one warning in
    the log.

    Attributes:
        failed: whether a sink has failed, so that output which was asked for is missing.
    """

    def __init__(self, sinks: Sequence[Sink] = ()) -> None:
        self.failed = False
        self._failures: dict[str, str] = {}
        self._sinks = list(sinks)
        self._lock = threading.RLock()  # reentrant: a signal handler may close them
        self._close_lock = threading.RLock()
        self._closed = False

    def add(self, sink: Sink) -> None:
        """Give a sink everything from now on; after ``close`` it is closed at once.

        Raises:
            OutputError: it cannot be closed.
        """
        with self._lock:
            self._failures.pop(sink.name, None)
            if not self._closed:
                self._sinks.append(sink)
                return
        sink.close()

    def remove(self, sink: Sink) -> None:
        """Give a sink nothing more; the caller closes it. Does nothing if it has failed before."""
        with self._lock:
            if sink in self._sinks:
                self._sinks.remove(sink)

    def finish(self, sink: Sink) -> None:
        """Give a sink nothing more, and close it.

        Raises:
            OutputError: its last data could not be written.
        """
        self.remove(sink)
        try:
            sink.close()
        except OutputError:
            self.failed = True
            raise

    def on_event(self, event: Event) -> None:
        """Pass an event to every sink."""
        self._call(lambda sink: sink.on_event(event))

    def on_audio(self, samples: Int16) -> None:
        """Pass audio to every sink, int16, shape ``[n]``."""
        self._call(lambda sink: sink.on_audio(samples))

    @property
    def take_audio(self) -> bool:
        """Whether a sink takes audio, rather than events alone."""
        with self._lock:
            return any(type(sink).on_audio is not Sink.on_audio for sink in self._sinks)

    def dropped(self) -> Mapping[str, int]:
        """Return how many events each sink has dropped so far, without those that dropped none."""
        with self._lock:
            return {sink.name: sink.dropped for sink in self._sinks if sink.dropped}

    def problems(self) -> Mapping[str, str]:
        """Return what is wrong with the receivers now, or ended a sink, by the name of the sink."""
        with self._lock:
            now = {sink.name: sink.problem for sink in self._sinks if sink.problem}
            return {**self._failures, **now}

    @property
    def close_seconds(self) -> float:
        """Longest time that ``close`` may take, in seconds: sinks that wait do so together."""
        with self._lock:
            return max((sink.close_seconds for sink in self._sinks), default=0.0)

    def close(self) -> None:
        """Close every sink, those first that need not wait for a receiver."""
        with self._close_lock:  # not ``_lock``: ``problems`` and ``dropped`` must not wait
            with self._lock:
                self._closed = True
                closing = sorted(self._sinks, key=lambda sink: sink.close_seconds)
                self._sinks.clear()
            for sink in closing:
                sink.stop()
            for sink in closing:
                self._close_one(sink)

    def _close_one(self, sink: Sink) -> None:
        try:
            sink.close()
        except OutputError as error:
            self.failed = True
            log.warning("the %s ended: %s", sink.name, error)

    def _call(self, action: Callable[[Sink], None]) -> None:
        with self._lock:
            for sink in tuple(self._sinks):
                try:
                    action(sink)
                except OutputError as error:
                    self.failed = True
                    self._failures[sink.name] = error.problem
                    self._sinks.remove(sink)
                    _close_after_failure(sink)
                    log.warning("the %s ended: %s", sink.name, error)


def _close_after_failure(sink: Sink) -> None:
    """Release what a failed sink holds; its first failure has been reported."""
    try:
        sink.close()
    except OutputError as error:
        log.info("the %s could not be closed: %s", sink.name, error)
