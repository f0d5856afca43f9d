"""What the terminal UI times: the real app on a virtual screen of 80 × 24.

This uses private parts of Textual; ``tests/benchmarks`` fails when they change.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import textual.screen
from numpy.typing import NDArray
from textual._compositor import CompositorUpdate

from realtime_ser.emotion.model import EmotionModel
from realtime_ser.live.snapshot import LiveRun, Snapshot
from realtime_ser.live.state import LiveState
from realtime_ser.output.terminal import app
from realtime_ser.output.terminal.app import EmotionApp
from realtime_ser.pipeline import Pipeline
from realtime_ser.settings import SAMPLE_RATE, Settings

SIZE = (80, 24)
PAINT_SECONDS = 2.0
"""A snapshot that is not painted by then looks the same as the one before it."""

GAP_SECONDS = (0.04, 0.12)


class _Run:
    """A live run that only has a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.now = snapshot

    def snapshot(self) -> Snapshot:
        return self.now


class _MeasuredApp(EmotionApp):
    """Reports when it has painted, and renders its screen as it would for a terminal."""

    CSS_PATH: ClassVar[Any] = Path(app.__file__).with_name("app.tcss")

    def __init__(self, run: _Run) -> None:
        super().__init__(cast(LiveRun, run), Settings())
        self.painted = asyncio.Event()
        self.painted_at = 0.0

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        if isinstance(renderable, CompositorUpdate):
            renderable.render_segments(self.console)
            self.painted_at = time.perf_counter()
            self.painted.set()

    def _handle_signals(self) -> None:
        """Keep the benchmark's own handlers."""


def snapshots_of(model: EmotionModel, clip: NDArray[np.int16]) -> list[Snapshot]:
    """Return a snapshot for every event of the clip."""
    state = LiveState(Snapshot("demo", SAMPLE_RATE, live=False, speaking=True))
    snapshots = []
    for number, event in enumerate(Pipeline(model).process(clip)):
        state.apply(event)
        state.update(time=float(number), input_dbfs=-20.0 - number % 20, compute_ms=1.0 + number)
        snapshots.append(state.snapshot)
    return snapshots


def paint_times(snapshots: Sequence[Snapshot], count: int) -> list[float]:
    """Return the CPU seconds of painting a new snapshot, ``count`` times."""

    async def measure() -> list[float]:
        run = _Run(snapshots[0])
        screen = _MeasuredApp(run)
        times = []
        async with screen.run_test(size=SIZE):
            for index in range(count):
                run.now = snapshots[index % len(snapshots)]
                screen.painted.clear()
                began = time.thread_time()
                screen.pull()
                if await _painted(screen):
                    times.append(time.thread_time() - began)
        return times

    with _painting_at_once():
        return asyncio.run(measure())


def paint_delays(snapshots: Sequence[Snapshot], count: int) -> list[float]:
    """Return the seconds from a new snapshot, at a random time, to its painted screen."""
    moments = random.Random(0)

    async def measure() -> list[float]:
        run = _Run(snapshots[0])
        screen = _MeasuredApp(run)
        delays = []
        async with screen.run_test(size=SIZE):
            for index in range(count):
                await asyncio.sleep(moments.uniform(*GAP_SECONDS))
                screen.painted.clear()
                run.now = snapshots[index % len(snapshots)]
                began = time.perf_counter()
                if await _painted(screen):
                    delays.append(screen.painted_at - began)
        return delays

    return asyncio.run(measure())


async def _painted(screen: _MeasuredApp) -> bool:
    try:
        await asyncio.wait_for(screen.painted.wait(), PAINT_SECONDS)
    except TimeoutError:
        return False
    return True


@contextlib.contextmanager
def _painting_at_once() -> Iterator[None]:
    """Let Textual paint after 2 ms: waiting for its next sixtieth of a second times no CPU."""
    period, name = textual.screen.UPDATE_PERIOD, "UPDATE_PERIOD"
    setattr(textual.screen, name, 0.002)
    try:
        yield
    finally:
        setattr(textual.screen, name, period)
