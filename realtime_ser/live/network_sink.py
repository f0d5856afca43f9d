"""The base of every sink that crosses a network: a bounded queue and a thread of its own.

The engine only puts messages into the queue, so a receiver that is slow, hangs or is down delays
neither the recognition nor another sink. The queue keeps the newest messages; those that it has no
room for are counted in ``dropped``.
"""

import contextlib
import logging
import random
import threading
import time
from collections import OrderedDict
from typing import Generic, TypeVar

from realtime_ser.errors import OutputError
from realtime_ser.live.sinks import Sink

QUEUE_MESSAGES = 256
"""Most messages that wait; at two events a second, two minutes of speech."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds until the first retry; doubled after every failure, up to the longest."""

JITTER = 0.2
"""Share by which pauses vary, so that many senders do not return to a receiver at once."""

CLOSE_SECONDS = 3.0
"""How long ``close`` may go on delivering what waits."""

LAST_ATTEMPTS = 4
"""How often ``close`` tries a receiver that worked until then; one that was down gets one try."""

Message = TypeVar("Message")

log = logging.getLogger("realtime_ser")


class ReceiverDownError(Exception):
    """The receiver takes nothing now; the message is sent again later.

    Args:
        problem: what is wrong, in a few words.
        pause: seconds to wait at least, if the receiver asked for it.
    """

    def __init__(self, problem: str, pause: float = 0.0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.pause = pause


class MessageRefusedError(Exception):
    """The receiver works and refuses this message for good; it is dropped.

    Args:
        problem: what is wrong, in a few words.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class NetworkSink(Sink, Generic[Message]):
    """Sends messages from a thread of its own; retries with growing pauses.

    A subclass calls ``put`` from ``on_event`` or ``on_audio``, and overrides ``send``, and
    ``connect``, ``disconnect`` and ``idle`` where it holds a connection. These four run in the
    sink's own thread only. They may wait, but must have a time limit. Call ``start`` once the sink
    is constructed.

    Args:
        name: what messages and health events call it, such as ``MQTT output``.
        receiver: what messages call the other end; without a password.
        capacity: most messages that wait.

    Attributes:
        delivered: messages that the receiver took.
        dropped: messages that it never got, because it was too slow, was down or refused them.
        problem: what is wrong with the receiver now; ``None`` in normal operation.
    """

    close_seconds = CLOSE_SECONDS
    idle_seconds: float | None = None
    """How often ``idle`` is called while nothing waits; ``None`` for never."""

    def __init__(self, name: str, receiver: str, capacity: int = QUEUE_MESSAGES) -> None:
        self.name = name
        self.receiver = receiver
        self.delivered = 0
        self.dropped = 0
        self.problem: str | None = None
        self._capacity = capacity
        self._waiting: OrderedDict[str, Message] = OrderedDict()
        self._sending: tuple[str, Message] | None = None
        self._count = 0
        self._failures = 0
        self._most_failures = 0
        self._changed = threading.Condition(threading.RLock())  # a signal handler may close it
        self._deadline: float | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"{name} sink", daemon=True)

    def start(self) -> None:
        """Start the thread; without it messages only wait."""
        self._thread.start()

    def put(self, message: Message, topic: str | None = None) -> None:
        """Add a message to the queue; never waits.

        Args:
            message: passed to ``send`` later.
            topic: of messages with the same topic only the newest waits; the older one counts as
                dropped if the receiver is down.
        """
        with self._changed:
            if self._deadline is not None:
                return
            self._count += 1
            key = f"#{self._count}" if topic is None else topic
            if self._waiting.pop(key, None) is not None and self.problem is not None:
                self.dropped += 1
            if len(self._waiting) >= self._capacity:
                self._waiting.popitem(last=False)
                self.dropped += 1
            self._waiting[key] = message
            self._changed.notify_all()

    def stop(self) -> None:
        """Take no more messages, and deliver those that wait within ``CLOSE_SECONDS``."""
        with self._changed:
            if self._deadline is None:
                self._deadline = time.monotonic() + CLOSE_SECONDS
                self._most_failures = self._failures + (1 if self._failures else LAST_ATTEMPTS)
                self._changed.notify_all()

    def close(self) -> None:
        """Deliver what waits, within ``CLOSE_SECONDS``, and end; safe to call twice.

        Raises:
            OutputError: the receiver took none of the messages of this run.
        """
        self.stop()
        if self._thread.is_alive():
            self._thread.join(self._remaining_seconds())
        with self._changed:
            if self._closed:
                return
            self._closed = True
            left = len(self._waiting) + (self._sending is not None)
            self._waiting.clear()
            self.dropped += left
        why = self.problem or f"{self.receiver} did not take them in time"
        if self.dropped and not self.delivered:
            raise OutputError(
                f"nothing was delivered, {why}", "check that the receiver runs and is reachable"
            )
        if left:
            log.warning("%s: %d messages were not delivered, %s", self.name, left, why)

    def connect(self) -> None:
        """Connect to the receiver; called before the first ``send`` and after each failure.

        Raises:
            ReceiverDownError: it cannot be reached.
        """

    def send(self, message: Message) -> None:
        """Deliver a message, within a time limit.

        Raises:
            ReceiverDownError: try again later.
            MessageRefusedError: do not try again.
        """
        raise NotImplementedError

    def idle(self) -> None:
        """Serve the connection while nothing waits, every ``idle_seconds``.

        Raises:
            ReceiverDownError: the connection was lost.
        """

    def disconnect(self) -> None:
        """Release the connection, whatever its state; called after failures and at the end."""

    def recovered(self) -> None:
        """Note that the receiver works; ``connect`` calls it if it knows."""
        self._failures = 0
        if self.problem is not None:
            self.problem = None
            log.warning("%s: %s works again", self.name, self.receiver)

    def _work(self) -> None:
        connected = False
        while not self._finished():
            try:
                if not connected:
                    self.connect()
                    connected = True
                if self._take():
                    self._deliver()
                else:
                    self.idle()
            except ReceiverDownError as down:
                connected = False
                self._disconnect()
                self._note_problem(down.problem)
                self._failures += 1
                self._pause(down.pause)
            except Exception as error:
                connected = False
                self._disconnect()
                log.exception("the %s sink failed", self.name)
                self._note_problem(f"internal error ({error!r}), please report it")
                self._drop_current()
                self._failures += 1
                self._pause(0)
        self._disconnect()

    def _finished(self) -> bool:
        with self._changed:
            if self._deadline is None:
                return False
            late = time.monotonic() >= self._deadline
            return late or self._failures >= self._most_failures or not self._waiting

    def _take(self) -> bool:
        """Take the oldest message; ``False`` if there is none after ``idle_seconds``."""
        with self._changed:
            if not self._waiting and self._deadline is None:
                self._changed.wait(self.idle_seconds)
            if not self._waiting:
                return False
            self._sending = self._waiting.popitem(last=False)
            return True

    def _deliver(self) -> None:
        assert self._sending is not None
        try:
            self.send(self._sending[1])
        except ReceiverDownError:
            self._put_back()
            raise
        except MessageRefusedError as refused:
            self._note_problem(refused.problem)
            self._drop_current()
        else:
            with self._changed:
                self._sending = None
                self.delivered += 1
            self.recovered()

    def _put_back(self) -> None:
        """Let the message be the next again, unless newer ones have taken its place."""
        with self._changed:
            assert self._sending is not None
            key, message = self._sending
            if key in self._waiting or len(self._waiting) >= self._capacity or self._closed:
                self.dropped += not self._closed  # ``close`` has counted it
            else:
                self._waiting[key] = message
                self._waiting.move_to_end(key, last=False)
            self._sending = None

    def _drop_current(self) -> None:
        with self._changed:
            if self._sending is not None:
                self.dropped += not self._closed
                self._sending = None

    def _pause(self, at_least: float) -> None:
        """Wait before the next attempt; ``stop`` ends the wait."""
        seconds = FIRST_PAUSE * 2 ** min(self._failures - 1, 10)
        with self._changed:
            if self._deadline is None:
                seconds = min(LONGEST_PAUSE, max(at_least, seconds))
                seconds *= random.uniform(1 - JITTER, 1 + JITTER)
                self._changed.wait_for(lambda: self._deadline is not None, seconds)
            elif not self._finished():
                seconds = min(seconds, self._remaining_seconds())
                self._changed.wait_for(lambda: self._closed, seconds)

    def _remaining_seconds(self) -> float:
        return max(0.0, (self._deadline or 0.0) - time.monotonic())

    def _note_problem(self, problem: str) -> None:
        if self.problem is None:
            log.warning("%s: %s", self.name, problem)
        self.problem = problem

    def _disconnect(self) -> None:
        with contextlib.suppress(Exception):
            self.disconnect()
