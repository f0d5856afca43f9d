"""The terminal UI: polls the run's snapshot fifteen times a second, without blocking the run."""

import asyncio
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from realtime_ser.errors import (
    AudioDeviceError,
    CorrectionError,
    OutputError,
    RealtimeSerError,
    printable,
)
from realtime_ser.live.snapshot import LiveRun, Snapshot
from realtime_ser.output.format import counted
from realtime_ser.output.terminal.emotion import Bars, BigLabel, Caption
from realtime_ser.output.terminal.level import Level
from realtime_ser.output.terminal.run_app import CTRL_C, RunApp
from realtime_ser.output.terminal.screens import DeviceScreen, HelpScreen, TeachScreen
from realtime_ser.output.terminal.status import HealthLine, Notices, Title
from realtime_ser.output.terminal.timeline import Timeline
from realtime_ser.output.terminal.voice import Voice
from realtime_ser.settings import Settings

HEIGHTS = [
    (0, "-tiny"),
    (11, "-low"),
    (18, "-short"),
    (24, "-normal"),
    (34, "-tall"),
    (54, "-huge"),
]
"""Rows from which a layout applies; ``app.tcss`` defines the layouts."""


class EmotionApp(RunApp, inherit_bindings=False):
    """Shows a live run, and passes key presses on to it.

    Args:
        run: the live run.
        settings: those of the run.
        exit_when_finished: quit when the source ends, instead of waiting for the user.
    """

    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave(0)", "Quit"),
        Binding("space", "pause", "Pause"),
        Binding("d", "choose_device", "Device"),
        Binding("r", "record", "Record"),
        Binding("t", "teach", "Teach"),
        Binding("u", "undo", "Undo", show=False),
        Binding("c", "clear", "Clear"),
        Binding("question_mark", "help", "Help", key_display="?"),
        CTRL_C,
    ]

    def __init__(
        self, run: LiveRun, settings: Settings, *, exit_when_finished: bool = False
    ) -> None:
        panels = (
            Title(),
            BigLabel(),
            Caption(settings),
            Bars(),
            Level(),
            Voice(),
            Timeline(),
            Notices(),
            HealthLine(),
        )
        super().__init__(run.snapshot, panels)
        self._live_run = run
        self._settings = settings
        self._exit_when_finished = exit_when_finished

    def is_over(self, snapshot: Snapshot) -> bool:
        """Return whether the source has ended, if that is to end the program."""
        return snapshot.finished and self._exit_when_finished

    def action_pause(self) -> None:
        """Pause, or resume."""
        self._live_run.pause(not self._live_run.snapshot().paused)

    def action_clear(self) -> None:
        """Forget the label, the timeline, and what was learned of the voice."""
        self._live_run.clear()
        snapshot = self._live_run.snapshot()
        if snapshot.adaptation is None:
            return
        done = "Forgot this voice"
        if snapshot.profile is not None:
            done = f"Forgot what this run learned; profile {snapshot.profile} is as it was loaded"
        if snapshot.corrections == 1:
            done += "; 1 correction stays, u takes it back"
        elif snapshot.corrections:
            done += f"; {counted(snapshot.corrections)} stay, u takes one back"
        self._say(done)

    def action_teach(self) -> None:
        """Ask for a label, and learn that the newest utterance was that."""
        snapshot = self._live_run.snapshot()
        if snapshot.emotion is None and snapshot.utterance is None:
            self._say("Nobody has spoken yet: teach after an utterance")
            return
        # Not in a worker: a letter that is typed at once must already reach the new screen.
        self.push_screen(TeachScreen(snapshot), self._teach)

    def _teach(self, label: str | None) -> None:
        if label is None:
            return
        try:
            self._live_run.correct(label)
            self._say(f"Learned: that was {label} (u takes it back)")
        except CorrectionError as error:
            self._show_error(error)

    def action_undo(self) -> None:
        """Take the newest correction back."""
        try:
            label = self._live_run.undo_correction()
            self._say(f"Took back: that was {label}")
        except CorrectionError as error:
            self._say(str(error))

    def action_record(self) -> None:
        """Start recording, or stop."""
        try:
            if self._live_run.snapshot().recording is None:
                self._say(f"Recording to {self._live_run.start_recording().name}")
            elif (path := self._live_run.stop_recording()) is not None:
                self._say(f"Recorded {path.name}")
        except OutputError as error:
            self._show_error(error)

    def action_help(self) -> None:
        """Show the help."""
        self.push_screen(HelpScreen(self._settings))

    def action_choose_device(self) -> None:
        """Show the list of microphones, if the run uses one."""
        if self._live_run.snapshot().live:
            self._choose_device()
        else:
            self._say("This is a recording: a microphone can be chosen only while listening live")

    @work(exclusive=True)
    async def _choose_device(self) -> None:
        # In a thread, because PortAudio may take long to answer.
        try:
            choices = await asyncio.to_thread(self._live_run.devices)
            if not choices:
                self._say("No microphone found")
                return
            index = await self.push_screen_wait(DeviceScreen(choices))
            if index is not None:
                await asyncio.to_thread(self._live_run.switch_device, index)
                self._say(f"Listening to {self._live_run.snapshot().source}")
        except AudioDeviceError as error:
            self._show_error(error)

    def _say(self, message: str) -> None:
        self.notify(printable(message), timeout=4, markup=False)

    def _show_error(self, error: RealtimeSerError) -> None:
        self.notify(str(error), severity="error", timeout=8, markup=False)
