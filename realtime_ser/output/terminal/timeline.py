"""The last minute, newest at the right: labels differ in color, letter and position."""

from collections.abc import Hashable, Sequence
from itertools import groupby

from realtime_ser.events import LABELS, UNCERTAIN
from realtime_ser.live.snapshot import Snapshot, TimelineEntry
from realtime_ser.output.terminal.palette import (
    BACKGROUND,
    COLORS,
    FAINT,
    GLYPHS,
    MUTED,
    faded,
    ink,
)
from realtime_ser.output.terminal.panel import Line, Panel, margin

SPAN = 60.0
"""Length of the timeline, in seconds."""

ROWS = (*LABELS, UNCERTAIN)

Run = tuple[str | None, int]
"""A label, ``None`` for silence, and its length in columns."""


def label_columns(entries: Sequence[TimelineEntry], time: float, columns: int) -> list[str | None]:
    """Return the label of each column of the minute before ``time``, ``None`` for silence.

    Columns start at multiples of their length, so that a stretch keeps its shape as it scrolls.
    """
    step = SPAN / columns
    first = int(time / step) + 1 - columns
    covered: list[dict[str, float]] = [{} for _ in range(columns)]
    for entry in entries:
        start, end = max(entry.start / step - first, 0), min(entry.end / step - first, columns)
        for column in range(int(start), min(int(end) + 1, columns)):
            share = min(end, column + 1) - max(start, column)
            if share > 0:
                shares = covered[column]
                shares[entry.label] = shares.get(entry.label, 0) + share
    return [max(shares, key=lambda label: shares[label], default=None) for shares in covered]


def runs(labels: Sequence[str | None]) -> list[Run]:
    """Join equal neighbors."""
    return [(label, len(list(group))) for label, group in groupby(labels)]


class Timeline(Panel):
    """One band, or a lane for each label if space allows; below it the time."""

    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return the stretches, and the time in columns."""
        columns = max(width - margin(width), 1)
        return snapshot.timeline, int(snapshot.time * columns / SPAN)

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return lanes or a band, then the axis."""
        columns = max(width - margin(width), 1)
        stretches = runs(label_columns(snapshot.timeline, snapshot.time, columns))
        if height > len(ROWS):
            lines = self._lanes(stretches, width, (height - 1) // len(ROWS))
        else:
            lines = self._band(stretches, width, height - 1)
        return [*lines, self._axis(width, columns)]

    def _lanes(self, stretches: list[Run], width: int, rows: int) -> list[Line]:
        lines: list[Line] = []
        for label in ROWS:
            own = [(name if name == label else None, columns) for name, columns in stretches]
            head: Line = [
                (GLYPHS[label], ink(COLORS[label], bold=True)),
                (f"  {label}".ljust(margin(width) - 1)[: margin(width) - 1], ink(MUTED)),
            ]
            lines.append([*head, *_written(own)])
            if rows > 1:
                lines.append([(" " * margin(width), ink(MUTED)), *_shadow(own)])
            lines += [[]] * (rows - 2)
        return lines

    def _band(self, stretches: list[Run], width: int, rows: int) -> list[Line]:
        name = "   last minute" if margin(width) > 3 else ""
        lines = [[(name.ljust(margin(width)), ink(MUTED)), *_written(stretches)]]
        if rows > 1:
            lines.append([(" " * margin(width), ink(MUTED)), *_shadow(stretches)])
        return lines

    @staticmethod
    def _axis(width: int, columns: int) -> Line:
        every = 10 if columns >= 100 else 15 if columns >= 50 else 30
        cells = [" "] * columns
        for ago in range(every, int(SPAN), every):
            mark = f"−{ago} s"
            place = round(columns * (1 - ago / SPAN)) - len(mark) // 2
            cells[place : place + len(mark)] = mark
        for mark, place in (("−60 s", 0), ("now", columns - 3)):
            cells[place : place + len(mark)] = mark
        return [(" " * margin(width) + "".join(cells)[:columns], ink(FAINT))]


def _written(stretches: list[Run]) -> Line:
    """Draw stretches as blocks that begin with their label's letter."""
    line: Line = []
    for label, columns in stretches:
        if label is None:
            line.append(("·" * columns, ink(faded(FAINT))))
            continue
        block = GLYPHS[label].ljust(columns)
        line.append((block, ink(BACKGROUND, COLORS[label], bold=True)))
    return line


def _shadow(stretches: list[Run]) -> Line:
    """Draw the half row that makes the blocks thicker and keeps them apart."""
    return [
        (" " * columns, ink(MUTED)) if label is None else ("▀" * columns, ink(COLORS[label]))
        for label, columns in stretches
    ]
