"""The terminal UI on a fake run, and what tests ask of it."""

from typing import Any

import pytest
from fake_run import SPEAKING, FakeRun
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import OptionList

from realtime_ser.live.snapshot import Snapshot
from realtime_ser.output.terminal.app import EmotionApp
from realtime_ser.output.terminal.panel import Panel
from realtime_ser.output.terminal.run_app import RunApp
from realtime_ser.output.terminal.screens import DeviceScreen
from realtime_ser.settings import Settings


def build(snapshot: Snapshot = SPEAKING, **options: Any) -> tuple[EmotionApp, FakeRun]:
    run = FakeRun(snapshot)
    return EmotionApp(run, Settings(window=4.0, threshold=0.25), **options), run


def text(app: RunApp, panel: type[Panel]) -> str:
    """Return what a panel of the main screen shows, line by line, without its colors."""
    shown = app.screen_stack[0].query_one(panel)
    return "\n".join(shown.render_line(y).text.rstrip() for y in range(shown.size.height))


def notifications(app: EmotionApp) -> list[str]:
    return [notification.message for notification in app._notifications]


async def settle(app: RunApp, pilot: Pilot[Any]) -> None:
    """Let the app's threads answer, and its screen follow."""
    for _ in range(50):
        await pilot.pause(0.01)
        if not any(worker.is_running for worker in app.workers):
            break
    app.pull()
    await pilot.pause()


async def open_devices(pilot: Pilot[Any]) -> None:
    """Press the key, and wait until a thread has asked for the devices."""
    await pilot.press("d")
    for _ in range(200):
        await pilot.pause(0.01)
        if isinstance(pilot.app.screen, DeviceScreen) and pilot.app.screen.query(OptionList):
            return
    pytest.fail("no list of devices")


def assert_all_fits(app: RunApp, size: tuple[int, int]) -> set[type[Widget]]:
    """Check that no panel overlaps another or leaves the screen; return those that are shown."""
    panels = [panel for panel in app.query("Panel") if panel.display]
    bottom = 0
    for panel in panels:
        assert panel.region.y >= bottom
        assert panel.region.height >= 1
        assert panel.region.right <= size[0]
        bottom = panel.region.bottom
    assert bottom <= size[1]
    return {type(panel) for panel in panels}
