"""What runs on the nodes of a Ray cluster: actors that analyze units, and their ledger.

A unit is some files that an actor analyzes in one call. Only paths go in and rows come out.
"""

import functools
import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from realtime_ser.archive.analyzer import AnalyzedFile, Analyzer, Engine
from realtime_ser.archive.worklist import Task
from realtime_ser.errors import RealtimeSerError

TASKS, RESULTS = "tasks", "results"
"""Columns of what goes into an actor and comes out: one row, JSON."""

SECONDS_BETWEEN_BEATS = 1.0

MOST_ATTEMPTS = 3
"""How often a process may end while it analyzes a file; then the file is taken to be the cause."""


class Ledger:
    """Knows what the actors are at; itself an actor, on the node of the command."""

    def __init__(self) -> None:
        self._units: Counter[str] = Counter()
        self._files: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._beats = 0

    def begin_unit(self, key: str) -> int:
        """Return which attempt at a unit begins, from 1."""
        self._beats += 1
        self._units[key] += 1
        return self._units[key]

    def begin_file(self, key: str) -> int:
        """Return which attempt at a file begins, from 1."""
        self._files[key] += 1
        return self._files[key]

    def beat(self, actor: str, seconds: float) -> None:
        """Take a sign of life, and the seconds of audio that the actor analyzed of its unit."""
        self._beats += 1
        self._seconds[actor] = seconds

    def state(self) -> tuple[int, float]:
        """Return the number of signs of life, and the seconds of audio of unfinished units."""
        return self._beats, sum(self._seconds.values())


class UnitAnalyzer:
    """The callable class of ``map_batches``: loads the model once, and analyzes units.

    Args:
        engine: what to load.
        ledger: handle of the ``Ledger``.
        careful: whether to announce each file, because actors have died before.
    """

    def __init__(self, engine: Engine, ledger: Any, careful: bool) -> None:
        import ray

        self._get = ray.get
        self._actor = ray.get_runtime_context().get_actor_id()
        self._ledger = ledger
        self._careful = careful
        self._last_beat = 0.0
        self._failure: RealtimeSerError | None = None
        try:
            self._analyzer = Analyzer(engine)
        except RealtimeSerError as error:  # raised here, Ray would start the actor again and again
            self._failure = error

    def __call__(self, batch: Any) -> Any:
        """Return the results of a unit; both are ``pyarrow.Table`` with one row."""
        import pyarrow

        if self._failure is not None:
            return pyarrow.table({RESULTS: [encode_failure(self._failure)]})
        tasks = [Task(**values) for values in json.loads(batch[TASKS][0].as_py())]
        again = self._get(self._ledger.begin_unit.remote(tasks[0].key)) > 1
        files = self._analyzed(tasks, careful=self._careful or again)
        self._beat(0.0, now=True)
        return pyarrow.table({RESULTS: [encode_results(files)]})

    def _analyzed(self, tasks: list[Task], *, careful: bool) -> list[AnalyzedFile]:
        files: list[AnalyzedFile] = []
        before = 0.0
        for task in tasks:
            if careful and self._get(self._ledger.begin_file.remote(task.key)) > MOST_ATTEMPTS:
                problem = f"{task.name} ended the process that read it {MOST_ATTEMPTS} times"
                files.append(self._analyzer.refuse(task, problem, "convert or remove it"))
                continue
            beat = functools.partial(self._beat_after, before)
            files.append(self._analyzer.analyze(task, beat))
            before += files[-1].seconds
            self._beat(before)
        return files

    def _beat_after(self, before: float, seconds: float) -> None:
        self._beat(before + seconds)

    def _beat(self, seconds: float, *, now: bool = False) -> None:
        time_now = time.monotonic()
        if now or time_now - self._last_beat >= SECONDS_BETWEEN_BEATS:
            self._last_beat = time_now
            self._ledger.beat.remote(self._actor, seconds)


def encode_unit(tasks: Iterable[Task]) -> str:
    """Return tasks as JSON, which carries paths of any bytes."""
    return json.dumps([asdict(task) for task in tasks])


def encode_results(files: Iterable[AnalyzedFile]) -> str:
    """Return results as JSON."""
    return json.dumps([asdict(file) for file in files])


def encode_failure(error: RealtimeSerError) -> str:
    """Return as JSON why an actor cannot analyze anything."""
    return json.dumps({"problem": error.problem, "remedy": error.remedy})


def decode_results(text: str) -> list[AnalyzedFile]:
    """Return the results of a unit.

    Raises:
        RealtimeSerError: the actor cannot analyze anything.
    """
    values = json.loads(text)
    if isinstance(values, dict):
        raise RealtimeSerError(values["problem"], values["remedy"])
    return [
        AnalyzedFile(**{**file, "rows": [tuple(row) for row in file["rows"]]}) for file in values
    ]
