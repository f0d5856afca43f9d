"""A microphone, recorded from by PortAudio in blocks of 20 ms."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.capture.devices import InputDevice, find_again
from realtime_ser.capture.formats import choose_format
from realtime_ser.capture.portaudio import forked_after_start, keeping_portaudio, load_portaudio
from realtime_ser.capture.ring_buffer import RingBuffer
from realtime_ser.capture.sources import WAIT_SECONDS
from realtime_ser.errors import AudioDeviceError
from realtime_ser.finalizers import Finalizer
from realtime_ser.fork_safety import ForkSafeLock
from realtime_ser.native_output import filtered_stderr, quiet_audio_libraries

CALLBACKS_PER_SECOND = 50
"""How often the sound system should deliver what it recorded."""

DEVICE_LATENCY = 0.1
"""Seconds that the sound system should buffer: on two busy cores, a callback waits 0.03 to 0.2 s
for other Python threads. Audio still arrives in blocks of 20 ms."""

MICROPHONE_BUFFER_SECONDS = 2

WAITS_BEFORE_DEAD = 8
"""Waits without audio after which a microphone counts as lost: some stop silently when unplugged.
Counted rather than timed, so that a suspended program does not conclude that it was unplugged."""

WAITS_BEFORE_NEVER = 50
"""Waits for the first audio: virtual devices take two seconds to deliver it."""

CLOSE_SECONDS = 1.0
"""How long a device may take to close in another thread: a sound server may hang."""

_opening = ForkSafeLock(wait=0)
"""PortAudio must not open two streams at once. A sound server that hangs may hold this for a long
time, so nothing else waits for it: a forked child gets a new lock."""


class MicrophoneSource:
    """A recording input device, found by its name and host API, whatever its index is now.

    Opened at 16 kHz mono if the sound system allows it, else with more channels, else at the
    device's own rate. Delivers float32. Closed when it is garbage-collected, and at exit; the copy
    in a forked child does nothing.

    Args:
        device: which one.
        channels: how many to open at least.

    Raises:
        AudioDeviceError: the device is busy, refused or gone.
    """

    live = True
    problem: str | None = None

    def __init__(self, device: InputDevice, channels: int = 1) -> None:
        self.name = device.name
        self._empty_waits = 0
        self._waits_before_dead = WAITS_BEFORE_NEVER
        self._process = os.getpid()
        self._sounddevice = load_portaudio()
        self._resources = _Resources()
        self._finalizer = Finalizer(self, self._resources.close)
        try:
            _in_thread(lambda: self._open(device, channels))
        except BaseException:
            self.close()
            raise

    @property
    def overflows(self) -> int:
        """Blocks that the sound system dropped before the program received them, so far."""
        return self._inbox.overflows

    @property
    def lost_frames(self) -> int:
        """Frames at the device's rate that were overwritten before ``read``, so far."""
        return self._inbox.ring.lost

    def read(self) -> NDArray[np.float32] | None:
        """Return what was recorded since the last call; ``None`` once closed.

        Waits at most 0.1 s and returns an empty block if nothing came.

        Raises:
            AudioDeviceError: the device has stopped.
        """
        inbox = self._inbox
        inbox.ring.wait(WAIT_SECONDS)
        if self._resources.closed:
            return None
        if inbox.failure:
            raise inbox.failure
        samples = inbox.ring.read(inbox.ring.capacity).samples.reshape(-1, self.channels)
        if len(samples):
            self._empty_waits, self._waits_before_dead = 0, WAITS_BEFORE_DEAD
            return samples
        self._empty_waits += 1
        gone = inbox.ended or self._empty_waits >= self._waits_before_dead
        if gone and not self._resources.closed:
            raise AudioDeviceError(
                f"{self.name!r} has stopped delivering audio",
                "check that it is plugged in and that the sound system runs, then start again",
            )
        return samples

    def close(self) -> None:
        """Release the device and wake a waiting ``read``; safe to call twice."""
        if self._process != os.getpid():
            return
        self._resources.close()
        self._finalizer.detach()

    def _open(self, device: InputDevice, channels: int) -> None:
        # For as long as it is open: PortAudio's thread prints a message when the device is lost.
        self._resources.enter(quiet_audio_libraries())
        self._resources.enter(keeping_portaudio())
        device = find_again(device)
        with _opening, filtered_stderr(), _explained(self._sounddevice, self.name):
            self.rate, self.channels = choose_format(self._sounddevice, device, channels)
            self._inbox = _Inbox(self.rate, self.channels, self._sounddevice.CallbackAbort)
            stream = self._sounddevice.InputStream(
                device=device.index,
                samplerate=self.rate,
                channels=self.channels,
                dtype="float32",
                blocksize=self.rate // CALLBACKS_PER_SECOND,
                latency=DEVICE_LATENCY,
                callback=self._inbox.take,
                finished_callback=self._inbox.end,
            )
            self._resources.on_close(stream.close)
            self._resources.on_close(
                self._inbox.ring.close
            )  # called first: it wakes a waiting read
            self._resources.unless_closed(stream.start)


class _Resources:
    """What an open microphone holds, in an object that outlives it until it is closed.

    Attributes:
        closed: whether ``close`` has been called.
    """

    def __init__(self) -> None:
        self.closed = False
        self._stack = contextlib.ExitStack()
        self._lock = threading.RLock()

    def enter(self, context: contextlib.AbstractContextManager[None]) -> None:
        """Enter a context until ``close``."""
        context.__enter__()
        self.on_close(lambda: context.__exit__(None, None, None))

    def on_close(self, function: Callable[[], object]) -> None:
        """Have ``close`` call a function, before those that were added earlier."""
        self.unless_closed(lambda: self._stack.callback(function), otherwise=function)

    def unless_closed(
        self, function: Callable[[], object], otherwise: Callable[[], object] = lambda: None
    ) -> None:
        """Call a function unless ``close`` was called; ``close`` waits for it."""
        with self._lock:
            (otherwise if self.closed else function)()
            if self.closed:  # during the call, by a thread that did not wait
                self._stack.close()

    def close(self) -> None:
        """Release everything; a second caller waits for the first, for a limited time."""
        self.closed = True
        if self._lock.acquire(timeout=CLOSE_SECONDS):
            try:
                self._stack.close()
            finally:
                self._lock.release()


def _in_thread(function: Callable[[], None]) -> None:
    """Call a function in a thread of its own, and raise what it raises.

    Ctrl-C interrupts the main thread alone. There it would come between PortAudio's opening of a
    stream and our hearing of it, and nobody could close that stream any more.
    """
    raised: list[BaseException] = []

    def call() -> None:
        try:
            function()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=call, name="open", daemon=True)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


class _Inbox:
    """Where PortAudio's thread leaves what it recorded.

    Refers to no microphone, for PortAudio refers to it: a microphone that is dropped must go.

    Attributes:
        ring: the newest two seconds.
        overflows: blocks the sound system dropped.
        failure: what went wrong on PortAudio's thread.
        ended: whether the stream has ended.
    """

    def __init__(self, rate: int, channels: int, abort: type[Exception]) -> None:
        self.ring = RingBuffer(MICROPHONE_BUFFER_SECONDS * rate, channels, dtype=np.float32)
        self.overflows = 0
        self.failure: Exception | None = None
        self.ended = False
        self._abort = abort

    def take(self, block: NDArray[np.float32], frames: int, time: object, status: Any) -> None:
        """Copy and count, on PortAudio's thread; a failure waits for ``read``."""
        try:
            if status.input_overflow:
                self.overflows += 1
            self.ring.write(block)
        except Exception as failure:
            self.failure = failure
            raise self._abort from failure

    def end(self) -> None:
        """Note that the stream has ended."""
        self.ended = True


_REMEDIES = {
    "Device unavailable": "close the program that uses it, or choose another device",
    "Invalid device": "choose one of those that `realtime-ser devices` lists now",
    "Invalid sample rate": "choose another device: this one has no usable rate",
    "Invalid number of channels": "choose another device: this one has no usable channels",
}
"""What to do, by a part of PortAudio's error text."""

_OTHER_REMEDY = (
    "check that it is plugged in, that the sound system runs and that the privacy settings let this"
    " program record"
)

_FORKED_REMEDY = (
    "start this process without forking, as multiprocessing's spawn does: few sound systems can be"
    " used in a process forked from one that has used them"
)


@contextlib.contextmanager
def _explained(sounddevice: Any, name: str) -> Iterator[None]:
    """Turn PortAudio's errors into an ``AudioDeviceError`` with a remedy."""
    try:
        yield
    except sounddevice.PortAudioError as error:
        host_text = error.args[2][2] if len(error.args) > 2 else ""
        text = host_text or str(error.args[0]).rpartition(": ")[2]
        remedies = [remedy for part, remedy in _REMEDIES.items() if part in text]
        remedy = remedies[0] if remedies else _OTHER_REMEDY
        if forked_after_start():
            remedy = _FORKED_REMEDY
        raise AudioDeviceError(f"{name!r} cannot be opened ({text})", remedy) from error
