"""Measures the peers in turns, each in its own process."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.catalog import Peer
from realtime_ser.samples import Int16
from realtime_ser.settings import Settings

ROOT = Path(__file__).parents[2]

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
ONE_THREAD = dict.fromkeys(_THREAD_VARIABLES, "1")


@dataclass(frozen=True, slots=True)
class PeerSpeed:
    """One row.

    Attributes:
        name: title of the peer.
        computes: what it computes at every hop of 0.48 s.
        cpu_ms_per_second: CPU time of the process per second of live speech, median of the turns.
        times_ours: that, relative to realtime-ser's.
        memory_mb: peak resident memory, in MB (10^6 bytes).
        import_ms: time of importing its package, in milliseconds.
        first_result_ms: from the start of the process to the first result, in milliseconds.
        skipped: why it was not measured, ``None`` if it was.
    """

    name: str
    computes: str
    cpu_ms_per_second: float | None = None
    times_ours: float | None = None
    memory_mb: float | None = None
    import_ms: float | None = None
    first_result_ms: float | None = None
    skipped: str | None = None


def find_python(peer: Peer, pythons: Sequence[str]) -> str | None:
    """Return the first interpreter that has all modules of a peer."""
    code = (
        "import sys, importlib.util as u;"
        "sys.exit(any(u.find_spec(name) is None for name in sys.argv[1:]))"
    )
    for python in pythons:
        run = subprocess.run([python, "-c", code, *peer.modules], capture_output=True, cwd=ROOT)
        if run.returncode == 0:
            return python
    return None


def measure_peers(
    peers: Sequence[Peer],
    clip: Int16,
    turns: int,
    turn_seconds: float,
    pythons: Sequence[str] = (sys.executable,),
    progress: Callable[[str], None] = lambda step: None,
) -> list[PeerSpeed]:
    """Measure the peers; the first one is what the others are compared with.

    Args:
        peers: which.
        clip: 16 kHz mono int16, shape ``[n]``, at least 4.5 s.
        turns: how often each peer computes; they take turns.
        turn_seconds: about how long a turn is.
        pythons: interpreters to look for a peer's packages in, first the preferred one.
        progress: is told the next step.
    """
    running: dict[str, _Process] = {}
    skipped: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.npy"
        np.save(path, clip)
        try:
            for peer in peers:
                progress(peer.title)
                python = find_python(peer, pythons)
                if python is None:
                    skipped[peer.name] = f"not installed ({peer.install})"
                    continue
                process = running[peer.name] = _Process(python, peer, path, turn_seconds)
                _unless_it_fails(peer.name, process.start, running, skipped)
            for turn in range(turns):
                progress(f"turn {turn + 1} of {turns}")
                for name, process in list(running.items()):
                    _unless_it_fails(name, process.take_turn, running, skipped)
        finally:
            for process in running.values():
                process.kill()
    return _rows(peers, running, skipped)


def _unless_it_fails(
    name: str,
    step: Callable[[], None],
    running: dict[str, "_Process"],
    skipped: dict[str, str],
) -> None:
    """Take a step of a peer; one that fails is measured no further."""
    try:
        step()
    except _PeerFailedError as error:
        skipped[name] = str(error)
        running.pop(name).kill()


def _rows(
    peers: Sequence[Peer],
    running: Mapping[str, "_Process"],
    skipped: Mapping[str, str],
) -> list[PeerSpeed]:
    cpu = {
        name: 1000 * statistics.median(process.cpu_seconds) / Settings().hop
        for name, process in running.items()
    }
    ours = cpu.get(peers[0].name)
    rows = []
    for peer in peers:
        if peer.name in skipped:
            rows.append(PeerSpeed(peer.title, peer.computes, skipped=skipped[peer.name]))
            continue
        process = running[peer.name]
        rows.append(
            PeerSpeed(
                peer.title,
                peer.computes,
                round(cpu[peer.name], 3),
                None if ours is None else round(cpu[peer.name] / ours, 1),
                process.peak_mb,
                round(1000 * process.import_seconds, 1),
                round(1000 * process.first_result_seconds, 1),
            )
        )
    return rows


class _PeerFailedError(Exception):
    """A peer's process ended too early; the text says why."""


class _Process:
    """The process of one peer.

    Attributes:
        import_seconds: of its package.
        first_result_seconds: from its start to its first result.
        cpu_seconds: of a hop, for each turn.
        peak_mb: peak resident memory so far; ``None`` where the system does not tell.
    """

    def __init__(self, python: str, peer: Peer, clip: Path, turn_seconds: float) -> None:
        self._turn_seconds = turn_seconds
        self._hops = 1
        self.cpu_seconds: list[float] = []
        self.peak_mb: float | None = None
        self._began = time.perf_counter()
        self._errors = clip.with_name(f"{peer.name}.stderr")  # a pipe that nobody reads fills up
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [python, "-m", "benchmarks.peers.worker", peer.name, str(clip)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env={**os.environ, **ONE_THREAD, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )

    def start(self) -> None:
        """Wait for the first result.

        Raises:
            _PeerFailedError: the peer cannot be loaded.
        """
        answer = self._answer()
        self.first_result_seconds = time.perf_counter() - self._began
        self.import_seconds = float(answer["import_seconds"])
        self._hops = max(1, round(self._turn_seconds / max(self._ask(1), 1e-4)))  # also warms up

    def take_turn(self) -> None:
        """Compute for about as long as a turn is.

        Raises:
            _PeerFailedError: the process has ended.
        """
        self.cpu_seconds.append(self._ask(self._hops))

    def kill(self) -> None:
        """End the process whatever it does."""
        self._process.kill()
        with contextlib.suppress(OSError):  # what could not be sent
            self._process.communicate()

    def _ask(self, hops: int) -> float:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # ``_answer`` says why it has ended
            self._process.stdin.write(f"{hops}\n")
            self._process.stdin.flush()
        answer = self._answer()
        self.peak_mb = answer["peak_mb"]
        return float(answer["cpu_seconds"])

    def _answer(self) -> Any:
        """Return the next line that the process prints, which is JSON."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        code = self._process.wait()
        reason = self._errors.read_text(errors="replace").strip().splitlines()
        raise _PeerFailedError(f"failed ({reason[-1][:160] if reason else f'exit code {code}'})")
