"""Sinks of a live run: they get all events and audio, and none of them can stop the run."""

import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from scripted_microphone import ScriptedMicrophone
from speech_clips import speech

from realtime_ser import Health, Recognizer, to_dict
from realtime_ser.errors import OutputError
from realtime_ser.events import Event
from realtime_ser.live.engine import LONGEST_PIECE, PIECE_OF_SILENCE, Engine
from realtime_ser.live.feeder import Feeder
from realtime_ser.live.sinks import Sink
from realtime_ser.output.json_lines import EventFile
from realtime_ser.samples import Int16


class Collector(Sink):
    """Keeps what it is given; fails at the given event, and counts events as dropped."""

    def __init__(self, name: str = "collector", fail_at: int | None = None) -> None:
        self.name = name
        self.events: list[Event] = []
        self.audio: list[Int16] = []
        self.closed = 0
        self._fail_at = fail_at

    def on_event(self, event: Event) -> None:
        if len(self.events) == self._fail_at:
            raise OutputError("it is full", "empty it")
        self.events.append(event)

    def on_audio(self, samples: Int16) -> None:
        self.audio.append(samples.copy())

    def close(self) -> None:
        self.closed += 1


def run(recognizer: Recognizer, *sinks: Sink, duration: float | None = None) -> Engine:
    """Return a run over one utterance, as fast as it is read."""
    microphone = ScriptedMicrophone(speech("one_utterance"))
    return Engine(microphone, recognizer.pipeline(), sinks=sinks, duration=duration)


def test_every_sink_gets_all_events_and_audio(recognizer: Recognizer) -> None:
    sinks = [Collector(), Collector()]
    engine = run(recognizer, *sinks)
    events = list(engine.events())
    for sink in sinks:
        assert sink.events == events
        np.testing.assert_array_equal(np.concatenate(sink.audio), speech("one_utterance"))
        assert sink.closed == 1
    assert not engine.sinks.failed


def test_a_run_with_a_display_writes_the_same_events(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    engine = run(recognizer, EventFile(path))
    engine.start()
    engine._worker_thread.join(30)
    assert engine.snapshot().finished
    written = [json.loads(line) for line in path.read_text().splitlines()]
    pipeline = recognizer.pipeline()
    expected = [*pipeline.process(speech("one_utterance")), *pipeline.flush()]
    assert written[-1]["event"] == "health"
    assert [event for event in written if event["event"] != "health"] == [
        json.loads(json.dumps(to_dict(event))) for event in expected
    ]


def test_a_failing_sink_is_reported_once_and_the_others_go_on(
    recognizer: Recognizer, caplog: pytest.LogCaptureFixture
) -> None:
    failing, working = Collector("test output", fail_at=2), Collector()
    with caplog.at_level(logging.WARNING, "realtime_ser"):
        engine = run(recognizer, failing, working)
        events = list(engine.events())
    assert caplog.messages == ["the test output ended: it is full: empty it"]
    assert working.events == events
    assert failing.events == events[:2]
    assert failing.closed == 1
    assert engine.sinks.failed
    *_, health = events
    assert isinstance(health, Health)
    assert health.output_problems == {"test output": "it is full"}
    assert engine.snapshot().output_problems == health.output_problems


def test_a_new_sink_of_the_same_name_ends_the_report_of_a_failure(recognizer: Recognizer) -> None:
    engine = run(recognizer, Collector("recording", fail_at=0))
    events = engine.events()
    next(events)
    assert engine.sinks.problems() == {"recording": "it is full"}
    engine.sinks.add(Collector("recording"))
    assert engine.sinks.problems() == {}
    events.close()
    assert engine.sinks.failed


def test_a_sink_that_cannot_be_closed_has_failed(
    recognizer: Recognizer, caplog: pytest.LogCaptureFixture
) -> None:
    class Unclosable(Collector):
        def close(self) -> None:
            raise OutputError("it is full", "empty it")

    sinks = [Unclosable("first"), Unclosable("second")]
    engine = run(recognizer, *sinks, duration=0.1)
    with pytest.raises(OutputError, match="it is full"):
        engine.sinks.finish(sinks[0])
    assert engine.sinks.failed
    list(engine.events())
    assert caplog.messages == ["the second ended: it is full: empty it"]


def test_sinks_may_be_added_and_removed_during_the_run(recognizer: Recognizer) -> None:
    first, late = Collector(), Collector()
    engine = run(recognizer, first)
    events = engine.events()
    seen = [next(events)]
    engine.sinks.remove(first)
    engine.sinks.add(late)
    seen += events
    assert first.events == seen[:1]
    assert late.events == seen[1:]
    assert (first.closed, late.closed) == (0, 1), "a removed sink is closed by whoever removed it"


def test_health_reports_what_sinks_dropped(recognizer: Recognizer) -> None:
    class Slow(Collector):
        def on_event(self, event: Event) -> None:
            self.dropped += 1

    engine = run(recognizer, Slow("slow"), Collector())
    *events, health = engine.events()
    assert isinstance(health, Health)
    assert health.dropped == {"slow": len(events)}
    assert to_dict(health)["dropped"] == {"slow": len(events)}


def test_a_healthy_run_has_no_dropped_events_in_its_health_event(recognizer: Recognizer) -> None:
    *_, health = run(recognizer, Collector()).events()
    assert "dropped" not in to_dict(health)


def test_an_event_file_that_fills_its_disk_ends_with_a_whole_line(
    recognizer: Recognizer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "events.jsonl"
    engine = run(recognizer, EventFile(path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        events = list(engine.events())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"the event file ended: cannot write {path}")
    written = path.read_bytes()
    assert written.endswith(b"}\n")
    assert len(written) > 500
    lines = [json.loads(line) for line in written.splitlines()]
    expected = [json.loads(json.dumps(to_dict(event))) for event in events]
    assert lines == expected[: len(lines)]


@pytest.mark.skipif(os.name == "nt", reason="no /dev/full")
def test_an_event_file_on_a_full_disk_fails_at_its_first_event(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.symlink_to("/dev/full")
    file = EventFile(path)
    with pytest.raises(OutputError, match="no space left"):
        file.on_event(Health(1.0, 0, 0, 0.0, -30.0))
    file.close()


def test_audio_is_gathered_less_where_a_sink_takes_it(
    recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Levels are to be shown, and recordings to be complete, without a long delay."""

    def requested(*sinks: Sink) -> set[int]:
        most: set[int] = set()
        monkeypatch.setattr(Feeder, "gather", lambda self, until, samples: most.add(samples))
        list(run(recognizer, *sinks).events())
        return most

    assert requested() == requested(Sink()) == {LONGEST_PIECE}
    assert requested(Collector()) == {0, PIECE_OF_SILENCE}
