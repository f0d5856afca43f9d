"""Where the benchmark runs, in words."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

from realtime_ser.bench.report import Machine


def this_machine() -> Machine:
    """Name this machine."""
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        litert=version("ai-edge-litert"),
        numpy=version("numpy"),
        clock=time.get_clock_info("perf_counter").implementation,
        load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    )


def _cpu() -> str:
    """Return the processor's model; Linux names it in a file, other systems through Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
