"""The choices a user can make about the analysis, with their defaults and their limits."""

import contextlib
from dataclasses import dataclass

from realtime_ser.arguments import as_flag, as_integer, as_number, shown
from realtime_ser.errors import SettingsError

SAMPLE_RATE = 16_000
"""Rate of all analyzed audio, in hertz: what YAMNet was trained on."""

STEP_SECONDS = 0.01
"""Distance between two spectral columns, in seconds."""

FRAME_SECONDS = 0.96
"""Length of a frame, in seconds: 96 spectral columns, one YAMNet patch."""

DEFAULT_THRESHOLD = 0.3
"""Probability below which the label is ``uncertain`` if neither user nor model states another."""

VAD_MODES = range(4)
"""Aggressiveness of WebRTC's voice activity detector: 0 lets most through, 3 least."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How speech is cut, framed and named. Numbers of any type are taken, and stored as Python's.

    Attributes:
        window: length of the sliding window, in seconds, at least one frame.
        hop: distance between two frames, in seconds, a multiple of 0.01.
        vad_mode: aggressiveness of WebRTC's voice activity detector, 0 to 3.
        threshold: probability below which the label is ``uncertain``, 0 to 1; ``None`` takes the
            model's.
        channel: which of several channels to hear, from 1; ``mix`` for their mean, ``auto`` for the
            mean unless a voice would be lost in it.
        adapt: whether to adapt to the voice while it speaks, if the model has the statistics for
            that.

    Raises:
        SettingsError: a value is of a wrong type, or lies outside its range.
    """

    window: float = 4.0
    hop: float = 0.48
    vad_mode: int = 2
    threshold: float | None = None
    channel: int | str = "auto"
    adapt: bool = True

    def __post_init__(self) -> None:
        names = ("window", "hop") if self.threshold is None else ("window", "hop", "threshold")
        for name in names:
            number = as_number(getattr(self, name), f"the {name}", SettingsError)
            object.__setattr__(self, name, number)
        mode = as_integer(self.vad_mode, "the VAD mode", SettingsError)
        object.__setattr__(self, "vad_mode", mode)
        if not FRAME_SECONDS <= self.window <= 60:
            raise SettingsError(
                f"a window of {self.window:g} s is not possible",
                f"give {FRAME_SECONDS:g} to 60 seconds",
            )
        steps = self.hop / STEP_SECONDS
        if not 1 - 1e-6 <= steps <= 96 + 1e-6 or abs(steps - round(steps)) > 1e-6:
            raise SettingsError(
                f"a hop of {self.hop:g} s is not possible",
                f"give a multiple of {STEP_SECONDS:g} from {STEP_SECONDS:g}"
                f" to {FRAME_SECONDS:g} seconds",
            )
        if self.vad_mode not in VAD_MODES:
            raise SettingsError(f"there is no VAD mode {self.vad_mode}", "give 0, 1, 2 or 3")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise SettingsError(
                f"a threshold of {self.threshold:g} is not a probability", "give 0 to 1"
            )

        object.__setattr__(self, "channel", as_channel(self.channel))
        object.__setattr__(self, "adapt", as_flag(self.adapt, "adapt", SettingsError))

    def threshold_or(self, default: float) -> float:
        """Return the threshold, ``default`` if none was chosen."""
        return default if self.threshold is None else self.threshold

    @property
    def hop_steps(self) -> int:
        """Spectral columns from one frame to the next."""
        return round(self.hop / STEP_SECONDS)

    @property
    def window_frames(self) -> int:
        """Frames that fit the window whole: seven in 4 s at a hop of 0.48 s."""
        return int((self.window - FRAME_SECONDS) / self.hop + 1e-6) + 1


def as_channel(channel: object) -> int | str:
    """Return a channel's number, ``mix`` or ``auto``.

    Raises:
        SettingsError: it is something else.
    """
    if isinstance(channel, str) and channel in ("mix", "auto"):
        return channel
    with contextlib.suppress(SettingsError):
        number = as_integer(channel, "the channel", SettingsError)
        if number >= 1:
            return number
    raise SettingsError(f"there is no channel {shown(channel)}", "give 1, 2 …, mix or auto")
