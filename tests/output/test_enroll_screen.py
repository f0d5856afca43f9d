"""The screen that guides through an enrollment."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from fake_run import QUIET, SPEAKING, FakeRun
from terminal_app import text
from textual.pilot import Pilot

from realtime_ser.errors import AudioDeviceError
from realtime_ser.output.terminal.enroll import EnrollApp, Heading, Learned, ToRead, Verdict
from realtime_ser.output.terminal.level import Level
from realtime_ser.output.terminal.status import Notices
from realtime_ser.profiles.enrollment import TARGET_SECONDS, Progress
from realtime_ser.profiles.sentences import SENTENCES


class FakeLearner:
    """Shows the progress that it is given."""

    def __init__(self) -> None:
        self.progress = Progress()

    def skip(self) -> None:
        self.progress = replace(self.progress, skipped=self.progress.skipped + 1)


def build() -> tuple[EnrollApp, FakeRun, FakeLearner]:
    run, learner = FakeRun(QUIET), FakeLearner()
    return EnrollApp(run, learner, "ada"), run, learner


async def show(app: EnrollApp, pilot: Pilot[Any]) -> None:
    app.pull()
    await pilot.pause()


def panel_text(app: EnrollApp, panel: Any) -> str:
    return text(app, panel)  # type: ignore[arg-type]


async def test_it_shows_a_sentence_its_mood_and_the_level() -> None:
    app, run, _ = build()
    async with app.run_test(size=(80, 24)) as pilot:
        await show(app, pilot)
        assert "learning the voice of ada" in panel_text(app, Heading)
        assert SENTENCES[0].text in panel_text(app, ToRead)
        assert SENTENCES[0].mood in panel_text(app, ToRead)
        assert "0 of 30 s" in panel_text(app, Learned)
        assert "silence" in panel_text(app, Level)
        run.now = SPEAKING
        await show(app, pilot)
        assert "SPEECH" in panel_text(app, Level)


async def test_a_good_take_brings_the_next_sentence_and_a_longer_bar() -> None:
    app, _, learner = build()
    async with app.run_test(size=(80, 24)) as pilot:
        learner.progress = Progress(seconds=12, takes=1, verdict="good", accepted=True)
        await show(app, pilot)
        assert SENTENCES[1].text in panel_text(app, ToRead)
        assert "good" in panel_text(app, Verdict)
        assert "12 of 30 s" in panel_text(app, Learned)


@pytest.mark.parametrize("size", [(80, 24), (40, 16)])
async def test_a_refused_take_says_why_and_what_to_do(size: tuple[int, int]) -> None:
    app, _, learner = build()
    problem = "too quiet: speak up, turn the input level up, or move closer"
    async with app.run_test(size=size) as pilot:
        learner.progress = Progress(refused=Counter(["too quiet"]), verdict=problem)
        await show(app, pilot)
        assert "too quiet" in panel_text(app, Verdict)
        assert "speak up" in panel_text(app, Verdict)
        assert SENTENCES[0].text[:30] in panel_text(app, ToRead), "the same sentence again"


async def test_n_shows_another_sentence() -> None:
    app, _, _ = build()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await show(app, pilot)
        assert SENTENCES[1].text in panel_text(app, ToRead)


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("escape", 0), ("ctrl+c", 130)])
async def test_q_escape_and_ctrl_c_leave(key: str, code: int) -> None:
    app, _, _ = build()
    async with app.run_test() as pilot:
        await pilot.press(key)
    assert app.return_code == code


@pytest.mark.parametrize("key", ["r", "space", "t", "c", "enter", "x"])
async def test_other_keys_do_nothing(key: str) -> None:
    app, run, learner = build()
    async with app.run_test() as pilot:
        await pilot.press(key)
        assert app.is_running
    assert run.calls == []
    assert learner.progress == Progress()


async def test_it_ends_when_the_voice_is_learned() -> None:
    app, _, learner = build()
    async with app.run_test() as pilot:
        learner.progress = Progress(seconds=TARGET_SECONDS, takes=9, accepted=True)
        await show(app, pilot)
    assert app.return_code == 0


async def test_a_microphone_that_fails_ends_it_with_its_error() -> None:
    app, run, _ = build()
    failure = AudioDeviceError("it is gone", "plug it in")
    async with app.run_test() as pilot:
        run.change(failure=failure)
        await show(app, pilot)
    assert app.return_value is failure
    assert app.return_code == 1


async def test_a_muted_microphone_is_told() -> None:
    app, run, _ = build()
    async with app.run_test(size=(80, 24)) as pilot:
        run.change(silent_input=True)
        await show(app, pilot)
        assert "only zeros" in panel_text(app, Notices)
