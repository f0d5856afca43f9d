"""The lines of words: the title with its badges, the notices, and the health of the run."""

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

    def look(self, snapshot: Snapshot, width: int) -> Hashable:
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
        """Return text, colour and background of each badge."""
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
    """What the user should know or do now; empty when all is well."""

    def look(self, snapshot: Snapshot, width: int) -> Hashable:
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
        if snapshot.finished:
            notices.append("Finished: press q to quit")
        elif snapshot.paused:
            notices.append("Paused: press space to go on")
        return tuple(notices)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of the health line; one that ``warns`` stands out, and is never left out."""

    name: str
    value: str
    warns: bool = False

    def line(self) -> Line:
        """Return it as it is drawn."""
        if self.warns:
            return [(f" ! {self.name} {self.value} ", ink(BACKGROUND, WARNING, bold=True))]
        name: Line = [(f"{self.name} ", ink(FAINT))] if self.name else []
        return [*name, (self.value, ink(MUTED))]


class HealthLine(Panel):
    """Source, rate, computing time, lag, overflows, lost audio and time; losses stand out."""

    SOURCE = 12
    """Columns the source's name is given before any figure is left out."""

    def look(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return what the line says, already rounded."""
        return snapshot.source, tuple(self._figures(snapshot))

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the one line; figures are left out from the left where there is no room."""
        figures = self._figures(snapshot)
        harmless = [figure for figure in figures if not figure.warns]
        while harmless and length(self._join(figures)) + self.SOURCE + 2 > width:
            figures.remove(harmless.pop(0))
        line = self._join(figures)
        source = shorten(snapshot.source, width - length(line) - 2)
        return [justify([(source, ink(TEXT))] if source else [], line, width)]

    @staticmethod
    def _figures(snapshot: Snapshot) -> list[Figure]:
        compute = "–" if snapshot.compute_ms is None else f"{snapshot.compute_ms:.1f}"
        lost = snapshot.lost_samples
        return [
            Figure("", f"{snapshot.rate / 1000:g} kHz"),
            Figure("", f"{compute} ms/frame"),
            Figure("lag", f"{snapshot.lag_ms:.0f} ms"),
            Figure("overflows", f"{snapshot.overflows}", snapshot.overflows > 0),
            Figure("lost", f"{lost / SAMPLE_RATE:.1f} s" if lost else "0 s", lost > 0),
            Figure("", clock(snapshot.time)),
        ]

    @staticmethod
    def _join(figures: list[Figure]) -> Line:
        line: Line = []
        for figure in figures:
            line += [("  ", ink(TEXT)), *figure.line()] if line else figure.line()
        return line
