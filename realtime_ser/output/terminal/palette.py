"""The colors of the terminal UI, and a letter for each label for those who cannot see colors.

The app paints its own background, so the terminal's theme does not matter.
"""

from functools import cache

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from realtime_ser.events import LABELS, UNCERTAIN
from realtime_ser.output.palette import ON_DARK

BACKGROUND = "#0e1217"
RAISED = "#191d21"
TROUGH = "#1f2429"
TEXT = "#eaecee"
MUTED = "#9aa5b3"
FAINT = "#7b8797"
WARNING = "#ffb52e"

COLORS = ON_DARK

GLYPHS = dict(zip((*LABELS, UNCERTAIN), "NCHSAFDU?", strict=True))
"""One letter a label; surprised is U, since S is sad."""


@cache
def faded(color: str) -> str:
    """Return ``color`` mixed with the background, for labels that are no longer current."""
    return Color.parse(color).blend(Color.parse(BACKGROUND), 0.3).hex


@cache
def ink(color: str, background: str = BACKGROUND, *, bold: bool = False) -> Style:
    """Return the style of ``color`` on ``background``."""
    return Style(color=color, bgcolor=background, bold=bold)


THEME = Theme(
    name="realtime-ser",
    dark=True,
    primary=COLORS["sad"],
    secondary=MUTED,
    accent=COLORS["surprised"],
    foreground=TEXT,
    background=BACKGROUND,
    surface=RAISED,
    panel=TROUGH,
    success=COLORS["calm"],
    warning=WARNING,
    error=COLORS["angry"],
)
