"""What a display sees of a live run and does to it: pause, record, switch, teach."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scripted_microphone import ScriptedMicrophone, offline, said
from speech_clips import SAMPLES, speech

from realtime_ser import (
    AudioDeviceError,
    CorrectionError,
    EmotionUpdate,
    Recognizer,
    Settings,
    SpeechEnded,
)
from realtime_ser.capture.file_source import FileSource
from realtime_ser.listener import Listener
from realtime_ser.live.engine import Engine
from realtime_ser.output.terminal.controls import Controls

CLIP = SAMPLES / "one_utterance.flac"


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
    emotions = [event for event in updates if isinstance(event, EmotionUpdate)]
    assert updates[1:-1] == emotions
    assert [entry.label for entry in snapshot.timeline] == [emotion.label for emotion in emotions]
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
    assert names == [
        f"realtime-ser-20260101-120000{suffix}.wav" for suffix in ("", "-2", "-3", "-4")
    ]
    assert all(soundfile.info(path).samplerate == 16_000 for path in (first, second, third, fourth))
    assert soundfile.info(second).frames > 0


def _starts(samples: NDArray[np.int16], beginning: NDArray[np.int16]) -> bool:
    return bool(np.array_equal(samples[: len(beginning)], beginning))


def test_switching_the_source_ends_the_utterance(recognizer: Recognizer) -> None:
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
    names = [event.name for event in events]
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
    plain = [event for event in offline(recognizer, samples) if isinstance(event, SpeechEnded)]
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


def test_what_listen_returns_takes_corrections(recognizer: Recognizer) -> None:
    microphone = ScriptedMicrophone(speech("three_utterances"))
    with Listener(Engine(microphone, recognizer.pipeline())) as events:
        with pytest.raises(CorrectionError, match="nobody has spoken yet"):
            events.correct("happy")
        next(event for event in events if isinstance(event, SpeechEnded))
        with pytest.raises(CorrectionError, match="there is no label"):
            events.correct("bored")
        events.correct("happy")
        assert events.undo_correction() == "happy"
        with pytest.raises(CorrectionError, match="no correction to take back"):
            events.undo_correction()


def test_a_run_without_adaptation_says_so() -> None:
    pipeline = Recognizer(settings=Settings(adapt=False)).pipeline()
    engine = Engine(ScriptedMicrophone(speech("short_word")), pipeline)
    for _ in engine.events():
        pass
    assert engine.snapshot().adaptation is None
    engine.clear()
