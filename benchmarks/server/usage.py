"""Memory and processor time of a server and its workers, as Linux reports them in /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def resident_mb(process: int) -> float:
    """Return the resident memory of a process and its descendants, in MB (10^6 bytes)."""
    return round(sum(_resident_kib(number) for number in _tree(process)) * 1024 / 1e6, 1)


def cpu_seconds(process: int) -> tuple[float, float]:
    """Return the processor time of a process, and of its descendants together, in seconds."""
    first, *rest = _tree(process)
    return _cpu_seconds(first), sum(map(_cpu_seconds, rest))


def _tree(process: int) -> Iterator[int]:
    yield process
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _tree(int(child))


def _resident_kib(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def _cpu_seconds(process: int) -> float:
    """Return user and system time: fields 14 and 15 of ``stat``, see proc_pid_stat(5)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
