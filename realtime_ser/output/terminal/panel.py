"""The base of all parts of the screen: drawn line by line, and only when something changed."""

from abc import abstractmethod
from collections.abc import Hashable

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.events import Resize
from textual.strip import Strip
from textual.widget import Widget

from realtime_ser.errors import printable
from realtime_ser.live.snapshot import Snapshot
from realtime_ser.output.terminal.palette import BACKGROUND, TEXT, ink

Line = list[tuple[str, Style]]
"""Pieces of text, each with its style, from left to right."""

ROOMY = 56
"""Columns from which labels are written out instead of as a single letter."""


def margin(width: int) -> int:
    """Return the width of the left column, the same in every panel."""
    return 16 if width >= ROOMY else 3


def length(line: Line) -> int:
    """Return how many cells ``line`` takes."""
    return sum(cell_len(text) for text, _ in line)


def shorten(text: str, width: int) -> str:
    """Return printable ``text``, with an ellipsis for its end where it is wider than ``width``."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def justify(left: Line, right: Line, width: int) -> Line:
    """Put ``left`` and ``right`` at the two ends of a line."""
    gap = width - length(left) - length(right)
    return [*left, (" " * gap, ink(TEXT)), *right]


class Panel(Widget):
    """A part of the screen.

    A subclass returns in ``content`` what it shows of a snapshot, as small values that compare
    quickly; it is drawn again only when they change.
    """

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: Snapshot | None = None
        self._content: Hashable = None
        self._strips: list[Strip] | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Show ``snapshot``."""
        self._snapshot = snapshot
        content = self.content(snapshot, self.size.width)
        if content != self._content:
            self._content = content
            self._strips = None
            self.refresh()

    def on_resize(self, event: Resize) -> None:
        """Draw again for the new size."""
        self._content = self._strips = None
        if self._snapshot is not None:
            self.show(self._snapshot)

    @abstractmethod
    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return everything that the drawing depends on."""

    @abstractmethod
    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the lines, from the top; missing lines stay empty."""

    def render_line(self, y: int) -> Strip:
        """Return line ``y``, for Textual."""
        width, height = self.size
        if self._strips is None:
            lines = self.draw(self._snapshot, width, height) if self._snapshot else []
            self._strips = [self._strip(line, width) for line in lines[:height]]
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(width, ink(TEXT, BACKGROUND))

    @staticmethod
    def _strip(line: Line, width: int) -> Strip:
        strip = Strip([Segment(text, style) for text, style in line])
        return strip.adjust_cell_length(width, ink(TEXT, BACKGROUND))
