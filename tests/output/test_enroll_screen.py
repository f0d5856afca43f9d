"""The screen that guides through an enrollment."""

from collections import Counter
from dataclasses import replace

import pytest
from fake_run import QUIET, SPEAKING, FakeRun
from terminal_app import assert_all_fits, settle, text

from realtime_ser.errors import AudioDeviceError
from realtime_ser.output.terminal.enroll import EnrollApp, Heading, Learned, ToRead, Verdict
from realtime_ser.output.terminal.level import Level
from realtime_ser.output.terminal.status import Notices
from realtime_ser.profiles.enrollment import TARGET_SECONDS, Progress
from realtime_ser.profiles.sentences import SENTENCES

PROBLEM = "too quiet: speak up, turn the input level up, or move closer"


class FakeLearner:
    """Shows the progress that it is given."""

    def __init__(self) -> None:
        self.progress = Progress()

    def skip(self) -> None:
        self.progress = replace(self.progress, skipped=self.progress.skipped + 1)


def build() -> tuple[EnrollApp, FakeRun, FakeLearner]:
    run, learner = FakeRun(QUIET), FakeLearner()
    return EnrollApp(run, learner, "ada"), run, learner


async def test_it_shows_a_sentence_its_mood_and_the_level() -> None:
    app, run, _ = build()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        assert "learning the voice of ada" in text(app, Heading)
        assert SENTENCES[0].text in text(app, ToRead)
        assert SENTENCES[0].mood in text(app, ToRead)
        assert "0 of 30 s" in text(app, Learned)
        assert "silence" in text(app, Level)
        run.now = SPEAKING
        await settle(app, pilot)
        assert "SPEECH" in text(app, Level)


async def test_a_good_take_brings_the_next_sentence_and_a_longer_bar() -> None:
    app, _, learner = build()
    async with app.run_test(size=(80, 24)) as pilot:
        learner.progress = Progress(seconds=12, takes=1, verdict="good", accepted=True)
        await settle(app, pilot)
        assert SENTENCES[1].text in text(app, ToRead)
        assert "good" in text(app, Verdict)
        assert "12 of 30 s" in text(app, Learned)


@pytest.mark.parametrize("size", [(80, 24), (40, 16)])
async def test_a_refused_take_says_why_and_what_to_do(size: tuple[int, int]) -> None:
    app, _, learner = build()
    async with app.run_test(size=size) as pilot:
        learner.progress = Progress(refused=Counter(["too quiet"]), verdict=PROBLEM)
        await settle(app, pilot)
        assert "too quiet" in text(app, Verdict)
        assert "speak up" in text(app, Verdict)
        assert SENTENCES[0].text[:30] in text(app, ToRead), "the same sentence again"


async def test_n_shows_another_sentence() -> None:
    app, _, _ = build()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await settle(app, pilot)
        assert SENTENCES[1].text in text(app, ToRead)


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("escape", 0), ("ctrl+c", 130)])
async def test_q_escape_and_ctrl_c_leave(key: str, code: int) -> None:
    app, _, _ = build()
    async with app.run_test() as pilot:
        await pilot.press(key)
    assert app.return_code == code


async def test_other_keys_do_nothing() -> None:
    app, run, learner = build()
    async with app.run_test() as pilot:
        for key in ("r", "space", "t", "c", "enter", "x"):
            await pilot.press(key)
            assert app.is_running, key
            assert run.calls == [], key
            assert learner.progress == Progress(), key


async def test_it_ends_when_the_voice_is_learned() -> None:
    app, _, learner = build()
    async with app.run_test() as pilot:
        learner.progress = Progress(seconds=TARGET_SECONDS, takes=9, accepted=True)
        await settle(app, pilot)
    assert app.return_code == 0


async def test_a_microphone_that_fails_ends_it_with_its_error() -> None:
    app, run, _ = build()
    failure = AudioDeviceError("it is gone", "plug it in")
    async with app.run_test() as pilot:
        run.change(failure=failure)
        await settle(app, pilot)
    assert app.return_value is failure
    assert app.return_code == 1


async def test_a_muted_microphone_is_reported() -> None:
    app, run, _ = build()
    async with app.run_test(size=(80, 24)) as pilot:
        run.change(silent_input=True)
        await settle(app, pilot)
        assert "only zeros" in text(app, Notices)


NARROW = [(20, 24), (30, 30), (40, 16)]
SHORT = [(20, 5), (40, 8), (80, 6), (80, 9), (80, 14), (60, 17)]
ROOMY = [(80, 18), (80, 24), (200, 60)]


@pytest.mark.parametrize("size", [*NARROW, *SHORT, *ROOMY])
async def test_it_fits_every_size(size: tuple[int, int]) -> None:
    app, run, learner = build()
    async with app.run_test(size=size) as pilot:
        run.change(problem="the microphone is gone: trying to reopen it")
        learner.progress = Progress(refused=Counter(["too quiet"]), verdict=PROBLEM, seconds=9)
        await settle(app, pilot)
        assert {ToRead, Verdict, Learned, Notices} <= assert_all_fits(app, size)
        assert text(app, ToRead).strip().endswith((SENTENCES[0].text[-8:], "…"))
        assert text(app, Verdict).startswith("! too quiet")
        assert "9 of 30 s" in text(app, Learned)
        assert "! the microphone" in text(app, Notices)


@pytest.mark.parametrize("size", [*NARROW, (40, 8), (60, 9), *ROOMY])
async def test_every_sentence_can_be_read_to_its_end(size: tuple[int, int]) -> None:
    app, _, learner = build()
    async with app.run_test(size=size) as pilot:
        for number, sentence in enumerate(SENTENCES):
            learner.progress = Progress(skipped=number)
            await settle(app, pilot)
            assert sentence.text in " ".join(text(app, ToRead).split())


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (10, 2), (5, 60), (300, 4)])
async def test_odd_sizes_do_no_harm(size: tuple[int, int]) -> None:
    app, _, learner = build()
    async with app.run_test(size=size) as pilot:
        learner.progress = Progress(refused=Counter(["too quiet"]), verdict=PROBLEM)
        await settle(app, pilot)
        await pilot.press("n", "x")
        assert app.is_running


async def test_takes_refused_again_and_again_are_counted() -> None:
    app, _, learner = build()
    async with app.run_test(size=(80, 24)) as pilot:
        learner.progress = Progress(refused=Counter(["too quiet"]), verdict=PROBLEM)
        await settle(app, pilot)
        assert "refused so far" not in text(app, Verdict)
        again = Counter({"too quiet": 1, "too noisy": 2})
        learner.progress = Progress(refused=again, verdict=PROBLEM)
        await settle(app, pilot)
        assert "(3 refused so far)" in " ".join(text(app, Verdict).split())
