"""Workers that do not move, and connections that break again and again: faults that are forced."""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from archives import engine_of, make_archive, run

from realtime_ser import Recognizer
from realtime_ser.archive import on_ray
from realtime_ser.archive.analyzer import AnalyzedFile, Analyzer, Engine
from realtime_ser.archive.on_ray import (
    MOST_FAILURES,
    STALL_SECONDS,
    START_SECONDS,
    ActorsLostError,
    Watchdog,
    analyze_on_ray,
)
from realtime_ser.archive.worklist import Task
from realtime_ser.errors import RealtimeSerError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_workers_that_go_on_are_left_alone() -> None:
    clock, beats = Clock(), iter(range(1, 100))
    watchdog = Watchdog(lambda: (next(beats), 12.5), clock)
    for _ in range(50):
        clock.now += STALL_SECONDS - 1
        assert watchdog.check() == 12.5


def test_workers_that_stop_are_given_up() -> None:
    clock = Clock()
    watchdog = Watchdog(lambda: (7, 12.5), clock)
    watchdog.check()
    clock.now = STALL_SECONDS - 1
    watchdog.check()
    clock.now = STALL_SECONDS + 1
    with pytest.raises(ActorsLostError, match="no worker has moved"):
        watchdog.check()
    watchdog.moved()
    watchdog.check()


def test_workers_have_longer_to_start() -> None:
    clock = Clock()
    watchdog = Watchdog(lambda: None, clock)
    clock.now = START_SECONDS - 1
    watchdog.check()
    clock.now = START_SECONDS + 1
    with pytest.raises(ActorsLostError):
        watchdog.check()


class Rounds:
    """Takes the place of Ray's rounds: each finishes so many files and then loses its workers."""

    def __init__(self, *finished: int) -> None:
        self._finished = iter(finished)
        self.careful: list[bool] = []

    def __call__(
        self, tasks: Sequence[Task], engine: Engine, *_: Any, careful: bool
    ) -> Iterator[AnalyzedFile]:
        self.careful.append(careful)
        most, analyzer = next(self._finished), Analyzer(engine)
        for task in tasks[:most]:
            yield analyzer.analyze(task, lambda seconds: None)
        if most < len(tasks):
            raise ActorsLostError("a node went")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(on_ray, "connected", lambda address: contextlib.nullcontext(4))
    return make_archive(tmp_path / "archive", 4)


ON_RAY = functools.partial(analyze_on_ray, address=None, workers=None)


def test_lost_workers_are_started_again(
    tmp_path: Path, archive: Path, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = Rounds(1, 2, 4)
    monkeypatch.setattr(on_ray, "_round", rounds)
    out = tmp_path / "out.jsonl"
    run(out, archive, engine=engine_of(recognizer), runner=ON_RAY)
    assert rounds.careful == [False, True, True]
    assert len(out.read_text().splitlines()) == 4


def test_workers_that_fail_again_and_again_end_the_job(
    tmp_path: Path, archive: Path, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, careful: bool) -> Iterator[AnalyzedFile]:
        attempts.append(careful)
        raise ActorsLostError("a node went")
        yield

    attempts: list[bool] = []
    monkeypatch.setattr(on_ray, "_round", fail)
    with pytest.raises(RealtimeSerError, match=r"failed 3 times in a row .a node went.*--resume"):
        run(tmp_path / "out.jsonl", archive, engine=engine_of(recognizer), runner=ON_RAY)
    assert len(attempts) == MOST_FAILURES
