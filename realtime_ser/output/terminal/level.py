"""The input level, and the state of the speech gate in words."""

from collections.abc import Hashable

from realtime_ser.live.snapshot import Snapshot
from realtime_ser.output.terminal.emotion import VALUE, bar
from realtime_ser.output.terminal.palette import MUTED, TEXT, faded, ink
from realtime_ser.output.terminal.panel import Line, Panel, margin

FLOOR = -60.0
"""Level at the left end of the meter, in dB of full scale; the right end is 0."""


class Level(Panel):
    """Speech gate, meter and level in one line, aligned with the bars."""

    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return gate and level, the level to half a decibel."""
        return snapshot.speaking, round(snapshot.input_dbfs * 2)

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the one line."""
        speaking = snapshot.speaking
        word = "●  SPEECH" if speaking else "○  silence"
        style = ink(TEXT, bold=True) if speaking else ink(MUTED)
        level = 1 - snapshot.input_dbfs / FLOOR
        room = max(width - margin(width) - VALUE, 1)
        number = f"{snapshot.input_dbfs:.0f} dBFS".replace("-", "−")
        if margin(width) <= 3:
            word, number = word.split()
        return [
            [
                (word.ljust(margin(width)), style),
                *bar(level, MUTED if speaking else faded(MUTED), room),
                (number.rjust(VALUE), ink(TEXT) if speaking else ink(MUTED)),
            ]
        ]
