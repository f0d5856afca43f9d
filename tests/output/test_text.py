"""The text for people: aligned, in time order, one line an utterance and one a file."""

import io

import pytest

from realtime_ser.events import FileResult, SpeechEnded, SpeechStarted, as_probabilities
from realtime_ser.output.text import TextLines

SURE = as_probabilities([0.01, 0.0, 0.0, 0.02, 0.88, 0.06, 0.03, 0.0])
UNSURE = as_probabilities([0.1, 0.2, 0.01, 0.24, 0.15, 0.14, 0.13, 0.03])
CERTAIN = as_probabilities([0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])

EVENTS = (
    SpeechStarted(1.32),
    SpeechEnded(1.32, 4.71, "angry", 0.88, SURE),
    SpeechEnded(6.1, 8.0, "uncertain", 0.24, UNSURE),
    SpeechEnded(661.32, 674.71, "happy", 1.0, CERTAIN),
    FileResult("clip.wav", 680.2, "angry", 0.8, SURE),
    FileResult("empty.wav", 3.0, None, None, None),
)

PAGE = """\
0:01.32–0:04.71    angry       88 %  (fearful 6 %, disgust 3 %)
0:06.10–0:08.00    uncertain   24 %  (sad 24 %, calm 20 %, angry 15 %)
11:01.32–11:14.71  happy      100 %
  file 11:20.20    angry       80 %  clip.wav
   file 0:03.00    no speech         empty.wav
"""


def test_page_is_aligned() -> None:
    stream = io.StringIO()
    lines = TextLines(stream)

    for event in EVENTS:
        lines.on_event(event)

    assert stream.getvalue() == PAGE


@pytest.mark.parametrize("name", ["a\nb.wav", "a\x1b[31mb.wav", "a\udcffb.wav"])
def test_file_name_cannot_break_the_line(name: str) -> None:
    stream = io.StringIO()

    TextLines(stream).on_event(FileResult(name, 3.0, None, None, None))

    line = stream.getvalue()
    assert line.endswith("b.wav\n")
    assert line[:-1].isprintable()


def test_a_terminal_without_unicode_gets_characters_it_can_show() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\n")

    TextLines(stream).on_event(EVENTS[1])

    stream.seek(0)
    assert stream.read().startswith("0:01.32?0:04.71    angry       88 %")
