"""What the terminal UI draws, and that it fits every size."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_run import FILE, QUIET, SPEAKING, TIMELINE, UNCERTAIN_UPDATE
from terminal_app import assert_all_fits, build, settle, text
from textual.color import Color

from realtime_ser.events import LABELS, UNCERTAIN
from realtime_ser.live.snapshot import Snapshot, TimelineEntry
from realtime_ser.output.terminal.emotion import TICK, Bars, BigLabel, Caption, bar
from realtime_ser.output.terminal.lettering import lettering
from realtime_ser.output.terminal.level import Level
from realtime_ser.output.terminal.palette import BACKGROUND, COLORS, GLYPHS, faded
from realtime_ser.output.terminal.panel import Line, Panel, shorten
from realtime_ser.output.terminal.status import HealthLine, Notices, Title
from realtime_ser.output.terminal.timeline import label_columns


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
def test_colors_stand_out_from_the_background(label: str) -> None:
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


async def test_the_screen_shows_the_state_of_the_run() -> None:
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


STATES: list[tuple[Snapshot, type[Panel], str]] = [
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
    (replace(SPEAKING, dropped_events=7), HealthLine, "! dropped 7 events"),
    (replace(SPEAKING, output_problems={"radio": "it is off"}), Notices, "! radio: it is off"),
]


async def test_states_are_said_in_words() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        for run.now, panel, words in STATES:
            await settle(app, pilot)
            assert words in text(app, panel)


WORDS = [
    (QUIET, "LISTENING"),
    (replace(QUIET, problem="Mic is gone"), "NO INPUT"),
    (replace(QUIET, finished=True), "NO SPEECH"),
    (replace(SPEAKING, emotion=UNCERTAIN_UPDATE), "UNCERTAIN"),
]


async def test_the_large_word() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        for run.now, word in WORDS:
            await settle(app, pilot)
            rows = text(app, BigLabel).splitlines()
            for row, letters in zip(rows, lettering(word, 1), strict=True):
                assert row.startswith(letters.rstrip())


async def test_a_narrow_screen_leaves_out_everything_but_warnings() -> None:
    app, _ = build(replace(SPEAKING, lost_samples=20_000, overflows=3))
    async with app.run_test(size=(48, 24)):
        assert text(app, HealthLine).endswith(" ! overflows 3    ! lost 1.2 s")
        assert text(app, HealthLine).startswith("Built-in")


async def test_no_color_draws_only_gray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _ = build()
    async with app.run_test():
        svg = app.export_screenshot()
    window_buttons = {"#ff5f57", "#febc2e", "#28c840"}
    used = set(re.findall(r"fill[:=] ?\"?(#[0-9a-f]{6})", svg)) - window_buttons
    assert len(used) > 5
    assert all(color[1:3] == color[3:5] == color[5:7] for color in used - {"#c5c8c6"})


async def test_only_changed_parts_are_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
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
        assert {BigLabel, Level, Notices} <= assert_all_fits(app, size)
        assert text(app, BigLabel).strip()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (10, 2), (5, 60), (300, 4)])
async def test_odd_sizes_do_no_harm(size: tuple[int, int]) -> None:
    app, _ = build(replace(SPEAKING, lost_samples=20_000, recording=Path("take.wav")))
    async with app.run_test(size=size) as pilot:
        await pilot.press("question_mark", "escape", "d")
        await settle(app, pilot)
        assert app.is_running
