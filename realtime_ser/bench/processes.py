"""What can only be measured of a whole process: start-up time and peak memory."""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from realtime_ser.demo import demo_clip
from realtime_ser.errors import RealtimeSerError

_IMPORT = (
    "import time; t = time.perf_counter(); import realtime_ser; print(time.perf_counter() - t)"
)
_MEASURED = "from realtime_ser.bench.processes import run_and_print_peak; run_and_print_peak()"
_ANALYZE = ("analyze", "--json", str(demo_clip()))


def import_ms(runs: int) -> float:
    """Return the median time of importing the package in a new interpreter, in milliseconds."""
    command = [sys.executable, "-c", _IMPORT]
    times = [float(subprocess.check_output(command)) for _ in range(runs)]
    return round(1000 * statistics.median(times), 1)


def first_event_ms(runs: int) -> float:
    """Return the median time from a process's start to its first emotion, in milliseconds."""
    return round(1000 * statistics.median(_first_event() for _ in range(runs)), 1)


def _first_event() -> float:
    began = time.perf_counter()
    command = [sys.executable, "-m", "realtime_ser", *_ANALYZE]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(b'{"event": "emotion"'):
                taken = time.perf_counter() - began
                process.stdout.read()
                return taken
    raise _failed(process.returncode)


def analyze_mb() -> float | None:
    """Return the peak memory of a process that analyzes the demo clip, in MB (10^6 bytes)."""
    run = subprocess.run([sys.executable, "-c", _MEASURED, *_ANALYZE], capture_output=True)
    return _printed_peak(run.stderr, run.returncode)


def live_mb(seconds: float) -> float | None:
    """Return the peak memory of a live run with the terminal UI, in MB; ``None`` without ptys."""
    if sys.platform == "win32":
        return None
    controller, terminal = os.openpty()
    command = [sys.executable, "-c", _MEASURED, "--demo", "--duration", f"{seconds:g}"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    output = b""
    with subprocess.Popen(
        command, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        with os.fdopen(controller, "rb", buffering=0) as screen, contextlib.suppress(OSError):
            while piece := screen.read(65536):  # Linux raises at the end
                output += piece
    return _printed_peak(output, process.returncode)


def run_and_print_peak(arguments: Sequence[str] | None = None) -> None:
    """Run a command line, and print the peak memory on standard error, in a process of its own."""
    from realtime_ser.commands import main

    code = main(arguments)
    print(f"\n{_peak_mb()}", file=sys.stderr)  # after the UI's last escape codes
    sys.exit(code)


def _printed_peak(output: bytes, code: int) -> float | None:
    if code:
        raise _failed(code)
    peak = output.split()[-1]
    return None if peak == b"None" else float(peak)


def _peak_mb() -> float | None:
    """Return the peak resident memory of this process.

    Linux's own high-water mark comes first: ``getrusage`` includes the parent's memory at the fork.
    """
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 1)
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def _failed(code: int) -> RealtimeSerError:
    return RealtimeSerError(f"a measured run ended with {code}", "run `realtime-ser doctor`")
