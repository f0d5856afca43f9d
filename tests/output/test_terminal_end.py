"""How the terminal UI ends, and that it leaves the terminal as it was."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_run import FILE
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


async def test_a_finished_run_ends_the_app_when_told_so() -> None:
    app, run = build(FILE, exit_when_finished=True)
    async with app.run_test() as pilot:
        await settle(app, pilot)
        before = app.return_code
        run.change(finished=True)
        app.pull()
        await pilot.pause()
    assert (before, app.return_code, app.return_value) == (None, 0, None)


class Terminal:
    """The app as a program of its own in a pseudo-terminal."""

    def __init__(self, *arguments: str) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (24, 80))
        self.settings = termios.tcgetattr(self.slave)
        self.output = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.output.fake_run", *arguments],
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm-256color"},
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
        )

    def read(self, until: Callable[[], bool], seconds: float = 20) -> None:
        """Take in what the app writes until ``until`` says so."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, self.output[-2000:]
            if select.select([self.master], [], [], 0.02)[0]:
                self.output += os.read(self.master, 65536)

    def close(self) -> None:
        """End the program, should it still run."""
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    started = Terminal(*arguments)
    try:
        yield started
    finally:
        started.close()


def leave(number: signal.Signals) -> Callable[[Terminal], None]:
    return lambda started: started.process.send_signal(number)


def press_ctrl_c(started: Terminal) -> None:
    os.write(started.master, b"\x03")


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
    with terminal() as started:
        started.read(lambda: b"Help" in started.output)
        assert termios.tcgetattr(started.slave) != started.settings
        end(started)
        started.read(lambda: started.process.poll() is not None)
        assert started.process.returncode == return_code
        assert_restored(started)


def test_the_terminal_is_restored_after_a_crash() -> None:
    with terminal("crash") as started:
        started.read(lambda: started.process.poll() is not None)
        assert started.process.returncode == 1
        assert b"ZeroDivisionError" in started.output
        assert_restored(started)


def assert_restored(started: Terminal) -> None:
    """Check that the screen, the cursor, the mouse and the line settings are as before."""
    started.read(lambda: b"\x1b[?25h" in started.output)
    for mode in (b"?1049", b"?1000", b"?2004"):
        assert started.output.rindex(b"\x1b[" + mode + b"l") > started.output.rindex(
            b"\x1b[" + mode + b"h"
        )
    assert termios.tcgetattr(started.slave) == started.settings
