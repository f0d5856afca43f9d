"""A microphone that is reopened after it was lost, with growing pauses between attempts."""

import logging
import threading
import time
from collections.abc import Callable

import numpy as np

from realtime_ser.capture.devices import InputDevice
from realtime_ser.capture.microphone import MicrophoneSource
from realtime_ser.capture.portaudio import refresh_devices
from realtime_ser.capture.sources import WAIT_SECONDS, Block, Source
from realtime_ser.errors import AudioDeviceError

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 4.0
"""Seconds before an attempt to reopen a microphone; each pause is twice as long as the last."""

CLOSE_SECONDS = 0.5
"""How long to wait for an attempt to end; one that waits for a sound server is abandoned."""

log = logging.getLogger("realtime_ser")


def open_microphone(
    device: InputDevice, *, reconnect: bool = True, channel: int | str = "auto"
) -> Source:
    """Open a microphone.

    Args:
        device: which one.
        reconnect: whether to reopen it when it is lost, rather than raise.
        channel: the one that must be among its channels, from 1; ``mix`` or ``auto`` for any.

    Raises:
        AudioDeviceError: the device is busy, refused or gone.
    """
    at_least = channel if isinstance(channel, int) else 1
    microphone = MicrophoneSource(device, at_least)
    if not reconnect:
        return microphone
    return ReconnectingSource(microphone, lambda: _reopen(device, at_least))


def _reopen(device: InputDevice, channels: int) -> MicrophoneSource:
    refresh_devices()
    return MicrophoneSource(device, channels)


class ReconnectingSource:
    """A live source that delivers silence while its microphone is lost, and tries to reopen it.

    The silence is as long as the gap between the last block before the loss and the first block
    after it, by the monotonic clock, so that later times stay correct. Nothing was captured in the
    gap, so it does not count as lost audio. Closing and reopening run in a thread, because a sound
    server that hangs blocks both.

    Args:
        microphone: open; raises an ``AudioDeviceError`` when it is lost.
        reopen: opens it again, or raises an ``AudioDeviceError``.
        clock: the time in seconds.
        wait: waits for some seconds, returns whether to give up; ``None`` gives up on ``close``.
        start: runs a function; ``None`` runs it in a thread.

    Attributes:
        name: of the microphone.
        rate: of the block last read, in hertz; may change when the microphone is reopened.
        channels: of the block last read.
        problem: why the block last read is silence, ``None`` while the microphone works.
    """

    live = True

    def __init__(
        self,
        microphone: Source,
        reopen: Callable[[], Source],
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
        start: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._closed = threading.Event()
        self._microphone: Source | None = microphone
        self._reopen = reopen
        self._clock = clock
        self._wait = wait or self._closed.wait
        self._start = start or self._start_thread
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._delivered_until = clock()
        self._first_block: Block | None = None
        self._pause = FIRST_PAUSE
        self._earlier_overflows = 0
        self._earlier_lost_frames = 0
        self.name = microphone.name
        self.rate, self.channels = microphone.rate, microphone.channels
        self.problem: str | None = None

    @property
    def overflows(self) -> int:
        """Blocks that the sound system dropped before the program received them, so far."""
        microphone = self._microphone  # another thread may replace it at any time
        return self._earlier_overflows + (microphone.overflows if microphone else 0)

    @property
    def lost_frames(self) -> int:
        """Captured frames that were overwritten before ``read``, so far."""
        microphone = self._microphone
        return self._earlier_lost_frames + (microphone.lost_frames if microphone else 0)

    def read(self) -> Block | None:
        """Return what was recorded since the last call, or silence; ``None`` once closed.

        Waits at most 0.1 s.
        """
        if self._closed.is_set():
            return None
        if self._failure is not None:
            raise self._failure
        if self._first_block is not None:
            return self._resume(self._first_block)
        microphone = self._microphone
        if microphone is None:
            self._closed.wait(WAIT_SECONDS)
            return self._silence(self._clock())
        try:
            block = microphone.read()
        except AudioDeviceError as error:
            return self._handle_loss(microphone, error)
        if block is None or not len(block):
            return block if self.problem is None else self._silence(self._clock())
        return self._deliver(microphone, block)

    def close(self) -> None:
        """Release the microphone and wake a waiting ``read``; safe to call twice."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)
        microphone = self._microphone
        if microphone is not None:
            microphone.close()

    def _deliver(self, microphone: Source, block: Block) -> Block:
        now = self._clock()
        if self.problem is None:
            self._delivered_until = now
            return block
        self._first_block = block  # delivered next: its rate may differ from that of the silence
        return self._silence(now - len(block) / microphone.rate)

    def _resume(self, block: Block) -> Block:
        assert self._microphone is not None
        self._first_block = None
        self.rate, self.channels = self._microphone.rate, self._microphone.channels
        self.problem = None
        self._delivered_until = self._clock()
        self._pause = FIRST_PAUSE
        log.warning("%s is back", self.name)
        return block

    def _handle_loss(self, microphone: Source, error: AudioDeviceError) -> Block:
        self._microphone = None
        self._earlier_overflows += microphone.overflows
        self._earlier_lost_frames += microphone.lost_frames
        if self.problem is None:
            self.problem = f"{self.name} is gone: trying to reopen it"
            log.warning(self.problem)
        log.info(error.problem)
        self._start(lambda: self._replace(microphone))
        return self._silence(self._clock())

    def _start_thread(self, task: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=task, name="reopen", daemon=True)
        self._thread.start()

    def _replace(self, lost: Source) -> None:
        """Close the lost microphone, and try to open it again until that works."""
        try:
            lost.close()
            while self._microphone is None and not self._wait(self._pause):
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                self._attempt()
        except BaseException as failure:  # raised by ``read``
            self._failure = failure

    def _attempt(self) -> None:
        try:
            microphone = self._reopen()
        except AudioDeviceError as error:
            log.info("%s cannot be reopened yet: %s", self.name, error)
            return
        self._microphone = microphone
        if self._closed.is_set():  # ``close`` may have run before it was stored
            microphone.close()

    def _silence(self, until: float) -> Block:
        """Return the zeros up to a time, shape ``[frames, channels]``."""
        frames = max(0, round((until - self._delivered_until) * self.rate))
        self._delivered_until += frames / self.rate
        return np.zeros((frames, self.channels), np.int16)
