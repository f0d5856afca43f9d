"""Events as text to read: a line for each utterance, and one for each file.

::

    0:01.32–0:04.71    angry       88 %  (fearful 6 %, disgust 3 %)
    0:06.10–0:08.00    uncertain   22 %  (sad 21 %, calm 20 %)
       file 0:09.20    angry       80 %  clip.wav
       file 0:03.00    no speech         empty.wav
"""

from typing import TextIO

from realtime_ser.errors import printable
from realtime_ser.events import LABELS, UNCERTAIN, Event, FileResult, Probabilities, SpeechEnded
from realtime_ser.live.sinks import Sink
from realtime_ser.output.format import clock, percent

NO_SPEECH = "no speech"

_SPAN_WIDTH = len("10:01.32–10:04.71")
_LABEL_WIDTH = max(map(len, (*LABELS, UNCERTAIN, NO_SPEECH)))
_ALSO_AT_LEAST = 0.03
_ALSO_AT_MOST = 3


class TextLines(Sink):
    """Writes the utterances and files among the events, each line at once."""

    name = "text output"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def on_event(self, event: Event) -> None:
        """Write one event's line, if it has one.

        Raises:
            BrokenPipeError: the reader has gone; see ``json_lines.discard_stdout``.
        """
        if isinstance(event, SpeechEnded):
            self._write(utterance_line(event))
        elif isinstance(event, FileResult):
            self._write(file_line(event))

    def _write(self, line: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        encodable = line.encode(encoding, "replace").decode(encoding)
        self._stream.write(encodable + "\n")
        self._stream.flush()


def utterance_line(utterance: SpeechEnded) -> str:
    """Return an utterance's times, its label, and the next likeliest labels."""
    start, end = (clock(time, hundredths=True) for time in (utterance.start, utterance.end))
    span = f"{start}–{end}"
    named = _named(utterance.label, utterance.confidence)
    return f"{span:<{_SPAN_WIDTH}}  {named}  {_also(utterance)}".rstrip()


def file_line(result: FileResult) -> str:
    """Return a file's length, its label as a whole, and its path."""
    length = f"file {clock(result.duration, hundredths=True)}".rjust(len("0:01.32–0:04.71"))
    named = _named(result.label or NO_SPEECH, result.confidence)
    return f"{length:<{_SPAN_WIDTH}}  {named}  {printable(result.path)}"


def _named(label: str, confidence: float | None) -> str:
    share = "" if confidence is None else percent(confidence, " ").rjust(len("100 %"))
    return f"{label:<{_LABEL_WIDTH}}  {share:<5}"


def _also(utterance: SpeechEnded) -> str:
    """List the next likeliest emotions; if the label is uncertain, the likeliest ones."""
    others: Probabilities = {
        name: probability
        for name, probability in utterance.probabilities.items()
        if name != utterance.label and probability >= _ALSO_AT_LEAST
    }
    likeliest = sorted(others, key=lambda name: -others[name])[:_ALSO_AT_MOST]
    listed = ", ".join(f"{name} {percent(others[name], ' ')}" for name in likeliest)
    return f"({listed})" if listed else ""
