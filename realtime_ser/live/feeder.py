"""The feeder: moves a source, as 16 kHz mono, into the ring buffer in real time.

A microphone sets the pace itself and overwrites audio that was not read in time. A file is
delivered in small pieces, each when a microphone would have delivered it, and waits for the reader.
The silence that stands in for a lost microphone waits too: it was never captured, so it must not be
overwritten and counted as lost.

Every piece of audio wakes two threads, which costs more than what they do with it. The reader
therefore says how much it waits for, and audio is gathered until then.
"""

import logging
import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from realtime_ser.capture.resampler import Resampler
from realtime_ser.capture.ring_buffer import RingBuffer
from realtime_ser.capture.sources import Block, Source
from realtime_ser.errors import DamagedAudioError
from realtime_ser.live.pace import Pace
from realtime_ser.samples import Int16
from realtime_ser.settings import SAMPLE_RATE

DELIVERY_SAMPLES = 320
"""A file is delivered in pieces of 20 ms, or of a multiple of that."""

WAIT_SECONDS = 0.05
SILENT_SECONDS = 2.0

_NOTHING: Int16 = np.empty(0, np.int16)

log = logging.getLogger("realtime_ser")


@dataclass(frozen=True, slots=True)
class Boundary:
    """A place where the audio is interrupted, so that an utterance ends there.

    The user paused, chose another microphone, or the microphone was lost or came back.

    Attributes:
        sample: the absolute index of the first sample after the interruption.
        problem: why there is silence from there on, ``None`` while the source delivers audio.
    """

    sample: int
    problem: str | None


class Feeder:
    """Feeds one ring buffer from one source at a time. The capture thread runs ``run``.

    Args:
        source: open; closed by ``run`` at its end.
        ring: int16, mono, 16 kHz.
        last_sample: absolute sample before which to end; ``None`` continues to the source's end.
        channel: which of several channels to hear, as in ``Settings``.

    Attributes:
        boundaries: for the reader to take, oldest first; each is added before the audio after it.
        silent_input: a microphone has delivered nothing but zeros for two seconds.
    """

    def __init__(
        self,
        source: Source,
        ring: RingBuffer[np.int16],
        last_sample: int | None = None,
        channel: int | str = "auto",
    ) -> None:
        self._channel = channel
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
        self._pace = Pace()
        self._last_boundary = Boundary(0, None)
        self.boundaries: deque[Boundary] = deque()
        self.silent_input = False
        self._gathered = _NOTHING
        self._request: tuple[int, int] = 0, 0

    @property
    def source(self) -> Source:
        """The source being read."""
        return self._source

    @property
    def overflows(self) -> int:
        """Blocks that the sound system dropped, over all sources."""
        return self._earlier_overflows + self._source.overflows

    @property
    def lost_samples(self) -> int:
        """16 kHz samples that were captured and never read, here or in the ring buffer."""
        return self._samples_missed + self._ring.lost

    def stop(self) -> None:
        """Make ``run`` return soon."""
        self._stopping.set()

    def close(self) -> None:
        """End soon, and wake the reader at once; closes the source where ``run`` does not."""
        self._stopping.set()
        self._ring.close()
        with self._source_lock:
            if not self._running and not self._ended:
                self._close_sources()

    def pause(self, paused: bool) -> None:
        """Stop a file, or drop a microphone's audio, until called with ``False``."""
        (self._paused.set if paused else self._paused.clear)()

    def switch(self, source: Source) -> None:
        """Continue with another open source; it is closed at once where the run is over."""
        with self._source_lock:
            if self._ended:
                unused: Source | None = source
            else:
                unused, self._next_source = self._next_source, source
        if unused is not None:
            unused.close()

    def gather(self, until: int, most: int) -> None:
        """Move audio in pieces as large as the reader wants them.

        Args:
            until: the absolute sample before which the reader can do nothing.
            most: samples of a piece, at most; a file's pieces are of 320 or a multiple.
        """
        self._request = until, most

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
        """Feed from the current source; return whether another one follows it."""
        try:
            return self._feed_from(self._source)
        finally:
            self._deliver_rest()

    def _feed_from(self, source: Source) -> bool:
        state = _state(source)
        resampler = self._resampler(source)
        self._pace.restart()
        while self._remaining() and self._next_source is None:
            if self._paused.is_set():
                self._wait_while_paused()
                continue
            try:
                block = source.read()
            except DamagedAudioError:
                self._deliver(resampler.flush())
                raise
            if block is None:
                self._deliver(resampler.flush())
                return False
            if state != _state(source):
                state = _state(source)
                self._deliver(resampler.flush())
                resampler = self._resampler(source)
                self._deliver_rest()
                self._add_boundary()
            self._watch_for_silence(block)
            self._fill_gap()
            self._deliver(resampler.process(block))
            if source.live and len(block):
                wait = (self._wanted() - len(self._gathered)) / SAMPLE_RATE
                self._pace.wait_for_batch(len(block) / source.rate, wait, self._stopping)
        return self._remaining() > 0

    def _resampler(self, source: Source) -> Resampler:
        return Resampler(source.rate, source.channels, self._channel, source.name)

    def _remaining(self) -> int:
        """Return how many samples may still be delivered, an hour's where there is no limit."""
        if self._stopping.is_set():
            return 0
        if self._last_sample is None:
            return SAMPLE_RATE * 3600
        return max(0, self._last_sample - self._ring.written)

    @property
    def _is_captured(self) -> bool:
        """Whether the audio comes from a microphone now, which delivers it when it is due."""
        return self._source.live and not self._source.problem

    def _wanted(self) -> int:
        """Return how many samples, after those delivered, are worth a piece."""
        until, most = self._request
        return max(0, min(until - self._ring.written, most, self._remaining()))

    def _deliver(self, samples: Int16) -> None:
        """Deliver the next samples, and those gathered before them, once they are wanted."""
        self._gathered = np.concatenate((self._gathered, samples))
        if self._is_captured:
            if len(self._gathered) >= max(1, self._wanted()):
                self._write_gathered(len(self._gathered))
            return
        while self._remaining() and len(self._gathered) >= (piece := self._piece_samples()):
            self._deliver_piece(piece)

    def _deliver_rest(self) -> None:
        """Deliver what has been gathered."""
        while self._remaining() and (rest := len(self._gathered)):
            if self._is_captured:
                self._write_gathered(rest)
            else:
                self._deliver_piece(min(rest, self._piece_samples()))
        self._gathered = _NOTHING

    def _piece_samples(self) -> int:
        """Return the length of the next piece of a file: it ends at a multiple of 20 ms."""
        written = self._ring.written
        end = max(written + self._wanted(), written + 1)
        return -(-end // DELIVERY_SAMPLES) * DELIVERY_SAMPLES - written

    def _deliver_piece(self, samples: int) -> None:
        """Deliver so many of the gathered samples when they are due, and there is room for them."""
        if not self._source.live:
            self._pace.wait_until_due(samples, self._stopping)
        while not self._stopping.is_set() and self._free_samples() < samples:
            self._stopping.wait(WAIT_SECONDS)
        self._write_gathered(samples)

    def _write_gathered(self, samples: int) -> None:
        piece, self._gathered = self._gathered[:samples], self._gathered[samples:]
        self._ring.write(piece[: self._remaining()])

    def _free_samples(self) -> int:
        return self._ring.capacity - self._ring.unread

    def _wait_while_paused(self) -> None:
        self._deliver_rest()
        self._add_boundary()
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
        self._add_boundary()

    def _add_boundary(self) -> None:
        boundary = Boundary(self._ring.written, self._source.problem)
        if boundary != self._last_boundary:
            self._last_boundary = boundary
            self.boundaries.append(boundary)
            self._ring.write(_NOTHING)  # wakes the reader

    def _fill_gap(self) -> None:
        """Deliver silence for the audio that the source lost, so that times stay correct."""
        missed = self._source.lost_frames - self._frames_missed
        if missed:
            self._frames_missed += missed
            gap = round(missed * SAMPLE_RATE / self._source.rate)
            self._samples_missed += gap
            self._deliver_rest()
            self._add_boundary()
            self._deliver(np.zeros(gap, np.int16))

    def _watch_for_silence(self, block: Block) -> None:
        if not self._source.live or not len(block):
            return
        has_signal = self._source.problem or block.any()
        self._silent_frames = 0 if has_signal else self._silent_frames + len(block)
        was_silent = self.silent_input
        self.silent_input = self._silent_frames >= SILENT_SECONDS * self._source.rate
        if self.silent_input and not was_silent:
            log.warning(
                "%s delivers only zeros: unmute it, or allow this program to use the microphone",
                self._source.name,
            )


def _state(source: Source) -> tuple[str | None, int, int]:
    """Return the properties of a source whose change interrupts the audio."""
    return source.problem, source.rate, source.channels
