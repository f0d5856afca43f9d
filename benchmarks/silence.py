"""What a live run costs while nobody speaks."""

import subprocess
import sys
import threading
import time

import numpy as np

from benchmarks.latency import ArraySource
from realtime_ser.errors import RealtimeSerError
from realtime_ser.live.engine import Engine
from realtime_ser.recognizer import Recognizer
from realtime_ser.settings import SAMPLE_RATE

NOISE_AMPLITUDE = 3
"""Of 32768: the noise of a converter, so that silence is not all zeros."""

SETTLING_SECONDS = 1.0


def idle_cpu_percent(seconds: float) -> float:
    """Return the CPU time of a live run on silence, in percent of a core, in its own process.

    Raises:
        RealtimeSerError: the run failed.
    """
    command = [sys.executable, "-m", "benchmarks.silence", str(seconds)]
    run = subprocess.run(command, stdout=subprocess.PIPE)
    if run.returncode:
        raise RealtimeSerError(
            f"the live run on silence ended with {run.returncode}", "run `realtime-ser doctor`"
        )
    return float(run.stdout)


def main() -> None:
    """Run live on silence, and print the percentage."""
    seconds = float(sys.argv[1])
    count = round((seconds + SETTLING_SECONDS + 0.5) * SAMPLE_RATE)
    noise = np.random.default_rng(0).integers(-NOISE_AMPLITUDE, NOISE_AMPLITUDE + 1, count)
    engine = Engine(ArraySource(noise.astype(np.int16)), Recognizer().pipeline())
    worker = threading.Thread(target=lambda: list(engine.events()))
    worker.start()
    time.sleep(SETTLING_SECONDS)
    cpu, wall = time.process_time(), time.perf_counter()
    time.sleep(seconds)
    share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    worker.join()
    print(round(100 * share, 3))


if __name__ == "__main__":
    main()
