"""What the terminal UI shows of a profile."""

from dataclasses import replace

from fake_run import SPEAKING
from terminal_app import build, settle, text

from realtime_ser.output.terminal.status import Notices
from realtime_ser.output.terminal.voice import Voice


async def test_the_name_of_the_profile_and_how_well_it_knows_the_voice() -> None:
    app, run = build(replace(SPEAKING, profile="ada", adaptation=0.63))
    async with app.run_test(size=(100, 30)) as pilot:
        assert "ada: knows this voice 63 %" in text(app, Voice).replace("  ", " ")
        run.change(other_voice=True)
        await settle(app, pilot)
        assert "ada: another voice, not learned" in text(app, Voice)
        run.change(profile=None, other_voice=False)
        await settle(app, pilot)
        assert text(app, Voice).startswith("knows this voice")


async def test_a_profile_that_is_not_saved_is_a_notice() -> None:
    app, _ = build(replace(SPEAKING, profile="ada", unsaved="profile ada cannot be saved (full)"))
    async with app.run_test(size=(100, 30)):
        assert "profile ada cannot be saved" in text(app, Notices)
