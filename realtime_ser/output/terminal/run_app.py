"""What the screens of a live run have in common: panels that show its newest snapshot."""

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Footer

from realtime_ser.errors import RealtimeSerError
from realtime_ser.live.snapshot import Snapshot
from realtime_ser.output.terminal.palette import THEME
from realtime_ser.output.terminal.panel import ROOMY, Panel
from realtime_ser.signals import ending_signals

REFRESH_RATE = 15
"""How often the snapshot is polled, per second."""

WIDTHS = [(0, "-narrow"), (ROOMY, "-wide")]
"""Columns from which a layout applies."""

# Takes precedence over Textual's own, which copies a selection or asks for another key.
CTRL_C = Binding("ctrl+c", f"leave({128 + signal.SIGINT})", show=False, priority=True)


class RunApp(App[RealtimeSerError], inherit_bindings=False):
    """Shows a live run in panels, and quits when it fails or is over.

    After ``run()``, ``return_value`` holds the error that ended the live run, if one did, and
    ``return_code`` is 0, 1 after an error, 130 after Ctrl-C or 128 + the signal that ended it.

    Args:
        snapshot: returns the run's newest snapshot.
        panels: from top to bottom.
    """

    TITLE = "realtime-ser"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss"]
    HORIZONTAL_BREAKPOINTS = WIDTHS
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False

    def __init__(self, snapshot: Callable[[], Snapshot], panels: Sequence[Panel]) -> None:
        super().__init__()
        self._newest_snapshot = snapshot
        self._panels = tuple(panels)
        self.register_theme(THEME)
        self.theme = THEME.name

    def compose(self) -> ComposeResult:
        """Lay out the screen, from top to bottom."""
        with Vertical(id="main"):
            yield from self._panels
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Start polling."""
        self._handle_signals()
        self.pull()
        self.set_interval(1 / REFRESH_RATE, self.pull)

    def pull(self) -> None:
        """Show the newest snapshot, or quit when the run has failed or is over."""
        snapshot = self._newest_snapshot()
        if snapshot.failure is not None:
            self.exit(snapshot.failure, return_code=1)
        elif self.is_over(snapshot):
            self.exit()
        for panel in self._panels:
            panel.show(snapshot)

    def is_over(self, snapshot: Snapshot) -> bool:
        """Return whether there is nothing more to wait for."""
        return snapshot.finished

    def action_leave(self, return_code: int) -> None:
        """Quit."""
        self.exit(return_code=return_code)

    def _handle_signals(self) -> None:
        """Quit properly, which restores the terminal, when a signal ends the program."""
        if sys.platform == "win32":
            return
        for number in ending_signals():
            asyncio.get_running_loop().add_signal_handler(number, self.action_leave, 128 + number)
