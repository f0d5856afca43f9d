"""The terminal UI: what it draws, what its keys do, and how it leaves the terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_run import FILE, QUIET, SPEAKING, TIMELINE, UNCERTAIN_UPDATE, FakeRun
from textual.color import Color
from textual.pilot import Pilot
from textual.widgets import OptionList

from realtime_ser.errors import AudioDeviceError, OutputError
from realtime_ser.events import LABELS, UNCERTAIN
from realtime_ser.live.snapshot import Snapshot, TimelineEntry
from realtime_ser.output.terminal.app import EmotionApp
from realtime_ser.output.terminal.emotion import TICK, Bars, BigLabel, Caption, bar
from realtime_ser.output.terminal.lettering import lettering
from realtime_ser.output.terminal.level import Level
from realtime_ser.output.terminal.palette import BACKGROUND, COLORS, GLYPHS, faded
from realtime_ser.output.terminal.panel import Line, Panel, shorten
from realtime_ser.output.terminal.screens import DeviceScreen, HelpScreen
from realtime_ser.output.terminal.status import HealthLine, Notices, Title
from realtime_ser.output.terminal.timeline import label_columns
from realtime_ser.settings import Settings

SnapCompare = Callable[..., bool]

ROOT = Path(__file__).parents[2]


def build(snapshot: Snapshot = SPEAKING, **options: Any) -> tuple[EmotionApp, FakeRun]:
    run = FakeRun(snapshot)
    return EmotionApp(run, Settings(window=4.0, threshold=0.25), **options), run


def text(app: EmotionApp, panel: type[Panel]) -> str:
    """Return what a panel of the main screen shows, line by line, without its colours."""
    shown = app.screen_stack[0].query_one(panel)
    return "\n".join(shown.render_line(y).text.rstrip() for y in range(shown.size.height))


def notifications(app: EmotionApp) -> list[str]:
    return [notification.message for notification in app._notifications]


async def settle(app: EmotionApp, pilot: Pilot[Any]) -> None:
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


# What is drawn


def test_letters_are_drawn_in_half_blocks() -> None:
    assert lettering("HI", 1) == (
        "█  █ █",
        "█▄▄█ █",
        "█  █ █",
        "▀  ▀ ▀",
    )


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("word", [*LABELS, UNCERTAIN, "listening", "no speech", "0123456789%"])
def test_every_word_is_a_rectangle(word: str, scale: int) -> None:
    rows = lettering(word.upper(), scale)
    assert len(rows) == (7 * scale + 1) // 2
    assert len({len(row) for row in rows}) == 1


def drawn(line: Line) -> str:
    return "".join(piece for piece, _ in line)


@pytest.mark.parametrize(
    ("value", "tick", "expected"),
    [
        (0.0, None, "        "),
        (0.5, None, "████    "),
        (0.53125, None, "████▎   "),
        (1.0, None, "████████"),
        (-1.0, None, "        "),
        (1.5, None, "████████"),
        (0.5, 0.25, "██┃█    "),
        (0.5, 0.75, "████  ┃ "),
        (0.0, 1.0, "       ┃"),
        (1.0, 0.0, "┃███████"),
    ],
)
def test_a_bar_is_drawn_in_eighths_with_its_tick(
    value: float, tick: float | None, expected: str
) -> None:
    assert drawn(bar(value, "#ffffff", 8, tick)) == expected


def columns(entries: tuple[TimelineEntry, ...], now: float, width: int) -> str:
    return "".join(GLYPHS[label] if label else "." for label in label_columns(entries, now, width))


def test_a_column_of_the_timeline_bears_the_label_that_lasted_longest_in_it() -> None:
    entries = (
        TimelineEntry(0.0, 12.0, "neutral"),
        TimelineEntry(18.0, 27.0, "sad"),
        TimelineEntry(27.0, 40.0, "surprised"),
        TimelineEntry(54.0, 59.9, "uncertain"),
    )
    assert columns(entries, 59.9, 12) == "NNNSSUUU..??"
    # A minute later all has scrolled out but the very last.
    assert columns(entries, 114.9, 12) == "?..........."
    # In the first minute the left is empty.
    assert columns(entries[:1], 12.0, 12) == ".........NNN"


def test_the_timeline_keeps_its_shape_while_it_scrolls() -> None:
    before = label_columns(TIMELINE, 59.2, 50)
    for steps in (1, 7, 20):
        after = label_columns(TIMELINE, 59.2 + steps * 60 / 50, 50)
        assert after == before[steps:] + [None] * steps


def test_glyphs_tell_all_labels_apart() -> None:
    assert set(GLYPHS) == set(COLORS) == {*LABELS, UNCERTAIN}
    assert len(set(GLYPHS.values())) == len(GLYPHS)


@pytest.mark.parametrize("label", COLORS)
def test_colours_stand_out_from_the_background(label: str) -> None:
    # WCAG asks 4.5 of text, and 3 of large text, which alone is ever faded.
    assert contrast(COLORS[label], BACKGROUND) >= 4.5
    assert contrast(faded(COLORS[label]), BACKGROUND) >= 3


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast ratio."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in Color.parse(color).normalized
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_long_names_end_in_an_ellipsis() -> None:
    assert shorten("Built-in Microphone", 19) == "Built-in Microphone"
    assert shorten("Built-in Microphone", 10) == "Built-in…"
    assert shorten("Built-in", 0) == ""


# What is said in words


async def test_the_screen_says_what_the_run_does() -> None:
    app, _ = build()
    async with app.run_test(size=(110, 24)):
        assert text(app, Title).endswith("LIVE")
        assert text(app, BigLabel).splitlines()[0].startswith(lettering("ANGRY", 1)[0])
        assert text(app, BigLabel).splitlines()[0].endswith(lettering("62%", 1)[0].rstrip())
        assert text(app, Caption) == f"last 4 s of speech{TICK + ' newest frame':>88}"
        rows = text(app, Bars).splitlines()
        assert [row.split()[1] for row in rows] == list(LABELS)
        percents = [row.split()[-1] for row in rows]
        assert percents == ["2%", "2%", "7%", "2%", "62%", "2%", "14%", "9%"]
        assert all(TICK in row for row in rows)
        assert text(app, Level).startswith("●  SPEECH")
        assert text(app, Level).endswith("−23 dBFS")
        assert text(app, HealthLine).split("  ", 1)[0] == "Built-in Microphone"
        assert text(app, HealthLine).endswith(
            "48 kHz  1.8 ms/frame  lag 3 ms  overflows 0  lost 0 s  0:59"
        )
        assert text(app, Notices) == ""


@pytest.mark.parametrize(
    ("snapshot", "panel", "words"),
    [
        (QUIET, Caption, "no speech yet"),
        (QUIET, Level, "○  silence"),
        (replace(QUIET, speaking=True), Caption, "speech: the first answer"),
        (replace(QUIET, finished=True), Caption, "nobody has spoken"),
        (replace(SPEAKING, emotion=UNCERTAIN_UPDATE), Caption, "no emotion reaches 25%"),
        (
            replace(SPEAKING, speaking=False),
            Caption,
            "last utterance, 3.8 s, as a whole: angry 71%",
        ),
        (replace(SPEAKING, speaking=False, utterance=None), Caption, "silence"),
        (FILE, Title, "REPLAY"),
        (replace(SPEAKING, problem="Mic is gone"), Title, "NO INPUT"),
        (replace(SPEAKING, problem="Mic is gone"), Notices, "! Mic is gone"),
        (replace(SPEAKING, paused=True), Title, "PAUSED"),
        (replace(SPEAKING, paused=True), Notices, "Paused: press space to go on"),
        (replace(FILE, finished=True), Title, "FINISHED"),
        (replace(FILE, finished=True), Notices, "Finished: press q to quit"),
        (replace(SPEAKING, recording=Path("a/b.wav")), Title, "● REC b.wav"),
        (replace(QUIET, silent_input=True), Notices, "only zeros: muted, or permission refused"),
        (replace(SPEAKING, lost_samples=20_000), HealthLine, "! lost 1.2 s"),
        (replace(SPEAKING, overflows=3), HealthLine, "! overflows 3"),
    ],
)
async def test_states_are_said_in_words(snapshot: Snapshot, panel: type[Panel], words: str) -> None:
    app, _ = build(snapshot)
    async with app.run_test():
        assert words in text(app, panel)


@pytest.mark.parametrize(
    ("snapshot", "word"),
    [
        (QUIET, "LISTENING"),
        (replace(QUIET, problem="Mic is gone"), "NO INPUT"),
        (replace(QUIET, finished=True), "NO SPEECH"),
        (replace(SPEAKING, emotion=UNCERTAIN_UPDATE), "UNCERTAIN"),
    ],
)
async def test_the_large_word(snapshot: Snapshot, word: str) -> None:
    app, _ = build(snapshot)
    async with app.run_test():
        for row, letters in zip(text(app, BigLabel).splitlines(), lettering(word, 1), strict=True):
            assert row.startswith(letters.rstrip())


async def test_warnings_outlast_all_other_figures_on_a_narrow_screen() -> None:
    app, _ = build(replace(SPEAKING, lost_samples=20_000, overflows=3))
    async with app.run_test(size=(48, 24)):
        assert text(app, HealthLine).endswith(" ! overflows 3    ! lost 1.2 s")
        assert text(app, HealthLine).startswith("Built-in")


async def test_no_color_leaves_nothing_but_grey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _ = build()
    async with app.run_test():
        svg = app.export_screenshot()
    window_buttons = {"#ff5f57", "#febc2e", "#28c840"}
    used = set(re.findall(r"fill[:=] ?\"?(#[0-9a-f]{6})", svg)) - window_buttons
    assert len(used) > 5
    assert all(color[1:3] == color[3:5] == color[5:7] for color in used - {"#c5c8c6"})


async def test_only_what_changed_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    app, run = build()
    async with app.run_test() as pilot:
        await settle(app, pilot)
        redrawn: list[str] = []
        refresh = Panel.refresh

        def note(self: Panel, *arguments: Any, **options: Any) -> Panel:
            redrawn.append(type(self).__name__)
            return refresh(self, *arguments, **options)

        monkeypatch.setattr(Panel, "refresh", note)
        app.pull()
        run.change(time=59.21, input_dbfs=-23.3, lag_ms=3.1)
        app.pull()
        assert redrawn == []
        run.change(input_dbfs=-12.0)
        app.pull()
        assert redrawn == ["Level"]
        run.change(time=60.4)
        app.pull()
        assert redrawn == ["Level", "Timeline", "HealthLine"]


# Keys


async def test_space_pauses_and_goes_on() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        await pilot.press("space", "space", "space")
    assert run.calls == [("pause", True), ("pause", False), ("pause", True)]


async def test_c_clears() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        await pilot.press("c")
        await settle(app, pilot)
        assert "the first answer" in text(app, Caption)
    assert run.calls == [("clear",)]


async def test_r_starts_and_stops_a_recording_and_names_its_file() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        await pilot.press("r")
        await settle(app, pilot)
        assert "● REC take-1.wav" in text(app, Title)
        await pilot.press("r")
        await settle(app, pilot)
        assert "REC" not in text(app, Title)
        assert notifications(app) == ["Recording to take-1.wav", "Recorded take-1.wav"]
    assert run.calls == [("start_recording",), ("stop_recording",)]


async def test_a_recording_that_cannot_be_written_is_said_and_the_run_goes_on() -> None:
    app, run = build()
    run.refusal = OutputError("take-1.wav [x] cannot be written", "choose another folder")
    async with app.run_test() as pilot:
        await pilot.press("r")
        await settle(app, pilot)
        assert notifications(app) == [str(run.refusal)]
        assert app.is_running


async def test_q_quits() -> None:
    app, _ = build()
    async with app.run_test() as pilot:
        await pilot.press("q")
    assert (app.return_code, app.return_value) == (0, None)


@pytest.mark.parametrize("before", [[], ["d"], ["question_mark"]])
async def test_ctrl_c_leaves_from_anywhere_with_130(before: list[str]) -> None:
    app, _ = build()
    async with app.run_test() as pilot:
        await pilot.press(*before)
        await settle(app, pilot)
        await pilot.press("ctrl+c")
    assert app.return_code == 130


async def test_other_keys_do_nothing() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        await settle(app, pilot)
        before = app.export_screenshot()
        for key in ("x", "Q", "enter", "escape", "tab", "up", "f1", "1", "ctrl+q", "ctrl+p"):
            await pilot.press(key)
        await settle(app, pilot)
        assert app.is_running
        assert app.return_code is None
        assert len(app.screen_stack) == 1
        assert app.export_screenshot() == before
    assert run.calls == []


@pytest.mark.parametrize("key", ["escape", "question_mark", "q"])
async def test_help_opens_and_closes(key: str) -> None:
    app, _ = build()
    async with app.run_test() as pilot:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press(key)
        assert len(app.screen_stack) == 1
        assert app.is_running


# Choosing a device


async def test_enter_switches_to_the_chosen_device() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        await open_devices(pilot)
        assert app.screen.query_one(OptionList).highlighted == 0
        await pilot.press("down", "enter")
        await settle(app, pilot)
        assert len(app.screen_stack) == 1
        assert run.calls == [("switch_device", 3)]
        assert text(app, HealthLine).startswith("USB [bold]Aud")
        assert notifications(app) == ["Listening to USB [bold]Audio[/bold] Interface"]


async def test_escape_keeps_the_device() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        await open_devices(pilot)
        await pilot.press("down", "escape")
        await settle(app, pilot)
        assert len(app.screen_stack) == 1
    assert run.calls == []


async def test_a_device_that_cannot_be_opened_is_said_and_the_run_goes_on() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        await open_devices(pilot)
        run.refusal = AudioDeviceError("the device is busy", "close the other program")
        await pilot.press("enter")
        await settle(app, pilot)
        assert notifications(app) == ["the device is busy: close the other program"]
        assert app.is_running


async def test_missing_portaudio_is_said_and_the_run_goes_on() -> None:
    app, run = build()
    run.refusal = AudioDeviceError("PortAudio is missing", "install libportaudio2")
    async with app.run_test() as pilot:
        await pilot.press("d")
        await settle(app, pilot)
        assert notifications(app) == ["PortAudio is missing: install libportaudio2"]
        assert len(app.screen_stack) == 1
        assert app.is_running


async def test_a_file_has_no_device_to_choose() -> None:
    app, run = build(FILE)
    async with app.run_test() as pilot:
        await pilot.press("d")
        await settle(app, pilot)
        assert len(app.screen_stack) == 1
        assert "only while listening live" in notifications(app)[0]
    assert run.calls == []


# Sizes


async def test_everything_is_back_after_a_visit_to_a_tiny_size() -> None:
    app, _ = build()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        before = app.export_screenshot()
        await pilot.resize_terminal(20, 5)
        await settle(app, pilot)
        assert "ANGRY  62%" in text(app, BigLabel)
        assert "SPEECH" in text(app, Level)
        await pilot.resize_terminal(80, 24)
        await settle(app, pilot)
        assert app.export_screenshot() == before


SIZES = [(20, 5), (20, 12), (40, 11), (56, 18), (60, 20), (80, 24), (120, 40), (200, 60), (300, 90)]


@pytest.mark.parametrize("size", SIZES)
async def test_all_that_is_shown_fits(size: tuple[int, int]) -> None:
    app, _ = build(replace(SPEAKING, lost_samples=20_000, paused=True))
    async with app.run_test(size=size) as pilot:
        await settle(app, pilot)
        panels = [panel for panel in app.query("Panel") if panel.display]
        assert {BigLabel, Level, Notices} <= {type(panel) for panel in panels}
        bottom = 0
        for panel in panels:
            assert panel.region.y >= bottom
            assert panel.region.height >= 1
            assert panel.region.right <= size[0]
            bottom = panel.region.bottom
        assert bottom <= size[1]
        assert text(app, BigLabel).strip()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (10, 2), (5, 60), (300, 4)])
async def test_odd_sizes_do_no_harm(size: tuple[int, int]) -> None:
    app, _ = build(replace(SPEAKING, lost_samples=20_000, recording=Path("take.wav")))
    async with app.run_test(size=size) as pilot:
        await pilot.press("question_mark", "escape", "d")
        await settle(app, pilot)
        assert app.is_running


# The end


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


def test_textual_is_loaded_by_the_app_alone() -> None:
    code = (
        "import sys, realtime_ser, realtime_ser.output.terminal; sys.exit('textual' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# Pictures


@pytest.mark.parametrize(
    ("shown", "size", "keys"),
    [
        pytest.param(SPEAKING, (80, 24), [], id="80x24"),
        pytest.param(SPEAKING, (200, 60), [], id="200x60"),
        pytest.param(SPEAKING, (40, 12), [], id="40x12"),
        pytest.param(QUIET, (80, 24), [], id="quiet"),
        pytest.param(
            replace(
                SPEAKING,
                speaking=False,
                paused=True,
                recording=Path("take-1.wav"),
                lost_samples=20_000,
            ),
            (100, 30),
            [],
            id="paused-recording-lost",
        ),
        pytest.param(SPEAKING, (80, 24), ["question_mark"], id="help"),
    ],
)
def test_picture(
    snap_compare: SnapCompare, shown: Snapshot, size: tuple[int, int], keys: list[str]
) -> None:
    app, _ = build(shown)
    assert snap_compare(app, terminal_size=size, press=keys)


def test_picture_of_the_devices(snap_compare: SnapCompare) -> None:
    app, _ = build()
    assert snap_compare(app, run_before=open_devices)


def test_picture_without_colour(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _ = build()
    assert snap_compare(app)
