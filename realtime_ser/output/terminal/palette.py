"""Colours and glyphs: one of each for every label, so that neither has to be seen to read it.

The hues are Okabe and Ito's, which colour-blind people tell apart, lightened until each reads as
text on the background. The app paints its own background: the terminal's theme does not matter.
The greys are so nearly grey that a terminal of 256 colours does not take them for blue.
"""

from functools import cache

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from realtime_ser.events import LABELS, UNCERTAIN

BACKGROUND = "#0e1217"
RAISED = "#191d21"
TROUGH = "#1f2429"
TEXT = "#eaecee"
MUTED = "#9aa5b3"
FAINT = "#7b8797"
WARNING = "#ffb52e"

COLORS = {
    "neutral": "#c4c9cf",
    "calm": "#14a77b",
    "happy": "#f7ee55",
    "sad": "#5f84f5",
    "angry": "#ea5420",
    "fearful": "#e596d2",
    "disgust": "#e3a43c",
    "surprised": "#a8e6ff",
    UNCERTAIN: "#76879d",
}

GLYPHS = dict(zip((*LABELS, UNCERTAIN), "NCHSAFDU?", strict=True))
"""One letter a label; surprised is U, since S is sad."""


@cache
def faded(color: str) -> str:
    """Return ``color`` half sunk into the background: said a while ago, not now."""
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
