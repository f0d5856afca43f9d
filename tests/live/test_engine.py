"""Live runs over files and over a scripted microphone: events, recordings, and losses."""

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scripted_microphone import ScriptedMicrophone, offline, said
from speech_clips import SAMPLES, speech

from realtime_ser import (
    AudioDeviceError,
    Health,
    Recognizer,
    SpeechEnded,
)
from realtime_ser.capture.file_source import FileSource
from realtime_ser.events import Event
from realtime_ser.live.engine import BUFFER_SECONDS, Engine
from realtime_ser.output.recording import Recording

CLIP = SAMPLES / "one_utterance.flac"


def test_a_replayed_file_gives_the_events_of_the_analyzed_one(recognizer: Recognizer) -> None:
    began = time.monotonic()
    events = said(Engine(FileSource(CLIP), recognizer.pipeline()).events())
    assert events == offline(recognizer, speech("one_utterance"))
    assert time.monotonic() - began > 0.9 * soundfile.info(CLIP).duration, "paced as real time"


def test_a_microphone_gives_the_events_of_its_samples(recognizer: Recognizer) -> None:
    samples = speech("one_utterance")
    source = ScriptedMicrophone(samples)
    assert said(Engine(source, recognizer.pipeline()).events()) == offline(recognizer, samples)
    assert source.closed


def test_the_recording_holds_exactly_what_was_analyzed(
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
    analyzed = len(samples) - newest - health.lost_samples
    np.testing.assert_array_equal(recorded[:analyzed], samples[:analyzed])
    assert not recorded[analyzed:-newest].any()


def test_audio_that_the_microphone_lost_becomes_silence_and_is_counted(
    recognizer: Recognizer,
) -> None:
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
    assert any(isinstance(event, SpeechEnded) for event in seen)
    assert source.closed
