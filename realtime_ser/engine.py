"""The live run: a capture thread fills the ring buffer, a worker turns it into events.

The worker is whoever iterates over ``events()``: the caller's own thread, or the one ``start``
makes for a display. The newest audio wins: when the worker lags behind a microphone, the ring
buffer overwrites the oldest audio, which is counted, reported and passed over.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.capture.devices import InputDevice
from realtime_ser.capture.feeder import Cut, Feeder
from realtime_ser.capture.ring_buffer import Chunk, RingBuffer
from realtime_ser.capture.sources import Source
from realtime_ser.errors import OutputError, RealtimeSerError
from realtime_ser.events import EmotionUpdate, Event, Health, seconds
from realtime_ser.live_state import LevelMeter, LiveState
from realtime_ser.output.recording import Recording
from realtime_ser.pipeline import Pipeline
from realtime_ser.settings import SAMPLE_RATE
from realtime_ser.snapshot import DeviceChoice, Snapshot

Int16 = NDArray[np.int16]

BUFFER_SECONDS = 10
"""How far the worker may lag behind a microphone before audio is lost."""

READ_SAMPLES = SAMPLE_RATE // 2
"""Most the worker takes at once, so that it notices pauses and stops within a backlog."""

WAIT_SECONDS = 0.5
HEALTH_SAMPLES = 5 * SAMPLE_RATE
STOP_SECONDS = 1.0
"""How long a thread may take to end; one that waits for a silent pipe is left behind."""

log = logging.getLogger("realtime_ser")


class Engine:
    """One live run over a source, from its first block to its end.

    Args:
        source: an open microphone, or a file to be replayed in real time; closed by the engine.
        pipeline: a fresh one.
        recording: where to write what is analysed; closed by the engine.
        duration: seconds of audio after which to end; ``None`` goes on to the source's end.
        reconnect: whether a microphone chosen later is reopened whenever it goes.
    """

    def __init__(
        self,
        source: Source,
        pipeline: Pipeline,
        *,
        recording: Recording | None = None,
        duration: float | None = None,
        reconnect: bool = True,
    ) -> None:
        self._ring = RingBuffer(BUFFER_SECONDS * SAMPLE_RATE, dtype=np.int16)
        last_sample = None if duration is None else round(duration * SAMPLE_RATE)
        self._feeder = Feeder(source, self._ring, last_sample)
        self._pipeline = pipeline
        self._recording = recording
        self._recording_lock = threading.RLock()
        self._meter, self._health_meter = LevelMeter(), LevelMeter()
        self._next_health = HEALTH_SAMPLES
        self._capture_thread = threading.Thread(target=self._capture, name="capture", daemon=True)
        self._worker_thread = threading.Thread(target=self._work, name="worker", daemon=True)
        self._starting = threading.RLock()
        self._started = False
        self._closed = False
        self._failure: BaseException | None = None
        self._problem: str | None = None
        self._reconnect = reconnect
        self._listed: dict[int, InputDevice] = {}
        self._state = LiveState(Snapshot(source.name, source.rate, source.live))
        if recording is not None:
            self._state.show(recording=recording.path)

    def events(self) -> Iterator[Event]:
        """Run, and yield events as they happen; ends with the source, ``duration`` or ``stop``.

        Close the iterator to release the source.

        Raises:
            AudioDeviceError: the microphone failed.
            AudioInputError: the file or stream is damaged; raised after the events before that.
        """
        try:
            self.start_capture()
            while (chunk := self._next_chunk()) is not None:
                yield from self._noted(self._analyse(chunk))
            yield from self._noted(self._pipeline.flush())
            yield self._health()
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
        """Release the source and the recording, and let a waiting ``events`` end.

        For any thread, at any time; safe to call twice.
        """
        with self._starting:
            self._closed = True
        self._feeder.close()
        if self._started and self._capture_thread is not threading.current_thread():
            self._capture_thread.join(STOP_SECONDS)
        self._close_recording()

    def start(self) -> None:
        """Run in a worker thread, for a display that polls ``snapshot``."""
        self._worker_thread.start()

    def stop(self) -> None:
        """End the run; the worker of ``start`` finishes what it holds and releases everything."""
        self._feeder.stop()
        if self._worker_thread.is_alive():
            self._worker_thread.join(STOP_SECONDS)
        else:
            self.close()

    def snapshot(self) -> Snapshot:
        """Return the newest picture."""
        return self._state.snapshot

    def pause(self, paused: bool) -> None:
        """Stop or go on analysing; a file waits, a microphone's audio is dropped meanwhile."""
        self._feeder.pause(paused)
        self._state.show(paused=paused)

    def clear(self) -> None:
        """Forget the newest emotion and the timeline."""
        self._state.clear()

    def devices(self) -> Sequence[DeviceChoice]:
        """Return the input devices.

        Raises:
            AudioDeviceError: PortAudio is missing.
        """
        from realtime_ser.capture.devices import list_input_devices

        current = self._feeder.source.name
        self._listed = {each.index: each for each in list_input_devices()}
        return [
            DeviceChoice(each.index, each.name, each.name == current)
            for each in self._listed.values()
        ]

    def switch_device(self, index: int) -> None:
        """Go on with another microphone, by the index that ``devices`` last gave it.

        Raises:
            AudioDeviceError: it cannot be opened; the present one goes on.
        """
        from realtime_ser.capture.devices import find_input_device
        from realtime_ser.capture.reconnect import open_microphone

        device = self._listed.get(index) or find_input_device(index)
        source = open_microphone(device, reconnect=self._reconnect)
        self._feeder.exchange(source)
        self._state.show(source=source.name, rate=source.rate)

    def start_recording(self) -> Path:
        """Record from now on to a new WAV file in the current folder.

        Raises:
            OutputError: it cannot be written.
        """
        name = Path(time.strftime("realtime-ser-%Y%m%d-%H%M%S.wav"))
        recording = Recording(name, keep_others=True)
        with self._recording_lock:
            before, self._recording = self._recording, recording
            if before is not None:
                before.close()
            if self._closed:
                recording.close()
        self._state.show(recording=recording.path)
        return recording.path

    def stop_recording(self) -> Path | None:
        """Finish the recording and return its file, ``None`` if there was none.

        Raises:
            OutputError: the end of it could not be written.
        """
        with self._recording_lock:
            recording, self._recording = self._recording, None
        self._state.show(recording=None)
        if recording is None:
            return None
        recording.close()
        return recording.path

    def _capture(self) -> None:
        try:
            self._feeder.run()
        except BaseException as error:  # carried to whoever reads the events
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
        self._state.show(finished=True, failure=failure)

    def _next_chunk(self) -> Chunk[np.int16] | None:
        """Return the next audio, ``None`` at the end."""
        while not self._closed:
            # Asked first: what is written before it closes is still read.
            closed = self._ring.closed
            chunk = self._ring.read(READ_SAMPLES)
            if len(chunk.samples) or chunk.lost or self._feeder.cuts:
                return chunk
            if closed:
                return None
            self._ring.wait(WAIT_SECONDS)
        return None

    def _analyse(self, chunk: Chunk[np.int16]) -> Iterator[Event]:
        if chunk.lost:
            self._record_silence(chunk.lost)
            yield from self._pipeline.skip(chunk.lost)
        for samples, cut in self._between_cuts(chunk):
            yield from self._process(samples)
            if cut is not None:
                yield from self._end_at(cut)
        yield from self._health_when_due()

    def _between_cuts(self, chunk: Chunk[np.int16]) -> Iterator[tuple[Int16, Cut | None]]:
        """Split a chunk where something ended what was being said."""
        cuts, done, end = self._feeder.cuts, 0, chunk.start + len(chunk.samples)
        while cuts and cuts[0].sample <= end:
            cut = cuts.popleft()
            begin, done = done, max(done, cut.sample - chunk.start)
            yield chunk.samples[begin:done], cut
        yield chunk.samples[done:], None

    def _end_at(self, cut: Cut) -> Iterator[Event]:
        """End what was being said, and say at once when the microphone went or came back."""
        yield from self._pipeline.flush()
        if cut.problem != self._problem:
            self._problem = cut.problem
            self._state.show(rate=self._feeder.source.rate)
            yield self._health()

    def _process(self, samples: Int16) -> Sequence[Event]:
        self._record(samples)
        self._meter.add(samples)
        self._health_meter.add(samples)
        began = time.thread_time()
        events = self._pipeline.process(samples)
        taken = time.thread_time() - began
        self._state.computed(taken, sum(isinstance(each, EmotionUpdate) for each in events))
        return events

    def _noted(self, events: Iterator[Event] | Sequence[Event]) -> Iterator[Event]:
        for event in events:
            self._state.apply(event)
            yield event
        self._feeder.unhurried = not self._pipeline.is_alert
        self._state.show(
            time=seconds(self._pipeline.position),
            input_dbfs=self._meter.read(),
            speaking=self._pipeline.is_speaking,
            overflows=self._feeder.overflows,
            lost_samples=self._feeder.lost_samples,
            lag_ms=self._lag_ms(),
            silent_input=self._feeder.silent_input,
        )

    def _lag_ms(self) -> float:
        return round(1000 * (self._ring.written - self._pipeline.position) / SAMPLE_RATE, 1)

    def _health_when_due(self) -> Iterator[Event]:
        if self._pipeline.position >= self._next_health:
            self._next_health += HEALTH_SAMPLES
            yield self._health()

    def _health(self) -> Health:
        return Health(
            seconds(self._pipeline.position),
            self._feeder.overflows,
            self._feeder.lost_samples,
            self._lag_ms(),
            self._health_meter.read(),
            self._problem,
        )

    def _record(self, samples: Int16) -> None:
        with self._recording_explained():
            if self._recording is not None:
                self._recording.write(samples)

    def _record_silence(self, samples: int) -> None:
        with self._recording_explained():
            if self._recording is not None:
                self._recording.write_silence(samples)

    def _close_recording(self) -> None:
        with self._recording_explained():
            if self._recording is not None:
                self._recording.close()

    @contextlib.contextmanager
    def _recording_explained(self) -> Iterator[None]:
        """A recording that fails is said once; recognition goes on."""
        with self._recording_lock:
            try:
                yield
            except OutputError as error:
                self._recording = None
                self._state.show(recording=None)
                log.warning("the recording ended: %s", error)
