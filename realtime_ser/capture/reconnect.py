"""A microphone that comes back: reopened with growing pauses when it goes, and time stays true."""

import logging
import threading
import time
from collections.abc import Callable

import numpy as np

from realtime_ser.capture.devices import InputDevice, refresh_devices
from realtime_ser.capture.sources import WAIT_SECONDS, Block, MicrophoneSource, Source
from realtime_ser.errors import AudioDeviceError

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 4.0
"""Seconds before an attempt to reopen a microphone; each pause is twice the one before."""

log = logging.getLogger("realtime_ser")


def open_microphone(device: InputDevice, *, reconnect: bool = True) -> Source:
    """Open a microphone.

    Args:
        device: which one.
        reconnect: whether to reopen it whenever it goes, rather than to raise.

    Raises:
        AudioDeviceError: the device is busy, refused or gone.
    """
    microphone = MicrophoneSource(device)
    return ReconnectingSource(microphone, lambda: _reopen(device)) if reconnect else microphone


def _reopen(device: InputDevice) -> MicrophoneSource:
    refresh_devices()
    return MicrophoneSource(device)


class ReconnectingSource:
    """A live source that delivers silence while its microphone is gone, and tries to reopen it.

    The silence is as long as the time that passes between the last block of the microphone and the
    first one after its return, by the monotonic clock: so the time of what is said later stays
    true. Nothing was captured meanwhile, so none of it counts as lost.

    Args:
        microphone: open; raises an ``AudioDeviceError`` when it goes.
        reopen: opens it again, or raises an ``AudioDeviceError``.
        clock: the time in seconds.
        wait: waits so many seconds; ``None`` waits in a way that ``close`` ends.

    Attributes:
        name: of the microphone.
        rate: of the block last read, in hertz; a microphone may come back with another one.
        channels: of the block last read.
        problem: why the block last read is silence, ``None`` while the microphone is heard.
    """

    live = True

    def __init__(
        self,
        microphone: Source,
        reopen: Callable[[], Source],
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._closed = threading.Event()
        self._microphone: Source | None = microphone
        self._lost_microphone: Source | None = None
        self._reopen = reopen
        self._clock = clock
        self._wait = wait or self._closed.wait
        self._heard_until = clock()
        self._first_block: Block | None = None
        self._pause = FIRST_PAUSE
        self._next_attempt = 0.0
        self._earlier_overflows = 0
        self._earlier_lost_frames = 0
        self.name = microphone.name
        self.rate, self.channels = microphone.rate, microphone.channels
        self.problem: str | None = None

    @property
    def overflows(self) -> int:
        """Blocks the sound system dropped before the program saw them, so far."""
        microphone = self._microphone  # which the capturing thread may replace meanwhile
        return self._earlier_overflows + (microphone.overflows if microphone else 0)

    @property
    def lost_frames(self) -> int:
        """Frames that were captured and that ``read`` came too late for, so far."""
        microphone = self._microphone
        return self._earlier_lost_frames + (microphone.lost_frames if microphone else 0)

    def read(self) -> Block | None:
        """Return what was recorded since the last call, or silence; ``None`` once closed.

        Waits at most 0.1 s, or as long as an attempt to reopen takes.
        """
        if self._closed.is_set():
            return None
        if self._first_block is not None:
            return self._come_back(self._first_block)
        if self._microphone is None:
            return self._wait_for_attempt()
        try:
            block = self._microphone.read()
        except AudioDeviceError as error:
            return self._lose(error)
        if block is None or not len(block):
            return block if self.problem is None else self._silence(self._clock())
        return self._hear(self._microphone, block)

    def close(self) -> None:
        """Release the microphone and wake a waiting ``read``; safe to call twice."""
        self._closed.set()
        for microphone in (self._microphone, self._lost_microphone):
            if microphone is not None:
                microphone.close()

    def _hear(self, microphone: Source, block: Block) -> Block:
        now = self._clock()
        if self.problem is None:
            self._heard_until = now
            return block
        self._first_block = block  # which may have another rate than the silence before it
        return self._silence(now - len(block) / microphone.rate)

    def _come_back(self, block: Block) -> Block:
        assert self._microphone is not None
        self._first_block = None
        self.rate, self.channels = self._microphone.rate, self._microphone.channels
        self.problem = None
        self._heard_until = self._clock()
        self._pause = FIRST_PAUSE
        log.warning("%s is back", self.name)
        return block

    def _lose(self, error: AudioDeviceError) -> Block:
        """Give the microphone up, and plan the next attempt to open it."""
        assert self._microphone is not None
        microphone, self._microphone = self._microphone, None
        self._lost_microphone = microphone  # closed only once this is said: it may take long
        self._earlier_overflows += microphone.overflows
        self._earlier_lost_frames += microphone.lost_frames
        if self.problem is None:
            self.problem = f"{self.name} is gone: trying to reopen it"
            log.warning(self.problem)
        log.info(error.problem)
        self._plan_attempt()
        return self._silence(self._clock())

    def _wait_for_attempt(self) -> Block:
        if self._lost_microphone is not None:
            self._lost_microphone.close()
            self._lost_microphone = None
        self._wait(max(0.0, min(WAIT_SECONDS, self._next_attempt - self._clock())))
        if self._clock() >= self._next_attempt and not self._closed.is_set():
            self._attempt()
        return self._silence(self._clock())

    def _attempt(self) -> None:
        try:
            self._microphone = self._reopen()
        except AudioDeviceError as error:
            log.info("%s cannot be reopened yet: %s", self.name, error)
            self._plan_attempt()
        else:
            if self._closed.is_set():
                self._microphone.close()

    def _plan_attempt(self) -> None:
        self._next_attempt = self._clock() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _silence(self, until: float) -> Block:
        """Return the zeros that are due at a time, shape ``[frames, channels]``."""
        frames = max(0, round((until - self._heard_until) * self.rate))
        self._heard_until += frames / self.rate
        return np.zeros((frames, self.channels), np.int16)
