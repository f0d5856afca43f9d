"""The form of the measurements: distributions of durations, and the machine they come from."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True)
class Spread:
    """The distribution of ``count`` durations, in milliseconds."""

    median: float
    p95: float
    p99: float
    mean: float
    highest: float
    count: int


def spread(seconds: Sequence[float]) -> Spread:
    """Summarize durations given in seconds."""
    values = 1000 * np.asarray(seconds)
    statistics = (*np.percentile(values, (50, 95, 99)), values.mean(), values.max())
    median, p95, p99, mean, highest = (round(float(value), 4) for value in statistics)
    return Spread(median, p95, p99, mean, highest, len(values))


def stage_lines(stages: Mapping[str, Spread]) -> Iterator[str]:
    """Yield the table of the stages, line by line."""
    yield f"{'ms per hop of 0.48 s':<22}{'median':>9}{'p95':>9}{'p99':>9}{'hops':>7}"
    for name, times in stages.items():
        yield f"{name:<22}{times.median:9.3f}{times.p95:9.3f}{times.p99:9.3f}{times.count:7}"


def this_machine() -> dict[str, str]:
    """Return processor, system, versions and the load average of the last minute, by name."""
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "cpu": f"{_cpu()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "litert": version("ai-edge-litert"),
        "numpy": version("numpy"),
        "load": load,
    }


def _cpu() -> str:
    """Return the processor's model, which on Linux only /proc/cpuinfo knows."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
