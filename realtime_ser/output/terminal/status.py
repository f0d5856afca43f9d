"""The lines of text: the title with its badges, the notices, and the health of the run."""

from collections.abc import Hashable
from dataclasses import dataclass

from realtime_ser.live.snapshot import Snapshot
from realtime_ser.output.format import clock
from realtime_ser.output.terminal.palette import (
    BACKGROUND,
    FAINT,
    MUTED,
    TEXT,
    TROUGH,
    WARNING,
    ink,
)
from realtime_ser.output.terminal.panel import Line, Panel, justify, length, shorten
from realtime_ser.settings import SAMPLE_RATE


class Title(Panel):
    """The program's name, and badges: recording, and live, replay, gone, paused or finished."""

    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return the badges."""
        return self._badges(snapshot, width)

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the one line."""
        badges: Line = []
        for text, color, background in self._badges(snapshot, width):
            badges += [(" ", ink(TEXT)), (f" {text} ", ink(color, background, bold=True))]
        room = width - length(badges)
        name: Line = [("realtime-ser", ink(TEXT, bold=True))]
        motto: Line = [("  emotion in speech, as it is spoken", ink(FAINT))]
        left = next((line for line in (name + motto, name) if length(line) < room), [])
        return [justify(left, badges, width)]

    @staticmethod
    def _badges(snapshot: Snapshot, width: int) -> tuple[tuple[str, str, str], ...]:
        """Return text, color and background of each badge."""
        badges = []
        if snapshot.recording is not None:
            name = shorten(snapshot.recording.name, width // 3)
            badges.append((f"● REC {name}", BACKGROUND, WARNING))
        if snapshot.finished:
            badges.append(("FINISHED", BACKGROUND, TEXT))
        elif snapshot.paused:
            badges.append(("PAUSED", BACKGROUND, TEXT))
        elif snapshot.problem:
            badges.append(("NO INPUT", BACKGROUND, WARNING))
        else:
            badges.append(("LIVE" if snapshot.live else "REPLAY", TEXT, TROUGH))
        return tuple(badges)


class Notices(Panel):
    """What the user should know or do now; empty in normal operation."""

    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return the notices."""
        return self._notices(snapshot)

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the one line."""
        text = "   ".join(self._notices(snapshot))
        return [[(shorten(text, width), ink(WARNING, bold=True))]] if text else []

    @staticmethod
    def _notices(snapshot: Snapshot) -> tuple[str, ...]:
        notices = []
        if snapshot.problem:
            notices.append(f"! {snapshot.problem}")
        elif snapshot.silent_input and not snapshot.paused:
            notices.append("! Microphone delivers only zeros: muted, or permission refused")
        if snapshot.unsaved:
            notices.append(f"! {snapshot.unsaved}")
        if snapshot.finished:
            notices.append("Finished: press q to quit")
        elif snapshot.paused:
            notices.append("Paused: press space to go on")
        notices += [f"! {name}: {text}" for name, text in snapshot.output_problems.items()]
        return tuple(notices)


@dataclass(frozen=True, slots=True)
class Reading:
    """A value in the health line; one that ``warns`` is highlighted, and never left out."""

    name: str
    value: str
    warns: bool = False

    def line(self) -> Line:
        """Return the line's piece for it."""
        if self.warns:
            return [(f" ! {self.name} {self.value} ", ink(BACKGROUND, WARNING, bold=True))]
        name: Line = [(f"{self.name} ", ink(FAINT))] if self.name else []
        return [*name, (self.value, ink(MUTED))]


class HealthLine(Panel):
    """Source, rate, computing time, lag, losses and time; losses are highlighted."""

    SOURCE = 12
    """Columns reserved for the source's name; readings are left out to make room for it."""

    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return what the line says, already rounded."""
        return snapshot.source, tuple(self._readings(snapshot))

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the one line; where space is short, readings are left out from the left."""
        readings = self._readings(snapshot)
        harmless = [reading for reading in readings if not reading.warns]
        while harmless and length(self._join(readings)) + self.SOURCE + 2 > width:
            readings.remove(harmless.pop(0))
        line = self._join(readings)
        source = shorten(snapshot.source, width - length(line) - 2)
        return [justify([(source, ink(TEXT))] if source else [], line, width)]

    @staticmethod
    def _readings(snapshot: Snapshot) -> list[Reading]:
        compute = "–" if snapshot.compute_ms is None else f"{snapshot.compute_ms:.1f}"
        lost, dropped = snapshot.lost_samples, snapshot.dropped_events
        return [
            Reading("", f"{snapshot.rate / 1000:g} kHz"),
            Reading("", f"{compute} ms/frame"),
            Reading("lag", f"{snapshot.lag_ms:.0f} ms"),
            Reading("overflows", f"{snapshot.overflows}", snapshot.overflows > 0),
            Reading("lost", f"{lost / SAMPLE_RATE:.1f} s" if lost else "0 s", lost > 0),
            *([Reading("dropped", f"{dropped} events", warns=True)] if dropped else []),
            Reading("", clock(snapshot.time)),
        ]

    @staticmethod
    def _join(readings: list[Reading]) -> Line:
        line: Line = []
        for reading in readings:
            line += [("  ", ink(TEXT)), *reading.line()] if line else reading.line()
        return line
