"""What can only be measured of a whole process: start-up, peak memory, idle CPU time."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from realtime_ser.demo import demo_clip
from realtime_ser.errors import RealtimeSerError

COMMAND = [sys.executable, "-m", "realtime_ser"]
IMPORT = "import time; t = time.perf_counter(); import realtime_ser; print(time.perf_counter() - t)"
SILENCE = "from realtime_ser.bench.processes import idle; idle()"
MEASURED = "from realtime_ser.bench.processes import report_peak; report_peak()"

NOISE_AMPLITUDE = 3
"""Of 32768: the noise of a converter, so that silence is not all zeros."""


def import_ms(runs: int) -> float:
    """Return the median time of importing the package in a fresh interpreter."""
    return round(statistics.median(1000 * float(_output(IMPORT)) for _ in range(runs)), 1)


def first_event_ms(runs: int) -> float:
    """Return the median time from starting a process to its first line about an emotion."""
    return round(statistics.median(1000 * _first_event() for _ in range(runs)), 1)


def _first_event() -> float:
    began = time.perf_counter()
    command = [*COMMAND, "analyze", "--json", str(demo_clip())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "emotion":
                taken = time.perf_counter() - began
                process.stdout.read()
                return taken
    raise _failed("analyze", process.returncode)


def analyze_mb() -> float | None:
    """Return the peak memory of a process that analyses the demo clip."""
    with _result_file() as result:
        subprocess.run(
            [sys.executable, "-c", MEASURED, str(result), "analyze", "--json", str(demo_clip())],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return _read_peak(result)


def live_mb(seconds: float) -> float | None:
    """Return the peak memory of a live run with the terminal UI; ``None`` without ptys."""
    if sys.platform == "win32":
        return None
    arguments = ["--demo", "--duration", f"{seconds:g}"]
    with _result_file() as result:
        _run_in_terminal([sys.executable, "-c", MEASURED, str(result), *arguments])
        return _read_peak(result)


def _run_in_terminal(command: Sequence[str]) -> None:
    """Run a command on a terminal of 80 × 24, and throw away what it draws."""
    import pty
    import termios

    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
        start_new_session=True,
    )
    try:
        os.close(terminal)
        with contextlib.suppress(OSError):  # Linux says so when the other side is closed
            while os.read(controller, 65536):
                pass
        if process.wait():
            raise _failed("--demo", process.returncode)
    finally:
        process.kill()
        process.wait()
        os.close(controller)


def report_peak() -> None:
    """Run the command and write this process's peak memory; a measured child's whole program."""
    from realtime_ser.commands import main

    code = main(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps(_peak_mb()))
    sys.exit(code)


def _peak_mb() -> float | None:
    """Return the peak resident memory of this process, in MB.

    Linux's own high-water mark comes first: ``getrusage`` counts what a parent held at the fork.
    """
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        kibibytes = [int(each.split()[1]) for each in lines if each.startswith("VmHWM:")]
        if kibibytes:
            return round(kibibytes[0] * 1024 / 1e6, 1)
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


class Idle:
    """A process that runs live on silence for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SILENCE, str(seconds)], stdout=subprocess.PIPE, text=True
        )

    def cpu_percent(self) -> float:
        """Wait for its end, and return the share of a core it took."""
        output, _ = self._process.communicate()
        if self._process.returncode:
            raise _failed("a live run", self._process.returncode)
        return float(output)

    def stop(self) -> None:
        """End it, if it still runs."""
        self._process.kill()
        self._process.wait()


def idle() -> None:
    """Run live on silence and print the share of a core that takes, in percent, once started."""
    import threading

    import numpy as np

    from realtime_ser.bench.latency import ArraySource
    from realtime_ser.live.engine import Engine
    from realtime_ser.recognizer import Recognizer
    from realtime_ser.settings import SAMPLE_RATE

    seconds, settling = float(sys.argv[1]), 1.0
    count = round((seconds + settling + 0.5) * SAMPLE_RATE)
    noise = np.random.default_rng(0).integers(-NOISE_AMPLITUDE, NOISE_AMPLITUDE + 1, count)
    engine = Engine(ArraySource(noise.astype(np.int16)), Recognizer().pipeline())
    worker = threading.Thread(target=lambda: list(engine.events()))
    worker.start()
    time.sleep(settling)
    cpu, wall = time.process_time(), time.perf_counter()
    time.sleep(seconds)
    share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    worker.join()
    print(round(100 * share, 3))


def _output(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


@contextlib.contextmanager
def _result_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "peak.json"


def _read_peak(result: Path) -> float | None:
    peak = json.loads(result.read_text())
    return None if peak is None else float(peak)


def _failed(what: str, code: int) -> RealtimeSerError:
    return RealtimeSerError(
        f"the benchmark's own run of {what} ended with {code}", "run `realtime-ser doctor`"
    )
