"""An archive on a Ray cluster: Ray Data, a pool of actors, and a watchdog over them."""

import contextlib
import functools
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from realtime_ser.archive.analyzer import AnalyzedFile, Engine
from realtime_ser.archive.cluster import connected, pool_size
from realtime_ser.archive.progress import Progress
from realtime_ser.archive.ray_worker import (
    RESULTS,
    TASKS,
    Ledger,
    UnitAnalyzer,
    decode_results,
    encode_unit,
)
from realtime_ser.archive.worklist import Task, Worklist
from realtime_ser.errors import RealtimeSerError

TASKS_IN_ROUND = 100_000
"""Tasks that are given to Ray at once; their paths are what the command holds in memory."""

FILES_IN_UNIT = 64
BYTES_IN_UNIT = 64 << 20
UNITS_PER_ACTOR = 8
"""A unit is small enough that each actor gets several, and large enough for Ray's overhead."""

START_SECONDS = 600.0
"""How long actors may take to give the first sign of life: nodes may have to start."""

STALL_SECONDS = 120.0
"""After so long without a sign of life of any actor, all are given up and started again."""

STOP_SECONDS = 3.0
"""How long to wait for Ray to let go of its results, before the connection is closed."""

MOST_FAILURES = 3
"""Failures in a row, without a file finished between them, that end the job."""

log = logging.getLogger("realtime_ser")


class ActorsLostError(Exception):
    """The actors of a round died or gave no sign of life; the text says which."""


def analyze_on_ray(
    worklist: Worklist,
    engine: Engine,
    progress: Progress,
    *,
    address: str | None,
    workers: int | None,
) -> Generator[AnalyzedFile, None, None]:
    """Analyze all pending files on a cluster and yield results as they come, each file once.

    When nodes or actors are lost, Ray starts their work again elsewhere. When nothing moves any
    more, the connection is opened anew and the files that are not done begin again.

    Args:
        worklist: whoever takes a result marks it there as done.
        engine: what the actors load.
        progress: is told of the audio that is being analyzed.
        address: as in ``connected``.
        workers: actors, at most one less than the cluster has processors.

    Raises:
        RealtimeSerError: there is no cluster, or its actors fail again and again.
    """
    failures = 0
    while worklist.pending(1):
        done_before = progress.count.files
        try:
            with connected(address) as processors:
                actors = pool_size(workers, processors)
                progress.say(f"{actors} workers on {processors} processors")
                while tasks := worklist.pending(TASKS_IN_ROUND):
                    yield from _round(tasks, engine, actors, progress, careful=failures > 0)
        except ActorsLostError as error:
            failures = failures + 1 if progress.count.files == done_before else 1
            if failures >= MOST_FAILURES or "No module named" in str(error):
                raise RealtimeSerError(
                    f"the workers failed {failures} times in a row ({error})",
                    "check that realtime-ser is installed on every node (`ray status` lists them),"
                    " and run the same command with --resume",
                ) from error
            log.warning("workers were lost, starting them again (%s)", error)


def _round(
    tasks: Sequence[Task], engine: Engine, actors: int, progress: Progress, *, careful: bool
) -> Iterator[AnalyzedFile]:
    """Analyze tasks with a pool of actors.

    Raises:
        ActorsLostError: the actors died or gave no sign of life.
        RealtimeSerError: an actor cannot load the model.
    """
    units = divide(tasks, actors)
    actors = min(actors, len(units))
    ledger = _start_ledger()
    stream = _Stream(_dataset(units, engine, actors, ledger, careful=careful))
    watchdog = Watchdog(functools.partial(_ledger_state, ledger))
    seen: set[str] = set()
    try:
        while True:
            try:
                text = stream.get(1.0)
            except queue.Empty:
                progress.heard(watchdog.check())
                continue
            if text is None:
                break
            watchdog.moved()
            for file in decode_results(text):
                if file.key not in seen:  # work that was begun again may come twice
                    seen.add(file.key)
                    yield file
            progress.heard(watchdog.check())
    finally:
        stream.stop()
        progress.count.current = 0.0
    if len(seen) < len(tasks):
        raise ActorsLostError(f"{len(tasks) - len(seen)} files were lost")


def divide(tasks: Sequence[Task], actors: int) -> list[list[Task]]:
    """Divide tasks into units, none of them empty, in their order."""
    most_files = max(1, min(FILES_IN_UNIT, len(tasks) // (actors * UNITS_PER_ACTOR)))
    units: list[list[Task]] = []
    size = 0
    for task in tasks:
        if not units or len(units[-1]) >= most_files or size + task.size > BYTES_IN_UNIT:
            units.append([])
            size = 0
        units[-1].append(task)
        size += task.size
    return units


def _start_ledger() -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    remote: Any = ray.remote
    return remote(num_cpus=0, scheduling_strategy=here)(Ledger).remote()


def _dataset(
    units: Sequence[Sequence[Task]], engine: Engine, actors: int, ledger: Any, *, careful: bool
) -> Any:
    import pyarrow
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    if hasattr(context, "execution_no_progress_timeout_s"):
        context.execution_no_progress_timeout_s = -1  # a long file is no stall; see Watchdog
    blocks = [pyarrow.table({TASKS: [encode_unit(unit)]}) for unit in units]
    return ray.data.from_arrow(blocks).map_batches(
        UnitAnalyzer,
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2),
        num_cpus=1,
        fn_constructor_kwargs={"engine": engine, "ledger": ledger, "careful": careful},
    )


class _Stream:
    """The output of a dataset, taken by a thread, so that waiting for it can be given up."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._items: queue.Queue[str | Exception | None] = queue.Queue(maxsize=16)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def get(self, seconds: float) -> str | None:
        """Return the next result, ``None`` at the end.

        Raises:
            queue.Empty: there is none yet.
            ActorsLostError: the dataset failed.
        """
        item = self._items.get(timeout=seconds)
        if isinstance(item, Exception):
            raise ActorsLostError(_reason(item)) from item
        return item

    def stop(self) -> None:
        """Take no more, and wait for the thread, unless Ray holds it up."""
        self._stopped.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        try:
            for batch in self._dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
                for text in batch[RESULTS].to_pylist():
                    self._put(text)
            self._put(None)
        except Exception as error:  # Ray's, and what it raises while it is shut down
            self._put(error)

    def _put(self, item: str | Exception | None) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._items.put(item, timeout=0.5)
                return
        if not isinstance(item, Exception):
            raise InterruptedError("the job was given up")


class Watchdog:
    """Tells when no actor has given a sign of life for too long.

    Args:
        state: returns the ledger's state, ``None`` where it is too busy to answer.
        clock: seconds that go on steadily.
    """

    def __init__(
        self,
        state: Callable[[], tuple[int, float] | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = state
        self._clock = clock
        self._beats = 0
        self._seconds = 0.0
        self._moved = clock()

    def moved(self) -> None:
        """Note that a result has come."""
        self._moved = self._clock()

    def check(self) -> float:
        """Return the seconds of audio analyzed of unfinished units.

        Raises:
            ActorsLostError: nothing has moved for too long, or the ledger is gone.
        """
        beats, self._seconds = self._state() or (self._beats, self._seconds)
        if beats != self._beats:
            self._beats = beats
            self.moved()
        limit = STALL_SECONDS if self._beats else START_SECONDS
        if self._clock() - self._moved > limit:
            raise ActorsLostError(f"no worker has moved for {limit:.0f} s")
        return self._seconds


def _ledger_state(ledger: Any) -> tuple[int, float] | None:
    import ray

    try:
        state: tuple[int, float] = ray.get(ledger.state.remote(), timeout=5.0)
    except ray.exceptions.GetTimeoutError:
        return None
    except ray.exceptions.RayError as error:
        raise ActorsLostError(_reason(error)) from error
    return state


def _reason(error: Exception) -> str:
    """Return the last line of an error that says something: Ray's are pages long."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
