"""The live run: a capture thread fills the ring buffer, a worker turns it into events.

The worker is the thread that iterates over ``events()``: the caller's own, or the one that
``start`` creates for a display. The newest audio wins: when the worker lags behind a microphone,
the ring buffer overwrites the oldest audio; the loss is counted, reported and skipped.
"""

import logging
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from realtime_ser.capture.ring_buffer import Chunk, RingBuffer
from realtime_ser.capture.sources import Source
from realtime_ser.errors import RealtimeSerError
from realtime_ser.events import EmotionUpdate, Event, Health, seconds
from realtime_ser.live.feeder import Boundary, Feeder
from realtime_ser.live.sinks import Sink, Sinks
from realtime_ser.live.snapshot import Snapshot
from realtime_ser.live.state import LevelMeter, LiveState, sum_of_squares
from realtime_ser.pipeline import Pipeline
from realtime_ser.samples import Int16
from realtime_ser.settings import SAMPLE_RATE

BUFFER_SECONDS = 10
"""How far the worker may lag behind a microphone before audio is lost."""

READ_SAMPLES = SAMPLE_RATE // 2
"""Most the worker takes at once, so that it still notices ``stop`` while it catches up."""

LONGEST_PIECE = SAMPLE_RATE
"""Most samples that the worker is given at once while only events are asked for."""

PIECE_OF_SILENCE = SAMPLE_RATE // 10
"""The same while nobody speaks and something takes levels or audio."""

WAIT_SECONDS = 1.0
HEALTH_SAMPLES = 5 * SAMPLE_RATE
STOP_SECONDS = 1.0
"""How long to wait for a thread to end; one that is blocked on a silent pipe is abandoned."""

_SILENCE = np.zeros(SAMPLE_RATE, np.int16)

log = logging.getLogger("realtime_ser")


class Engine:
    """One live run over a source, from its first block to its end.

    Args:
        source: an open microphone, or a file to be replayed in real time; closed by the engine.
        pipeline: a fresh one.
        sinks: where the events, and the audio, go as well; closed by the engine.
        duration: seconds of audio after which to end; ``None`` continues to the source's end.

    Attributes:
        sinks: may be added and removed during the run.
    """

    def __init__(
        self,
        source: Source,
        pipeline: Pipeline,
        *,
        sinks: Sequence[Sink] = (),
        duration: float | None = None,
    ) -> None:
        self.sinks = Sinks(sinks)
        self._ring = RingBuffer(BUFFER_SECONDS * SAMPLE_RATE, dtype=np.int16)
        last_sample = None if duration is None else round(duration * SAMPLE_RATE)
        self._feeder = Feeder(source, self._ring, last_sample, pipeline.settings.channel)
        self._pipeline = pipeline
        self._meter, self._health_meter = LevelMeter(), LevelMeter()
        self._next_health = HEALTH_SAMPLES
        self._capture_thread = threading.Thread(target=self._capture, name="capture", daemon=True)
        self._worker_thread = threading.Thread(target=self._work, name="worker", daemon=True)
        self._starting = threading.RLock()
        self._started = False
        self._displayed = False
        self._closed = False
        self._failure: BaseException | None = None
        self._problem: str | None = None
        self._output_problems: Mapping[str, str] = {}
        self._state = LiveState(Snapshot(source.name, source.rate, source.live))

    def events(self) -> Generator[Event, None, None]:
        """Run, and yield events as they happen; ends with the source, ``duration`` or ``stop``.

        Close the iterator to release the source and the sinks.

        Raises:
            AudioDeviceError: the microphone failed.
            AudioInputError: the file or stream is damaged; raised after the events before that.
        """
        try:
            self.start_capture()
            while (chunk := self._next_chunk()) is not None:
                yield from self._published(self._analyze(chunk))
            yield from self._published(self._pipeline.flush())
            yield from self._published([self._health()])
        finally:
            self.close()
        if self._failure is not None:
            raise self._failure

    def start_capture(self) -> None:
        """Begin to gather audio, before ``events`` asks for it; safe to call twice."""
        with self._starting:
            if self._started or self._closed:
                return
            self._capture_thread.start()
            self._started = True

    def close(self) -> None:
        """Release the source and the sinks, and let a waiting ``events`` end.

        For any thread, at any time; safe to call twice.
        """
        with self._starting:
            self._closed = True
        self._feeder.close()
        if self._started and self._capture_thread is not threading.current_thread():
            self._capture_thread.join(STOP_SECONDS)
        self.sinks.close()

    def start(self) -> None:
        """Run in a worker thread, for a display that polls ``snapshot``."""
        self._displayed = True
        self._worker_thread.start()

    def stop(self) -> None:
        """End the run; the worker of ``start`` finishes its current audio and releases all."""
        self._feeder.stop()
        if self._worker_thread.is_alive():
            self._worker_thread.join(STOP_SECONDS + self.sinks.close_seconds)
        else:
            self.close()

    def snapshot(self) -> Snapshot:
        """Return the newest snapshot."""
        return self._state.snapshot

    def pause(self, paused: bool) -> None:
        """Pause or resume; a file waits, a microphone's audio is dropped meanwhile."""
        self._feeder.pause(paused)
        self._state.update(paused=paused)

    def clear(self) -> None:
        """Forget the newest emotion, the timeline, and what was learned of the voice."""
        if self._pipeline.adaptation is not None:
            self._pipeline.adaptation.clear()
        self._state.clear()
        self._state.update(**self._learned())

    def correct(self, label: str) -> None:
        """Learn what the newest utterance was; the next frames already show it.

        Raises:
            CorrectionError: nobody has spoken yet, or there is no such label.
        """
        self._pipeline.correct(label)
        self._state.update(**self._learned())

    def undo_correction(self) -> str:
        """Take the newest correction back and return its label.

        Raises:
            CorrectionError: there is none.
        """
        correction = self._pipeline.undo_correction()
        self._state.update(**self._learned())
        return correction.label

    def switch_source(self, source: Source) -> None:
        """Continue with another open source; the engine closes the previous one."""
        self._feeder.switch(source)
        self._state.update(source=source.name, rate=source.rate)

    def _capture(self) -> None:
        try:
            self._feeder.run()
        except BaseException as error:  # raised again by ``events``
            self._failure = error

    def _work(self) -> None:
        failure = None
        try:
            for _ in self.events():
                pass
        except RealtimeSerError as error:
            failure = error
        except Exception as error:
            log.exception("the worker failed")
            failure = RealtimeSerError(f"internal error ({error!r})", "please report it")
        self._state.update(finished=True, failure=failure)

    def _next_chunk(self) -> Chunk[np.int16] | None:
        """Return the next audio, ``None`` at the end."""
        while not self._closed:
            # Before the read: audio written just before the ring was closed must still be read.
            closed = self._ring.closed
            chunk = self._ring.read(READ_SAMPLES)
            if len(chunk.samples) or chunk.lost or self._feeder.boundaries:
                return chunk
            if closed:
                return None
            self._ring.wait(WAIT_SECONDS)
        return None

    def _analyze(self, chunk: Chunk[np.int16]) -> Iterator[Event]:
        if chunk.lost:
            self._fill_gap(chunk.lost)
            yield from self._pipeline.skip(chunk.lost)
        for samples, boundary in self._split_at_boundaries(chunk):
            yield from self._process(samples)
            if boundary is not None:
                yield from self._end_at(boundary)
        yield from self._health_when_due()

    def _fill_gap(self, samples: int) -> None:
        """Give the sinks silence for lost audio, so that their times stay correct."""
        for start in range(0, samples, len(_SILENCE)):
            self.sinks.on_audio(_SILENCE[: samples - start])

    def _split_at_boundaries(
        self, chunk: Chunk[np.int16]
    ) -> Iterator[tuple[Int16, Boundary | None]]:
        boundaries, done, end = self._feeder.boundaries, 0, chunk.start + len(chunk.samples)
        while boundaries and boundaries[0].sample <= end:
            boundary = boundaries.popleft()
            begin, done = done, max(done, boundary.sample - chunk.start)
            yield chunk.samples[begin:done], boundary
        yield chunk.samples[done:], None

    def _end_at(self, boundary: Boundary) -> Iterator[Event]:
        """End the utterance, and report at once that the microphone was lost or is back."""
        yield from self._pipeline.flush()
        if boundary.problem != self._problem:
            self._problem = boundary.problem
            self._state.update(rate=self._feeder.source.rate)
            yield self._health()

    def _process(self, samples: Int16) -> Sequence[Event]:
        self.sinks.on_audio(samples)
        squares = sum_of_squares(samples)
        self._meter.add_squares(squares, len(samples))
        self._health_meter.add_squares(squares, len(samples))
        began = time.thread_time()
        events = self._pipeline.process(samples)
        cpu_seconds = time.thread_time() - began
        frames = sum(isinstance(event, EmotionUpdate) for event in events)
        self._state.add_cpu_time(cpu_seconds, frames)
        return events

    def _published(self, events: Iterator[Event] | Sequence[Event]) -> Iterator[Event]:
        """Yield events once the snapshot and the sinks have them."""
        for event in events:
            self._state.apply(event)
            self.sinks.on_event(event)
            yield event
        self._request_audio()
        self._state.update(
            time=seconds(self._pipeline.position),
            input_dbfs=self._meter.read(),
            speaking=self._pipeline.is_speaking,
            overflows=self._feeder.overflows,
            lost_samples=self._feeder.lost_samples,
            lag_ms=self._lag_ms(),
            silent_input=self._feeder.silent_input,
            **self._learned(),
            output_problems=self.sinks.problems(),
            dropped_events=sum(self.sinks.dropped().values()),
        )

    def _request_audio(self) -> None:
        """Tell the feeder how much audio can complete an event, or is worth showing."""
        pipeline = self._pipeline
        until = min(pipeline.position + pipeline.samples_wanted, self._next_health)
        if not (self._displayed or self.sinks.take_audio):
            self._feeder.gather(until, LONGEST_PIECE)
        elif pipeline.is_alert:
            self._feeder.gather(0, 0)
        else:
            self._feeder.gather(until, PIECE_OF_SILENCE)

    def _learned(self) -> Mapping[str, Any]:
        """Return the fields of the snapshot that say what was learned of the voice."""
        adaptation = self._pipeline.adaptation
        return {
            "adaptation": None if adaptation is None else adaptation.share,
            "corrections": len(self._pipeline.corrections.all),
        }

    def _lag_ms(self) -> float:
        return round(1000 * (self._ring.written - self._pipeline.position) / SAMPLE_RATE, 1)

    def _health_when_due(self) -> Iterator[Event]:
        """Report every five seconds, and at once when a receiver went or came back."""
        due = self._pipeline.position >= self._next_health
        if due:
            self._next_health += HEALTH_SAMPLES
        if due or self.sinks.problems() != self._output_problems:
            yield self._health()

    def _health(self) -> Health:
        self._output_problems = self.sinks.problems()
        return Health(
            seconds(self._pipeline.position),
            self._feeder.overflows,
            self._feeder.lost_samples,
            self._lag_ms(),
            self._health_meter.read(),
            self._problem,
            self.sinks.dropped(),
            self._output_problems,
        )
