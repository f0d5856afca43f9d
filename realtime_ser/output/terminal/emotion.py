"""The result: the label in large letters, and the eight probabilities."""

from collections.abc import Hashable

from realtime_ser.events import LABELS, UNCERTAIN, EmotionUpdate, SpeechEnded
from realtime_ser.live.snapshot import Snapshot
from realtime_ser.output.format import percent
from realtime_ser.output.terminal.lettering import columns_needed, lettering, rows_needed
from realtime_ser.output.terminal.palette import (
    BACKGROUND,
    COLORS,
    FAINT,
    GLYPHS,
    MUTED,
    TEXT,
    TROUGH,
    faded,
    ink,
)
from realtime_ser.output.terminal.panel import Line, Panel, justify, margin, shorten
from realtime_ser.settings import DEFAULT_THRESHOLD, Settings

WIDEST = max((label.upper() for label in (*LABELS, UNCERTAIN)), key=columns_needed)
"""The widest label: it decides the size of all labels, so that the size never jumps."""

VALUE = 9
"""Columns to the right of a bar, for its value."""

EIGHTHS = " ▏▎▍▌▋▊▉█"
TICK = "┃"


def tint(label: str, *, now: bool) -> str:
    """Return the label's color, faded unless it is current."""
    return COLORS[label] if now else faded(COLORS[label])


class BigLabel(Panel):
    """The current label and its confidence, as large as space allows."""

    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return word, confidence and color."""
        return self._words(snapshot)

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the word, centered vertically."""
        word, confidence, color = self._words(snapshot)
        scale = self._scale(word, confidence, width, height)
        if scale:
            lines = [
                justify([(left, ink(color))], [(right, ink(color))], width)
                for left, right in zip(
                    lettering(word, scale), lettering(confidence, scale), strict=True
                )
            ]
        else:
            lines = [[(f"{word}  {confidence}", ink(color, bold=True))]]
        return [[]] * ((height - len(lines)) // 2) + lines

    @staticmethod
    def _scale(word: str, confidence: str, width: int, height: int) -> int:
        """Return the largest scale at which everything fits, 0 if only plain text does."""
        pixels = max(
            columns_needed(word) + columns_needed(confidence),
            columns_needed(WIDEST) + columns_needed("99%"),
        )
        scale = (width - 2) // pixels
        while rows_needed(scale) > height:
            scale -= 1
        return max(scale, 0)

    @staticmethod
    def _words(snapshot: Snapshot) -> tuple[str, str, str]:
        emotion = snapshot.emotion
        if emotion is None:
            waits = "NO INPUT" if snapshot.problem else "LISTENING"
            return "NO SPEECH" if snapshot.finished else waits, "", faded(MUTED)
        color = tint(emotion.label, now=snapshot.speaking)
        return emotion.label.upper(), percent(emotion.confidence), color


class Caption(Panel):
    """One line that says what the label and the bars refer to."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return the sentence, and whether there is a tick to explain."""
        return self._sentence(snapshot), snapshot.emotion is not None

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the one line."""
        key: Line = []
        if snapshot.emotion is not None and width >= 70:
            key = [(TICK, ink(TEXT)), (" newest frame", ink(FAINT))]
        sentence = shorten(self._sentence(snapshot), width - (15 if key else 0))
        return [justify([(sentence, ink(MUTED))], key, width)]

    def _sentence(self, snapshot: Snapshot) -> str:
        emotion, utterance = snapshot.emotion, snapshot.utterance
        if emotion is None:
            return self._waiting(snapshot)
        if not snapshot.speaking:
            return self._last(utterance)
        if emotion.label == UNCERTAIN:
            return f"no emotion reaches {percent(self._settings.threshold_or(DEFAULT_THRESHOLD))}"
        return f"last {self._settings.window:g} s of speech"

    @staticmethod
    def _waiting(snapshot: Snapshot) -> str:
        if snapshot.speaking:
            return "speech: the first answer takes about a second"
        return "nobody has spoken" if snapshot.finished else "no speech yet"

    @staticmethod
    def _last(utterance: SpeechEnded | None) -> str:
        if utterance is None:
            return "silence"
        spoken = f"last utterance, {utterance.end - utterance.start:.1f} s, as a whole:"
        return f"{spoken} {utterance.label} {percent(utterance.confidence)}"


class Bars(Panel):
    """Eight bars: the window's probabilities, with ticks for those of the newest frame."""

    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return the emotion and whether it is current."""
        emotion = snapshot.emotion
        return (emotion and (emotion.start, emotion.end), snapshot.speaking)

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return a line for each label, with empty lines between them if space allows."""
        emotion = snapshot.emotion
        spacing: list[Line] = [[]] * (max(height // len(LABELS), 1) - 1)
        lines: list[Line] = []
        for label in LABELS:
            lines.append(self._bar(label, emotion, snapshot.speaking, width))
            lines += spacing
        return lines

    @staticmethod
    def _bar(label: str, emotion: EmotionUpdate | None, now: bool, width: int) -> Line:
        value = emotion.probabilities[label] if emotion else 0.0
        leads = emotion is not None and value == max(emotion.probabilities.values())
        style = ink(TEXT, bold=True) if leads else ink(MUTED)
        name = f"{GLYPHS[label]}  {label}" if margin(width) > 3 else GLYPHS[label]
        color = tint(label, now=now)
        room = max(width - margin(width) - VALUE, 1)
        number = percent(value) if emotion else "–"
        tick = emotion.frame_probabilities[label] if emotion else None
        return [
            (name[:1], ink(COLORS[label], bold=True)),
            (name[1:].ljust(margin(width) - 1), style),
            *bar(value, color, room, tick, TEXT if now else MUTED),
            (number.rjust(VALUE), style),
        ]


def bar(
    value: float, color: str, width: int, tick: float | None = None, tick_color: str = TEXT
) -> Line:
    """Draw ``value``, 0 to 1, as a bar in eighths of a cell, with an optional tick."""
    whole, eighth = divmod(round(min(max(value, 0.0), 1.0) * width * 8), 8)
    cells = ("█" * whole + (EIGHTHS[eighth] if eighth else "")).ljust(width)
    if tick is None:
        return [(cells, ink(color, TROUGH))]
    place = min(int(tick * width), width - 1)
    on_bar = place < whole
    return [
        (cells[:place], ink(color, TROUGH)),
        (TICK, ink(BACKGROUND, color) if on_bar else ink(tick_color, TROUGH)),
        (cells[place + 1 :], ink(color, TROUGH)),
    ]
