"""``python -m benchmarks.archive``: an archive in one process and on two Ray nodes on loopback.

Both must give the same rows, also when one node is killed in the middle. Needs the archive extra.
"""

import argparse
import contextlib
import functools
import json
import os
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.archive_rows import RowCosts, measure_row_costs
from realtime_ser.archive.analyzer import AnalyzedFile, Engine
from realtime_ser.archive.job import Job, Runner, run_job
from realtime_ser.archive.local import analyze_here
from realtime_ser.archive.on_ray import FILES_IN_UNIT, UNITS_PER_ACTOR
from realtime_ser.archive.progress import Count, Progress
from realtime_ser.errors import RealtimeSerError
from realtime_ser.recognizer import Recognizer


@dataclass(frozen=True, slots=True)
class Comparison:
    """One process against a cluster.

    Attributes:
        files: of the archive.
        hours: of audio.
        rows: of the table.
        lost: rows of the one process that the cluster's table lacks.
        doubled: rows that it has too many.
        workers: actors of the cluster.
        killed: whether one of the two nodes was killed when half of the files were done.
        process_seconds: wall time of the one process.
        cluster_seconds: wall time of the cluster, with the start of the actors.
        first_seconds: of these, until the first file was done.
        process_cpu: seconds of CPU an hour of audio, in the one process.
        cluster_cpu: the same in the actors, without Ray's own processes.
        row_costs: of the command itself.
    """

    files: int
    hours: float
    rows: int
    lost: int
    doubled: int
    workers: int
    killed: bool
    process_seconds: float
    cluster_seconds: float
    first_seconds: float
    process_cpu: float
    cluster_cpu: float
    row_costs: RowCosts

    @property
    def efficiency(self) -> float:
        """Return the rate of one actor as a share of the one process's, after the first unit."""
        unit = max(1, min(FILES_IN_UNIT, self.files // (self.workers * UNITS_PER_ACTOR)))
        seconds = max(1e-9, self.cluster_seconds - self.first_seconds)
        rate = (self.files - unit) / seconds
        return rate / self.workers / (self.files / self.process_seconds)


class _Watch(Progress):
    """Notes when the first file is done, and calls back once half of them are."""

    def __init__(self, at_half: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.first_seconds = 0.0
        self._at_half = at_half

    def finished(self, file: AnalyzedFile) -> None:
        """Count a file that is done."""
        super().finished(file)
        self.first_seconds = self.first_seconds or self.count.elapsed
        if self._at_half and self.count.files >= self.count.total.files / 2:
            at_half, self._at_half = self._at_half, None
            at_half()


@contextlib.contextmanager
def two_nodes(processors: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Start a Ray cluster of two nodes here; yield its address and what kills the second node.

    Args:
        processors: that each node claims to have.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    from ray.cluster_utils import Cluster

    options: dict[str, Any] = {"num_cpus": processors, "object_store_memory": 100 << 20}
    cluster: Any = Cluster()
    try:
        _add_node(cluster, {**options, "include_dashboard": False})
        second = _add_node(cluster, options)
        yield cluster.address, lambda: cluster.remove_node(second, allow_graceful=False)
    finally:
        cluster.shutdown()


def _add_node(cluster: Any, options: dict[str, Any], tries: int = 5) -> Any:
    """Add a node; Ray gives up after 30 s, which a busy machine may need."""
    for _ in range(tries - 1):
        with contextlib.suppress(Exception):
            return cluster.add_node(**options)
    return cluster.add_node(**options)


def link_copies(data: Path, copies: int, folder: Path) -> None:
    """Make an archive of so many copies of a folder, by links."""
    for number in range(copies):
        (folder / f"copy-{number:03}").symlink_to(data.resolve(), target_is_directory=True)


def compare(archive: Path, processors: int, *, kill: bool) -> Comparison:
    """Analyze an archive in one process and on a cluster of two nodes, and compare the tables."""
    from realtime_ser.archive.cluster import pool_size
    from realtime_ser.archive.on_ray import analyze_on_ray

    engine = Engine.of(Recognizer())
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        alone, together = Path(folder) / "process.jsonl", Path(folder) / "cluster.jsonl"
        process = _run(archive, alone, engine, analyze_here, _Watch())
        address, kill_node = stack.enter_context(two_nodes(processors))
        runner = functools.partial(analyze_on_ray, address=address, workers=None)
        watch = _Watch(kill_node if kill else None)
        cluster = _run(archive, together, engine, runner, watch)
        expected, found = _rows(alone), _rows(together)
    return Comparison(
        files=process.files,
        hours=process.audio / 3600,
        rows=process.rows,
        lost=(expected - found).total(),
        doubled=(found - expected).total(),
        workers=pool_size(None, 2 * processors),
        killed=kill,
        process_seconds=process.elapsed,
        cluster_seconds=cluster.elapsed,
        first_seconds=watch.first_seconds,
        process_cpu=3600 * process.cpu / process.audio,
        cluster_cpu=3600 * cluster.cpu / cluster.audio,
        row_costs=measure_row_costs(),
    )


def _run(archive: Path, out: Path, engine: Engine, runner: Runner, progress: Progress) -> Count:
    with progress:
        return run_job(Job([str(archive)], "path", out, False), engine, runner, progress)


def _rows(path: Path) -> Counter[str]:
    return Counter(path.read_text().splitlines())


def main() -> int:
    """Compare, print, and return the exit code: 1 if a row was lost or doubled."""
    parser = argparse.ArgumentParser("python -m benchmarks.archive", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of sound files")
    parser.add_argument("--copies", type=int, default=10, help="of the folder, by links")
    parser.add_argument("--processors", type=int, default=1, help="of each of the two nodes")
    parser.add_argument("--kill", action="store_true", help="kill a node when half is done")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            link_copies(options.data, options.copies, Path(folder))
            result = compare(Path(folder), options.processors, kill=options.kill)
    except RealtimeSerError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    print(json.dumps(_values(result)) if options.json else _text(result))
    return 1 if result.lost or result.doubled else 0


def _values(result: Comparison) -> dict[str, Any]:
    return {**asdict(result), "efficiency": result.efficiency}


def _text(result: Comparison) -> str:
    costs = result.row_costs
    return "\n".join(
        f"{name:<36}  {value}"
        for name, value in {
            "archive": f"{result.files} files, {result.hours:.2f} h, {result.rows} rows",
            "one node killed when half was done": "yes" if result.killed else "no",
            "rows lost, doubled": f"{result.lost}, {result.doubled}",
            "one process": f"{result.process_seconds:.1f} s",
            f"two nodes, {result.workers} workers": (
                f"{result.cluster_seconds:.1f} s, the first file after {result.first_seconds:.1f} s"
            ),
            "rate of a worker to the process's": f"{result.efficiency:.2f}",
            "the command's CPU for a row": (
                f"{costs.store:.1f} µs to store, {costs.merge:.1f} µs to merge,"
                f" {costs.size:.0f} bytes"
            ),
            "CPU an hour of audio": (
                f"{result.process_cpu:.1f} s in the process, {result.cluster_cpu:.1f} s in workers"
            ),
        }.items()
    )


if __name__ == "__main__":
    sys.exit(main())
