"""Live runs over files and over a scripted microphone, where a fault has to be forced."""

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from speech_clips import SAMPLES, speech

from realtime_ser import (
    AudioDeviceError,
    CorrectionError,
    EmotionUpdate,
    Health,
    Recognizer,
    Settings,
    SpeechEnded,
)
from realtime_ser.capture.file_source import FileSource
from realtime_ser.capture.reconnect import ReconnectingSource
from realtime_ser.capture.sources import Source
from realtime_ser.events import Event
from realtime_ser.live.engine import BUFFER_SECONDS, Engine
from realtime_ser.output.recording import Recording
from realtime_ser.output.terminal.controls import Controls

CLIP = SAMPLES / "one_utterance.flac"


class ScriptedMicrophone:
    """A microphone that delivers what it is given, as fast as it is read."""

    name, rate, channels, live, overflows, lost_frames = "scripted", 16_000, 1, True, 0, 0
    problem: str | None = None

    def __init__(self, samples: NDArray[np.int16], error: Exception | None = None) -> None:
        self._blocks = iter(np.array_split(samples, max(1, len(samples) // 1600)))
        self._error = error
        self.closed = False
        self.rests_before = -1
        self.may_go_on = threading.Event()

    def read(self) -> NDArray[np.int16] | None:
        for block in self._blocks:
            self.rests_before -= 1
            if self.rests_before == 0:
                self.may_go_on.wait()
            return block[:, np.newaxis]
        if self._error:
            raise self._error
        return None

    def close(self) -> None:
        self.closed = True


def said(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Health)]


def offline(recognizer: Recognizer, samples: NDArray[np.int16]) -> list[Event]:
    pipeline = recognizer.pipeline()
    return pipeline.process(samples) + pipeline.flush()


def test_a_replayed_file_gives_the_events_of_the_analysed_one(recognizer: Recognizer) -> None:
    began = time.monotonic()
    events = said(Engine(FileSource(CLIP), recognizer.pipeline()).events())
    assert events == offline(recognizer, speech("one_utterance"))
    assert time.monotonic() - began > 0.9 * soundfile.info(CLIP).duration, "paced as real time"


def test_a_microphone_gives_the_events_of_its_samples(recognizer: Recognizer) -> None:
    samples = speech("one_utterance")
    source = ScriptedMicrophone(samples)
    assert said(Engine(source, recognizer.pipeline()).events()) == offline(recognizer, samples)
    assert source.closed


def test_the_recording_holds_exactly_what_was_analysed(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    samples = speech("one_utterance")
    recording = Recording(tmp_path / "out.wav")
    engine = Engine(ScriptedMicrophone(samples), recognizer.pipeline(), sinks=[recording])
    events = said(engine.events())
    recorded, rate = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert rate == 16_000
    np.testing.assert_array_equal(recorded, samples)
    assert offline(recognizer, recorded) == events


def test_the_duration_is_exact(recognizer: Recognizer) -> None:
    microphone = ScriptedMicrophone(speech("one_utterance"))
    engine = Engine(microphone, recognizer.pipeline(), duration=2.5)
    *_, last = engine.events()
    assert isinstance(last, Health)
    assert last.time == 2.5
    assert microphone.closed


def test_a_slow_reader_loses_the_oldest_audio_and_counts_it_exactly(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    samples = np.tile(speech("three_utterances"), 3)
    microphone = ScriptedMicrophone(samples)
    microphone.rests_before = 20
    recording = Recording(tmp_path / "out.wav")
    engine = Engine(microphone, recognizer.pipeline(), sinks=[recording])
    events = engine.events()
    next(events)
    microphone.may_go_on.set()
    while engine._capture_thread.is_alive():
        time.sleep(0.01)
    *_, health = events
    assert isinstance(health, Health)
    assert health.lost_samples > 0
    assert health.time == round(len(samples) / 16_000, 6), "time stays true"
    recorded, _ = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert len(recorded) == len(samples), "as many zeros as samples were lost"
    newest = BUFFER_SECONDS * 16_000
    np.testing.assert_array_equal(recorded[-newest:], samples[-newest:])
    analysed = len(samples) - newest - health.lost_samples
    np.testing.assert_array_equal(recorded[:analysed], samples[:analysed])
    assert not recorded[analysed:-newest].any()


def test_what_the_microphone_itself_lost_is_silence_and_counted(recognizer: Recognizer) -> None:
    microphone = ScriptedMicrophone(speech("one_utterance"))
    microphone.lost_frames = 8_000
    *_, health = Engine(microphone, recognizer.pipeline()).events()
    assert isinstance(health, Health)
    assert health.lost_samples == 8_000
    assert health.time == round((len(speech("one_utterance")) + 8_000) / 16_000, 6)


def test_a_failing_microphone_is_reported_after_what_came_before(recognizer: Recognizer) -> None:
    source = ScriptedMicrophone(speech("one_utterance"), AudioDeviceError("gone", "plug it in"))
    events = Engine(source, recognizer.pipeline()).events()
    seen: list[Event] = []
    with pytest.raises(AudioDeviceError, match="gone: plug it in"):
        seen.extend(events)
    assert any(isinstance(each, SpeechEnded) for each in seen)
    assert source.closed


GONE = AudioDeviceError("scripted has stopped", "plug it in")


class Reconnecting(ReconnectingSource):
    """Its first microphone goes; the second comes at the last of so many attempts. Time passes
    only between the attempts."""

    def __init__(
        self, first: ScriptedMicrophone, second: ScriptedMicrophone, attempts: int
    ) -> None:
        self.now = 0.0
        self.attempts_left = attempts
        self.second = second
        super().__init__(
            first,
            self.attempt,
            clock=lambda: self.now,
            wait=self.pass_time,
            start=lambda task: task(),
        )

    def attempt(self) -> Source:
        self.attempts_left -= 1
        if self.attempts_left:
            raise GONE
        return self.second

    def pass_time(self, seconds: float) -> bool:
        self.now += seconds
        return False


def refused() -> Source:
    raise GONE


def test_a_microphone_that_comes_back_leaves_a_marked_gap(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    before, after = speech("one_utterance")[:24_000], speech("one_utterance")
    first, second = ScriptedMicrophone(before, GONE), ScriptedMicrophone(after)
    recording = Recording(tmp_path / "out.wav")
    source = Reconnecting(first, second, attempts=3)
    engine = Engine(source, recognizer.pipeline(), sinks=[recording])
    events = list(engine.events())

    gap = round((0.25 + 0.5 + 1) * 16_000)
    expected = recognizer.pipeline()
    assert said(events) == [
        *(*expected.process(before), *expected.skip(gap)),
        *(*expected.process(after), *expected.flush()),
    ]
    health = [event for event in events if isinstance(event, Health) and event.time < 5]
    problem = "scripted is gone: trying to reopen it"
    assert [(each.time, each.problem) for each in health] == [
        (1.5, problem),
        (1.5 + gap / 16_000, None),
    ]
    assert health[1].lost_samples == 0
    assert engine.snapshot().problem is None
    recorded, _ = soundfile.read(tmp_path / "out.wav", dtype="int16")
    np.testing.assert_array_equal(
        recorded, np.concatenate((before, np.zeros(gap, np.int16), after))
    )
    assert first.closed
    assert second.closed


def test_a_gap_longer_than_the_buffer_loses_nothing(recognizer: Recognizer) -> None:
    class Late(ScriptedMicrophone):
        def read(self) -> NDArray[np.int16] | None:
            time.sleep(0.3)  # the worker catches up
            return super().read()

    first, second = ScriptedMicrophone(speech("one_utterance"), GONE), Late(np.ones(1600, np.int16))
    engine = Engine(Reconnecting(first, second, attempts=9), recognizer.pipeline())
    events = engine.events()
    seen = [next(events)]
    time.sleep(0.3)
    seen += events

    gap = 0.25 + 0.5 + 1 + 2 + 5 * 4
    assert gap > BUFFER_SECONDS
    last = seen[-1]
    assert isinstance(last, Health)
    assert last.lost_samples == 0
    assert last.time == pytest.approx(len(speech("one_utterance")) / 16_000 + gap + 0.1)


def test_a_microphone_that_goes_during_a_pause_is_reported(recognizer: Recognizer) -> None:
    class Slow(ScriptedMicrophone):
        def read(self) -> NDArray[np.int16] | None:
            time.sleep(0.02)
            return super().read()

    first = Slow(speech("one_utterance"), GONE)
    engine = Engine(ReconnectingSource(first, refused), recognizer.pipeline())
    engine.pause(True)
    engine.start()
    deadline = time.monotonic() + 10
    while engine.snapshot().problem is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    engine.stop()
    assert engine.snapshot().time == 0


def test_two_seconds_of_zeros_from_a_microphone_are_reported(
    recognizer: Recognizer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "realtime_ser"):
        engine = Engine(ScriptedMicrophone(np.zeros(48_000, np.int16)), recognizer.pipeline())
        list(engine.events())
    assert engine.snapshot().silent_input
    assert caplog.messages == [
        "scripted delivers only zeros: unmute it, or allow this program to use the microphone"
    ]


def test_a_display_sees_the_run(recognizer: Recognizer) -> None:
    engine = Engine(FileSource(CLIP), recognizer.pipeline())
    engine.start()
    speaking = False
    while not engine.snapshot().finished:
        speaking |= engine.snapshot().speaking
        time.sleep(0.02)
    snapshot = engine.snapshot()
    updates = offline(recognizer, speech("one_utterance"))
    assert speaking
    assert snapshot.emotion == updates[-2]
    assert snapshot.utterance == updates[-1]
    assert snapshot.timeline[0].start == updates[0].time  # type: ignore[union-attr]
    emotions = [each for each in updates if isinstance(each, EmotionUpdate)]
    assert updates[1:-1] == emotions
    assert [each.label for each in snapshot.timeline] == [each.label for each in emotions]
    assert snapshot.compute_ms is not None
    assert snapshot.failure is None


def test_a_paused_file_waits(recognizer: Recognizer) -> None:
    engine = Engine(FileSource(CLIP), recognizer.pipeline())
    engine.start()
    time.sleep(0.5)
    engine.pause(True)
    time.sleep(0.3)
    paused_at = engine.snapshot().time
    time.sleep(0.3)
    assert engine.snapshot().time == paused_at
    assert engine.snapshot().paused
    engine.pause(False)
    while not engine.snapshot().finished:
        time.sleep(0.02)
    assert engine.snapshot().time == pytest.approx(soundfile.info(CLIP).duration, abs=1e-3)


def test_recording_can_be_switched_while_running(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = Engine(FileSource(CLIP), recognizer.pipeline())
    controls = Controls(engine)
    engine.start()
    time.sleep(0.4)
    path = controls.start_recording()
    assert controls.snapshot().recording == path
    time.sleep(0.6)
    assert controls.stop_recording() == path
    assert controls.snapshot().recording is None
    engine.stop()
    recorded, _ = soundfile.read(path, dtype="int16")
    samples = speech("one_utterance")
    starts = [start for start in range(0, 16_000, 160) if _starts(samples[start:], recorded)]
    assert len(recorded) > 3200
    assert starts, "a piece of the clip, without gaps"


def test_two_recordings_of_one_second_are_two_files(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "strftime", lambda _: "realtime-ser-20260101-120000.wav")
    engine = Engine(FileSource(CLIP), recognizer.pipeline())
    engine.start()
    controls = Controls(engine)
    first = controls.start_recording()
    second = controls.start_recording()
    time.sleep(0.3)
    assert controls.stop_recording() == second
    third = controls.start_recording()
    engine.stop()
    fourth = controls.start_recording()

    names = [path.name for path in (first, second, third, fourth)]
    assert names == [f"realtime-ser-20260101-120000{each}.wav" for each in ("", "-2", "-3", "-4")]
    assert all(soundfile.info(path).samplerate == 16_000 for path in (first, second, third, fourth))
    assert soundfile.info(second).frames > 0


def _starts(samples: NDArray[np.int16], beginning: NDArray[np.int16]) -> bool:
    return bool(np.array_equal(samples[: len(beginning)], beginning))


def test_another_source_ends_what_was_being_said(recognizer: Recognizer) -> None:
    samples = speech("three_utterances")[:32_000]
    first, second = ScriptedMicrophone(samples), ScriptedMicrophone(speech("one_utterance"))
    first._error = AudioDeviceError("read past the switch", "fix the feeder")
    engine = Engine(first, recognizer.pipeline())
    original_read = first.read

    def read_and_exchange() -> NDArray[np.int16] | None:
        if first._error and engine._ring.written >= 24_000:
            engine.switch_source(second)
        return original_read()

    first.read = read_and_exchange  # type: ignore[method-assign]
    events = said(engine.events())
    assert first.closed
    assert second.closed
    names = [each.name for each in events]
    assert names.count("speech_started") == names.count("speech_ended") == 2


def test_a_run_learns_the_voice_and_forgets_it_when_cleared(recognizer: Recognizer) -> None:
    samples = speech("three_utterances")
    engine = Engine(ScriptedMicrophone(samples), recognizer.pipeline())
    for _ in engine.events():
        pass
    known = engine.snapshot().adaptation
    assert known is not None
    assert known > 0.1
    engine.clear()
    assert engine.snapshot().adaptation == 0.0
    assert engine.snapshot().emotion is None


def test_another_thread_teaches_while_the_run_goes_on(recognizer: Recognizer) -> None:
    """The correction is made at the first utterance's end, so it changes the others."""
    samples = speech("three_utterances")
    plain = [each for each in offline(recognizer, samples) if isinstance(each, SpeechEnded)]
    label = min(plain[1].probabilities, key=lambda name: plain[1].probabilities[name])
    engine = Engine(ScriptedMicrophone(samples), recognizer.pipeline())
    with pytest.raises(CorrectionError, match="nobody has spoken yet"):
        engine.correct(label)
    ended: list[SpeechEnded] = []
    for event in engine.events():
        if isinstance(event, SpeechEnded):
            if not ended:
                teacher = threading.Thread(target=engine.correct, args=(label,))
                teacher.start()
                teacher.join()
            ended.append(event)
    assert engine.snapshot().corrections == 1
    assert ended[1].probabilities[label] > plain[1].probabilities[label]
    assert engine.undo_correction() == label
    assert engine.snapshot().corrections == 0


def test_a_run_without_adaptation_says_so() -> None:
    pipeline = Recognizer(settings=Settings(adapt=False)).pipeline()
    engine = Engine(ScriptedMicrophone(speech("short_word")), pipeline)
    for _ in engine.events():
        pass
    assert engine.snapshot().adaptation is None
    engine.clear()
