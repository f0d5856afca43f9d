"""The colors of the labels: Okabe and Ito's hues, which color-blind people can tell apart.

M. Okabe and K. Ito, Color Universal Design (2008), https://jfly.uni-koeln.de/color/.
"""

from realtime_ser.events import UNCERTAIN

ON_WHITE = {
    "neutral": "#a6a6a6",
    "calm": "#009e73",
    "happy": "#f0e442",
    "sad": "#0072b2",
    "angry": "#d55e00",
    "fearful": "#cc79a7",
    "disgust": "#e69f00",
    "surprised": "#56b4e9",
    UNCERTAIN: "#d9d9d9",
}
"""The published colors, with grays for neutral and uncertain: areas on a white page."""

ON_DARK = {
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
"""The same hues, lightened until text in each of them is readable on a dark background.

The grays have a slight tint, so small that terminals of 256 colors still choose a gray for them.
"""
