"""Memory of a server and its workers."""

from collections.abc import Iterator
from pathlib import Path


def resident_mb(process: int) -> float:
    """Return the resident memory of a process and its children, in MB (10^6 bytes); Linux only."""
    return round(sum(_resident_kib(number) for number in _tree(process)) * 1024 / 1e6, 1)


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
