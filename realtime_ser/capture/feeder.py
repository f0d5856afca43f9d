"""The feeder: moves a source, as 16 kHz mono, into the ring buffer at the pace of real time.

A microphone sets the pace itself and may overwrite what was not read. A file is delivered in small
pieces, each when a microphone would have delivered it, and waits for the reader. So does silence in
place of a microphone that is gone: it was not captured, so none of it may be overwritten and count.
"""

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.capture.resampler import Resampler
from realtime_ser.capture.ring_buffer import RingBuffer
from realtime_ser.capture.sources import Block, Source
from realtime_ser.settings import SAMPLE_RATE

Int16 = NDArray[np.int16]

DELIVERY_SAMPLES = 320
"""A file is delivered in pieces of 20 ms."""

UNHURRIED_SAMPLES = 1600
"""While nobody speaks, audio is moved on every 100 ms: every 20 ms costs three times as much."""

WAIT_SECONDS = 0.05
SILENT_SECONDS = 2.0

log = logging.getLogger("realtime_ser")


@dataclass(frozen=True, slots=True)
class Cut:
    """Where what is said ends: a pause, another microphone, one that goes or comes back.

    Attributes:
        sample: the absolute sample before which it ends.
        problem: why there is silence from there on, ``None`` where the source is heard.
    """

    sample: int
    problem: str | None


class Feeder:
    """Feeds one ring buffer from one source at a time. ``run`` is the capture thread's whole work.

    Args:
        source: open; closed by ``run`` at its end.
        ring: int16, mono, 16 kHz.
        last_sample: absolute sample before which to end; ``None`` goes on to the source's end.

    Attributes:
        cuts: for the reader to take, oldest first; each is there before the audio after it is.
        silent_input: a microphone has delivered nothing but zeros for two seconds.
        unhurried: set by the reader while it can wait for audio a little.
    """

    def __init__(
        self, source: Source, ring: RingBuffer[np.int16], last_sample: int | None = None
    ) -> None:
        self._source = source
        self._next_source: Source | None = None
        self._ring = ring
        self._last_sample = last_sample
        self._stopping = threading.Event()
        self._source_lock = threading.RLock()
        self._running = False
        self._ended = False
        self._paused = threading.Event()
        self._earlier_overflows = 0
        self._silent_frames = 0
        self._frames_missed = 0
        self._samples_missed = 0
        self._pace = _Pace()
        self._last_cut = Cut(0, None)
        self.cuts: deque[Cut] = deque()
        self.silent_input = False
        self.unhurried = False

    @property
    def source(self) -> Source:
        """The source being read."""
        return self._source

    @property
    def overflows(self) -> int:
        """Blocks dropped by the sound system, all sources together."""
        return self._earlier_overflows + self._source.overflows

    @property
    def lost_samples(self) -> int:
        """16 kHz samples that were captured and never read, here or in the ring buffer."""
        return self._samples_missed + self._ring.lost

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()

    def close(self) -> None:
        """End soon, and wake the reader at once; closes the source where ``run`` does not."""
        self._stopping.set()
        self._ring.close()
        with self._source_lock:
            if not self._running and not self._ended:
                self._close_sources()

    def pause(self, paused: bool) -> None:
        """Hold a file back, or drop a microphone's audio, until called with ``False``."""
        (self._paused.set if paused else self._paused.clear)()

    def exchange(self, source: Source) -> None:
        """Go on with another open source; it is closed at once where the run is over."""
        with self._source_lock:
            if self._ended:
                unused: Source | None = source
            else:
                unused, self._next_source = self._next_source, source
        if unused is not None:
            unused.close()

    def run(self) -> None:
        """Feed until the source ends, ``last_sample`` is reached or ``stop`` is called.

        Raises:
            AudioDeviceError: the microphone failed.
            AudioInputError: the file or stream is damaged.
        """
        with self._source_lock:
            if self._ended:
                return
            self._running = True
        try:
            while self._feed():
                self._take_next_source()
        finally:
            self._close_sources()
            self._ring.close()

    def _close_sources(self) -> None:
        with self._source_lock:
            self._running, self._ended = False, True
            unused, self._next_source = self._next_source, None
        try:
            if unused is not None:
                unused.close()
        finally:
            self._source.close()

    def _feed(self) -> bool:
        """Feed from the present source; return whether another one follows it."""
        source = self._source
        state = _state(source)
        resampler = Resampler(source.rate, source.channels)
        self._pace.restart()
        while self._wanted() and self._next_source is None:
            if self._paused.is_set():
                self._rest()
                continue
            block = source.read()
            if block is None:
                self._deliver(resampler.flush())
                return False
            if state != _state(source):
                state = _state(source)
                self._deliver(resampler.flush())
                resampler = Resampler(source.rate, source.channels)
                self._cut()
            self._watch_for_silence(block)
            self._fill_gap()
            self._deliver(resampler.process(block))
            if self.unhurried and source.live and len(block):
                self._pace.rest(len(block) / source.rate, self._stopping)
        return self._wanted() > 0

    def _wanted(self) -> int:
        """Return how many samples may still be delivered."""
        if self._stopping.is_set():
            return 0
        if self._last_sample is None:
            return SAMPLE_RATE * 3600
        return max(0, self._last_sample - self._ring.written)

    def _deliver(self, samples: Int16) -> None:
        if self._source.live and not self._source.problem:
            self._ring.write(samples[: self._wanted()])
            return
        while len(samples):
            length = UNHURRIED_SAMPLES if self.unhurried else DELIVERY_SAMPLES
            piece, samples = samples[:length], samples[length:]
            if not self._source.live:
                self._pace.await_turn(len(piece), self._stopping)
            while not self._stopping.is_set() and self._ring.capacity - self._ring.unread < len(
                piece
            ):
                self._stopping.wait(WAIT_SECONDS)
            self._ring.write(piece[: self._wanted()])

    def _rest(self) -> None:
        self._cut()
        if self._source.live:
            self._source.read()
        else:
            self._stopping.wait(WAIT_SECONDS)
            self._pace.restart()

    def _take_next_source(self) -> None:
        old = self._source
        old.close()
        with self._source_lock:
            assert self._next_source is not None
            self._source, self._next_source = self._next_source, None
        self._earlier_overflows += old.overflows
        self._silent_frames = 0
        self._frames_missed = 0
        self._cut()

    def _cut(self) -> None:
        cut = Cut(self._ring.written, self._source.problem)
        if cut != self._last_cut:
            self._last_cut = cut
            self.cuts.append(cut)

    def _fill_gap(self) -> None:
        """Deliver silence for what the source lost, so that time stays true."""
        missed = self._source.lost_frames - self._frames_missed
        if missed:
            self._frames_missed += missed
            gap = round(missed * SAMPLE_RATE / self._source.rate)
            self._samples_missed += gap
            self._cut()
            self._deliver(np.zeros(gap, np.int16))

    def _watch_for_silence(self, block: Block) -> None:
        if not self._source.live or not len(block):
            return
        heard = self._source.problem or block.any()
        self._silent_frames = 0 if heard else self._silent_frames + len(block)
        was_silent = self.silent_input
        self.silent_input = self._silent_frames >= SILENT_SECONDS * self._source.rate
        if self.silent_input and not was_silent:
            log.warning(
                "%s delivers only zeros: unmute it, or allow this program to use the microphone",
                self._source.name,
            )


def _state(source: Source) -> tuple[str | None, int, int]:
    """Return what ends a stretch of audio when it changes."""
    return source.problem, source.rate, source.channels


class _Pace:
    """Real time: when a number of samples is due."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Let the next sample be due from now on."""
        self._due = self._came = time.monotonic()

    def rest(self, seconds: float, stopping: threading.Event) -> None:
        """Let audio gather, unless a block of so many seconds came much faster than real time."""
        now = time.monotonic()
        passed, self._came = now - self._came, now
        if passed > seconds / 2:
            stopping.wait(UNHURRIED_SAMPLES / SAMPLE_RATE)

    def await_turn(self, samples: int, stopping: threading.Event) -> None:
        """Wait until a microphone would have delivered so many more samples, or ``stopping``."""
        self._due += samples / SAMPLE_RATE
        stopping.wait(max(0.0, self._due - time.monotonic()))
