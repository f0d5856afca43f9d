"""How the terminal UI ends, and that it leaves the terminal as it was."""

import signal
import sys
import termios
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from fake_run import FILE
from pseudo_terminal import Terminal, terminal
from terminal_app import build, settle, text

from realtime_ser.errors import AudioDeviceError
from realtime_ser.output.terminal.status import Notices

ROOT = Path(__file__).parents[2]


async def test_a_failure_ends_the_app_and_is_given_back() -> None:
    app, run = build()
    failure = AudioDeviceError("the microphone was unplugged", "plug it in again")
    async with app.run_test() as pilot:
        run.change(failure=failure)
        app.pull()
        await pilot.pause()
    assert (app.return_code, app.return_value) == (1, failure)


async def test_a_finished_file_stays_until_q() -> None:
    app, run = build(FILE)
    async with app.run_test() as pilot:
        run.change(finished=True)
        await settle(app, pilot)
        assert app.return_code is None
        assert "press q" in text(app, Notices)
        await pilot.press("q")
    assert app.return_code == 0


async def test_a_finished_run_ends_the_app_if_asked_to() -> None:
    app, run = build(FILE, exit_when_finished=True)
    async with app.run_test() as pilot:
        await settle(app, pilot)
        before = app.return_code
        run.change(finished=True)
        app.pull()
        await pilot.pause()
    assert (before, app.return_code, app.return_value) == (None, 0, None)


def run_app(*arguments: str) -> AbstractContextManager[Terminal]:
    return terminal([sys.executable, "-m", "tests.output.fake_run", *arguments], cwd=ROOT)


def leave(number: signal.Signals) -> Callable[[Terminal], None]:
    return lambda started: started.process.send_signal(number)


def press_ctrl_c(started: Terminal) -> None:
    started.type(b"\x03")


@pytest.mark.parametrize(
    ("end", "return_code"),
    [
        (press_ctrl_c, 130),
        (leave(signal.SIGINT), 130),
        (leave(signal.SIGTERM), 143),
        (leave(signal.SIGHUP), 129),
    ],
)
def test_the_terminal_is_restored(end: Callable[[Terminal], None], return_code: int) -> None:
    with run_app() as started:
        started.wait_for(b"Help")
        assert termios.tcgetattr(started.slave) != started.settings
        end(started)
        assert started.wait() == return_code
        assert_restored(started)


def test_the_terminal_is_restored_after_a_crash() -> None:
    with run_app("crash") as started:
        assert started.wait() == 1
        assert b"ZeroDivisionError" in started.output
        assert_restored(started)


def assert_restored(started: Terminal) -> None:
    """Check that the screen, the cursor, the mouse and the line settings are as before."""
    assert b"\x1b[?25h" in started.output
    for mode in (b"?1049", b"?1000", b"?2004"):
        assert started.output.rindex(b"\x1b[" + mode + b"l") > started.output.rindex(
            b"\x1b[" + mode + b"h"
        )
    assert termios.tcgetattr(started.slave) == started.settings
