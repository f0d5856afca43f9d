"""Draw the README's picture: the terminal UI while it replays the demo clip.

Run ``python tools/make_readme_picture.py``.
"""

import asyncio
from pathlib import Path

from realtime_ser import Recognizer
from realtime_ser.capture.file_source import FileSource
from realtime_ser.demo import demo_clip
from realtime_ser.live.engine import Engine
from realtime_ser.output.terminal.app import EmotionApp
from realtime_ser.output.terminal.controls import Controls

PICTURE = Path(__file__).parents[1] / "docs" / "terminal.svg"
MOMENT = 17.6
"""Seconds into the clip at which the screen is saved."""


async def draw() -> None:
    """Replay the demo clip up to ``MOMENT`` and save the screen."""
    pipeline = Recognizer().pipeline()
    engine = Engine(FileSource(demo_clip()), pipeline)
    app = EmotionApp(Controls(engine), pipeline.settings)
    async with app.run_test(size=(100, 30)) as pilot:
        engine.start()
        while engine.snapshot().time < MOMENT:
            await pilot.pause(0.1)
        app.save_screenshot(PICTURE.name, str(PICTURE.parent))
    engine.stop()


if __name__ == "__main__":
    asyncio.run(draw())
