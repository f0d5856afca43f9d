"""Measures the peers in turns, each in its own process."""

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
                process = _Process(python, peer, path, turn_seconds)
                try:
                    process.start()
                    running[peer.name] = process
                except _PeerFailedError as error:
                    skipped[peer.name] = str(error)
            for turn in range(turns):
                progress(f"turn {turn + 1} of {turns}")
                for process in running.values():
                    process.take_turn()
            memory = {name: process.finish() for name, process in running.items()}
        finally:
            for process in running.values():
                process.kill()
    return _rows(peers, running, memory, skipped)


def _rows(
    peers: Sequence[Peer],
    running: Mapping[str, "_Process"],
    memory: Mapping[str, float | None],
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
                memory[peer.name],
                round(1000 * process.import_seconds, 1),
                round(1000 * process.first_result_seconds, 1),
            )
        )
    return rows


class _PeerFailedError(Exception):
    """A peer's process ended too early; the text says why."""


class _Process:
    """The process of one peer."""

    def __init__(self, python: str, peer: Peer, clip: Path, turn_seconds: float) -> None:
        self._command = [python, "-m", "benchmarks.peers.worker", peer.name, str(clip)]
        self._turn_seconds = turn_seconds
        self._hops = 1
        self.cpu_seconds: list[float] = []

    def start(self) -> None:
        """Start, and wait for the first result.

        Raises:
            _PeerFailedError: the peer cannot be loaded.
        """
        began = time.perf_counter()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()
            reason = errors.strip().splitlines() or [f"exit code {self._process.returncode}"]
            raise _PeerFailedError(f"failed ({reason[-1][:160]})")
        self.first_result_seconds = time.perf_counter() - began
        self.import_seconds = float(json.loads(line)["import_seconds"])
        self._hops = max(1, round(self._turn_seconds / max(self._ask(1), 1e-4)))  # also warms up

    def take_turn(self) -> None:
        """Compute for about as long as a turn is."""
        self.cpu_seconds.append(self._ask(self._hops))

    def finish(self) -> float | None:
        """End the process, and return its peak memory in MB."""
        output, _ = self._process.communicate(timeout=60)
        peak: float | None = json.loads(output)["peak_mb"]
        return peak

    def kill(self) -> None:
        """End the process whatever it does."""
        self._process.kill()
        self._process.wait()

    def _ask(self, hops: int) -> float:
        process: Any = self._process
        process.stdin.write(f"{hops}\n")
        process.stdin.flush()
        return float(json.loads(process.stdout.readline())["cpu_seconds"])
