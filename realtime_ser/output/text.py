"""Events as text to read: a line for each utterance, and one for each file.

::

    0:01.32–0:04.71    angry       88 %  (fearful 6 %, disgust 3 %)
    0:06.10–0:08.00    uncertain   22 %  (sad 21 %, calm 20 %)
       file 0:09.20    angry       80 %  clip.wav
       file 0:03.00    no speech         empty.wav
"""

from typing import TextIO

from realtime_ser.events import LABELS, UNCERTAIN, Event, FileResult, Probabilities, SpeechEnded

NO_SPEECH = "no speech"

_SPAN_WIDTH = len("10:01.32–10:04.71")
_LABEL_WIDTH = max(map(len, (*LABELS, UNCERTAIN, NO_SPEECH)))
_ALSO_AT_LEAST = 0.03
_ALSO_AT_MOST = 3


class TextLines:
    """Writes the utterances and files among the events, each line at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, event: Event) -> None:
        """Write one event's line, if it has one.

        Raises:
            BrokenPipeError: the reader has gone; see ``json_lines.silence_broken_pipe``.
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
    """Return when an utterance was, what it was, and what else it may have been."""
    span = f"{clock(utterance.start)}–{clock(utterance.end)}"
    named = _named(utterance.label, utterance.confidence)
    return f"{span:<{_SPAN_WIDTH}}  {named}  {_also(utterance)}".rstrip()


def file_line(result: FileResult) -> str:
    """Return a file's length, what it was as a whole, and its path."""
    length = f"file {clock(result.duration)}".rjust(len("0:01.32–0:04.71"))
    named = _named(result.label or NO_SPEECH, result.confidence)
    path = "".join(each if each.isprintable() else "�" for each in result.path)
    return f"{length:<{_SPAN_WIDTH}}  {named}  {path}"


def clock(seconds: float) -> str:
    """Return a time as ``m:ss.cc``, from one hour on as ``h:mm:ss.cc``.

    >>> clock(61.5), clock(3661.25)
    ('1:01.50', '1:01:01.25')
    """
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    tail = f"{rest // 100:02}.{rest % 100:02}"
    if minutes < 60:
        return f"{minutes}:{tail}"
    return f"{minutes // 60}:{minutes % 60:02}:{tail}"


def percent(share: float) -> str:
    """Return a probability as ``88 %``, three places wide."""
    return f"{round(100 * share):3} %"


def _named(label: str, confidence: float | None) -> str:
    share = "" if confidence is None else percent(confidence)
    return f"{label:<{_LABEL_WIDTH}}  {share:<5}"


def _also(utterance: SpeechEnded) -> str:
    """Name the next likeliest emotions, or all likeliest ones where the label names none."""
    others: Probabilities = {
        name: share
        for name, share in utterance.probabilities.items()
        if name != utterance.label and share >= _ALSO_AT_LEAST
    }
    likeliest = sorted(others, key=lambda name: -others[name])[:_ALSO_AT_MOST]
    listed = ", ".join(f"{name} {percent(others[name]).strip()}" for name in likeliest)
    return f"({listed})" if listed else ""
