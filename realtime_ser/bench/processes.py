"""What can only be measured of a whole process: start-up time and peak memory."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
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
            if json.loads(line)["event"] == "emotion":
                taken = time.perf_counter() - began
                process.stdout.read()
                return taken
    raise _failed(process.returncode)


def analyze_mb() -> float | None:
    """Return the peak memory of a process that analyzes the demo clip, in MB (10^6 bytes)."""
    command = [sys.executable, "-c", _MEASURED, *_ANALYZE]
    run = subprocess.run(command, capture_output=True)
    if run.returncode:
        raise _failed(run.returncode)
    return json.loads(run.stderr)  # type: ignore[no-any-return]


def live_mb(seconds: float) -> float | None:
    """Return the peak memory of a live run with the terminal UI, in MB; ``None`` without ptys."""
    if sys.platform == "win32":
        return None
    import pty

    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    options = ["--demo", "--duration", f"{seconds:g}"]
    with subprocess.Popen(
        [sys.executable, "-c", _MEASURED, *options],
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        output = _read_all(controller)
    os.close(controller)
    if process.returncode:
        raise _failed(process.returncode)
    return json.loads(output.splitlines()[-1])  # type: ignore[no-any-return]


def _read_all(descriptor: int) -> bytes:
    pieces = []
    with contextlib.suppress(OSError):  # Linux raises when the other side is closed
        while piece := os.read(descriptor, 65536):
            pieces.append(piece)
    return b"".join(pieces)


def run_and_print_peak() -> None:
    """Run a command line, and print the peak memory on standard error, in a process of its own."""
    from realtime_ser.commands import main

    code = main(sys.argv[1:])
    print(f"\n{json.dumps(_peak_mb())}", file=sys.stderr)  # after the UI's last escape codes
    sys.exit(code)


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
