"""What the keys of the terminal UI do."""

from dataclasses import replace

import pytest
from fake_run import FILE, QUIET, SPEAKING
from terminal_app import build, notifications, open_devices, settle, text
from textual.widgets import Label, OptionList

from realtime_ser.errors import AudioDeviceError, CorrectionError, OutputError
from realtime_ser.events import LABELS
from realtime_ser.output.terminal.emotion import Caption
from realtime_ser.output.terminal.palette import GLYPHS
from realtime_ser.output.terminal.screens import HelpScreen, TeachScreen
from realtime_ser.output.terminal.status import HealthLine, Title
from realtime_ser.output.terminal.voice import Voice


async def test_space_pauses_and_resumes() -> None:
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


async def test_c_says_that_the_voice_is_forgotten_and_that_corrections_stay() -> None:
    app, run = build(replace(SPEAKING, corrections=2))
    async with app.run_test() as pilot:
        assert "knows this voice 63 %" in text(app, Voice)
        assert "2 corrections" in text(app, Voice)
        await pilot.press("c")
        await settle(app, pilot)
        assert notifications(app) == ["Forgot this voice; 2 corrections stay, u takes one back"]
        assert "knows this voice 0 %" in text(app, Voice)
        run.change(corrections=0)
        await pilot.press("c")
        await settle(app, pilot)
        assert notifications(app)[-1] == "Forgot this voice"


async def test_with_a_profile_c_goes_back_to_the_profile_and_says_so() -> None:
    app, _ = build(replace(SPEAKING, profile="ada", corrections=1))
    async with app.run_test() as pilot:
        await pilot.press("c")
        await settle(app, pilot)
        assert notifications(app) == [
            "Forgot what this run learned; profile ada is as it was loaded;"
            " 1 correction stays, u takes it back"
        ]


async def test_without_adaptation_c_says_nothing_of_the_voice() -> None:
    app, run = build(replace(SPEAKING, adaptation=None))
    async with app.run_test() as pilot:
        assert "adaptation is off" in text(app, Voice)
        run.clear = lambda: None  # type: ignore[method-assign]
        await pilot.press("c")
        await settle(app, pilot)
        assert notifications(app) == []


TAUGHT = [*((GLYPHS[label].lower(), label) for label in LABELS), ("H", "happy"), ("U", "surprised")]


async def test_t_and_a_letter_teach_what_was_said() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        for letter, label in TAUGHT:
            app.clear_notifications()
            run.now, run.calls = SPEAKING, []
            await pilot.press("t", letter)
            await settle(app, pilot)
            assert len(app.screen_stack) == 1
            assert run.calls == [("correct", label)]
            assert notifications(app) == [f"Learned: that was {label} (u takes it back)"]
            assert "1 correction" in text(app, Voice)


async def test_teaching_can_be_given_up() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        for key in ("escape", "t", "q"):
            await pilot.press("t")
            assert isinstance(app.screen, TeachScreen)
            await pilot.press("x", "1", "enter", key)
            await settle(app, pilot)
            assert len(app.screen_stack) == 1, key
            assert app.is_running, key
    assert run.calls == []


async def test_there_is_nothing_to_teach_before_anybody_spoke() -> None:
    app, run = build(QUIET)
    async with app.run_test() as pilot:
        await pilot.press("t")
        await settle(app, pilot)
        assert len(app.screen_stack) == 1
        assert notifications(app) == ["Nobody has spoken yet: teach after an utterance"]
    assert run.calls == []


async def test_the_question_names_the_utterance_that_is_taught() -> None:
    app, _ = build(replace(SPEAKING, speaking=False))
    async with app.run_test() as pilot:
        await pilot.press("t")
        await settle(app, pilot)
        label = app.screen.query_one(Label)
        assert str(label.render()) == "The last utterance, 3.8 s, called angry"


async def test_u_takes_the_last_correction_back() -> None:
    app, run = build(replace(SPEAKING, corrections=1))
    async with app.run_test() as pilot:
        await pilot.press("u")
        await settle(app, pilot)
        assert notifications(app) == ["Took back: that was happy"]
        run.refusal = CorrectionError("there is no correction to take back", "make one first")
        await pilot.press("u")
        await settle(app, pilot)
        assert notifications(app)[-1] == str(run.refusal)
    assert run.calls == [("undo_correction",), ("undo_correction",)]


async def test_a_correction_that_is_refused_is_said_and_the_run_goes_on() -> None:
    app, run = build()
    run.refusal = CorrectionError("nobody has spoken yet", "correct an utterance [later]")
    async with app.run_test() as pilot:
        await pilot.press("t", "h")
        await settle(app, pilot)
        assert notifications(app) == [str(run.refusal)]
        assert app.is_running


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


async def test_a_recording_that_cannot_be_written_is_reported_and_the_run_continues() -> None:
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


async def test_help_opens_and_closes() -> None:
    app, _ = build()
    async with app.run_test() as pilot:
        for key in ("escape", "question_mark", "q"):
            await pilot.press("question_mark")
            assert isinstance(app.screen, HelpScreen)
            await pilot.press(key)
            assert len(app.screen_stack) == 1, key
            assert app.is_running, key


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


async def test_a_device_that_cannot_be_opened_is_reported_and_the_run_continues() -> None:
    app, run = build()
    async with app.run_test() as pilot:
        await open_devices(pilot)
        run.refusal = AudioDeviceError("the device is busy", "close the other program")
        await pilot.press("enter")
        await settle(app, pilot)
        assert notifications(app) == ["the device is busy: close the other program"]
        assert app.is_running


async def test_missing_portaudio_is_reported_and_the_run_continues() -> None:
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
