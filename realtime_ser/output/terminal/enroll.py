"""The screen of an enrollment: a sentence to read, how the last one was, and how far it is."""

import textwrap
from collections.abc import Hashable
from pathlib import PurePath
from typing import ClassVar, Protocol

from rich.style import Style
from textual.binding import Binding, BindingType

from realtime_ser.live.snapshot import Snapshot
from realtime_ser.output.terminal.emotion import bar
from realtime_ser.output.terminal.level import Level
from realtime_ser.output.terminal.palette import COLORS, FAINT, MUTED, TEXT, WARNING, ink
from realtime_ser.output.terminal.panel import Line, Panel, justify, shorten
from realtime_ser.output.terminal.run_app import CTRL_C, RunApp
from realtime_ser.output.terminal.status import HealthLine, Notices
from realtime_ser.profiles.enrollment import TARGET_SECONDS, Progress


class Run(Protocol):
    """The live run, as this screen sees it."""

    def snapshot(self) -> Snapshot:
        """Return the newest snapshot."""


class Learner(Protocol):
    """The enrollment, as this screen sees it."""

    @property
    def progress(self) -> Progress:
        """How far it is now."""

    def skip(self) -> None:
        """Skip the sentence that is to be read."""


HEIGHTS = [(0, "-tiny"), (9, "-low"), (14, "-short"), (18, "-normal")]
"""Rows from which a layout applies; ``enroll.tcss`` defines the layouts."""


class LearningPanel(Panel):
    """A part of the screen that shows the progress of an enrollment."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self._learner = learner

    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return everything that the drawing depends on."""
        progress = self._learner.progress
        return progress.sentence, progress.seconds, progress.verdict, progress.refused.total()


class ToRead(LearningPanel):
    """The mood, and the sentence to read in it."""

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the lines, vertically centered; the sentence alone where height is short."""
        sentence = self._learner.progress.sentence
        mood: Line = [(shorten(f"Read {sentence.mood}, then pause:", width), ink(MUTED))]
        text = _wrapped(sentence.text, width, height, ink(TEXT, bold=True))
        room = height - len(text)
        lines = [*[mood, []][: max(room, 0)], *text]
        return [[]] * ((height - len(lines)) // 2) + lines


class Verdict(LearningPanel):
    """What was wrong with the last take, and what to do, or that it was good."""

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return as many lines as are needed, and fit."""
        progress = self._learner.progress
        if progress.verdict is None:
            return [[(shorten("Speak as you would to a friend.", width), ink(FAINT))]]
        if progress.accepted:
            return [[("✓ good", ink(COLORS["calm"], bold=True))]]
        refused = progress.refused.total()
        count = f" ({refused} refused so far)" if refused > 1 else ""
        text = f"! {progress.verdict}. Again, please{count}."
        return _wrapped(text, width, height, ink(WARNING, bold=True))


class Learned(LearningPanel):
    """How many seconds of good speech there are, as a bar."""

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the one line."""
        seconds = self._learner.progress.seconds
        words = f"{min(seconds, TARGET_SECONDS):>2.0f} of {TARGET_SECONDS:.0f} s"
        room = max(width - len(words) - 2, 1)
        return [[*bar(seconds / TARGET_SECONDS, COLORS["calm"], room), (f"  {words}", ink(TEXT))]]


class Heading(Panel):
    """The name of the profile."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return nothing: it never changes."""
        return None

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the one line."""
        title: Line = [("realtime-ser", ink(TEXT, bold=True))]
        name = shorten(f"learning the voice of {self._name}", width - 14)
        return [justify(title, [(name, ink(MUTED))], width)]


class EnrollApp(RunApp, inherit_bindings=False):
    """Guides through an enrollment, and ends with it.

    Args:
        run: the live run.
        learner: the enrollment.
        name: of the profile.
    """

    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "enroll.tcss"]
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "leave(0)", "Quit, store nothing"),
        Binding("n", "skip", "Next sentence"),
        CTRL_C,
    ]

    def __init__(self, run: Run, learner: Learner, name: str) -> None:
        panels = (
            Heading(name),
            ToRead(learner),
            Verdict(learner),
            Learned(learner),
            Level(),
            Notices(),
            HealthLine(),
        )
        super().__init__(run.snapshot, panels)
        self._learner = learner

    def is_over(self, snapshot: Snapshot) -> bool:
        """Return whether all is learned, or the source has ended."""
        return self._learner.progress.done or snapshot.finished

    def action_skip(self) -> None:
        """Show another sentence."""
        self._learner.skip()


def _wrapped(text: str, width: int, height: int, style: Style) -> list[Line]:
    """Wrap text; the last line that fits ends with an ellipsis if there are more."""
    lines = textwrap.wrap(text, max(width, 1))
    if len(lines) > height > 0:
        lines = [*lines[: height - 1], shorten(" ".join(lines[height - 1 :]), width)]
    return [[(line, style)] for line in lines]
