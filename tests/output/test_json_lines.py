"""JSON Lines: one whole object a line, at once, and a quiet end when the reader leaves."""

import io
import json
import subprocess
import sys

import pytest

from realtime_ser.events import (
    Event,
    FileResult,
    Health,
    SpeechEnded,
    SpeechStarted,
    as_probabilities,
)
from realtime_ser.output.json_lines import JsonLines

SURE = as_probabilities([0.01, 0.0, 0.0, 0.02, 0.88, 0.06, 0.03, 0.0])


class CountingStream(io.StringIO):
    """Remembers what had been written at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[str] = []

    def flush(self) -> None:
        self.flushed.append(self.getvalue())


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (SpeechStarted(1.32), {"event": "speech_started", "time": 1.32}),
        (
            SpeechEnded(1.32, 4.71, "angry", 0.88, SURE),
            {
                "event": "speech_ended",
                "start": 1.32,
                "end": 4.71,
                "label": "angry",
                "confidence": 0.88,
                "probabilities": SURE,
                "adaptation": 0.0,
            },
        ),
        (
            FileResult("café.wav", 3.7, None, None, None),
            {
                "event": "file",
                "path": "café.wav",
                "duration": 3.7,
                "label": None,
                "confidence": None,
                "probabilities": None,
            },
        ),
    ],
)
def test_event_is_the_object_of_the_contract(event: Event, line: dict[str, object]) -> None:
    stream = io.StringIO()

    JsonLines(stream).on_event(event)

    assert json.loads(stream.getvalue()) == line
    assert list(json.loads(stream.getvalue())) == list(line)


def test_each_line_is_flushed_whole() -> None:
    stream = CountingStream()
    lines = JsonLines(stream)

    lines.on_event(SpeechStarted(1.0))
    lines.on_event(SpeechStarted(2.0))

    first, second = stream.flushed
    assert first == '{"event": "speech_started", "time": 1.0}\n'
    assert second == first + '{"event": "speech_started", "time": 2.0}\n'


def test_not_a_number_is_refused() -> None:
    stream = io.StringIO()

    with pytest.raises(ValueError, match="not JSON compliant"):
        JsonLines(stream).on_event(Health(1.0, 0, 0, 0.0, float("nan")))

    assert stream.getvalue() == ""


def test_file_name_that_is_no_unicode_is_written() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")

    JsonLines(stream).on_event(FileResult("\udcff.wav", 1.0, None, None, None))

    stream.seek(0)
    assert json.loads(stream.read())["path"] == "\udcff.wav"


WRITE_FOR_EVER = """
import sys
from realtime_ser.events import SpeechStarted
from realtime_ser.output.json_lines import JsonLines, discard_stdout

lines = JsonLines(sys.stdout)
try:
    while True:
        lines.on_event(SpeechStarted(1.0))
except BrokenPipeError:
    discard_stdout()
    sys.exit(7)
"""


def test_reader_that_leaves_ends_the_writer_quietly() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        assert json.loads(writer.stdout.readline()) == {"event": "speech_started", "time": 1.0}
        writer.stdout.close()
        complaints = writer.stderr.read()

    assert (writer.returncode, complaints) == (7, b"")
