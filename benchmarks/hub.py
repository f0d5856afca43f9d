"""A comparison with the simplest approach: TF Hub's YAMNet on the whole window at every hop."""

import contextlib
import io
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle
from typing import Any

import numpy as np

from realtime_ser.emotion.frontend import to_float
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.errors import RealtimeSerError
from realtime_ser.events import EmotionUpdate, SpeechEnded
from realtime_ser.output.json_lines import JsonLines
from realtime_ser.pipeline import Pipeline
from realtime_ser.samples import Int16
from realtime_ser.settings import SAMPLE_RATE, Settings

YAMNET_URL = "https://tfhub.dev/google/yamnet/1"
TURNS = 10
WARM_UP_CALLS = 5
BLOCK_SAMPLES = 320


@dataclass(frozen=True, slots=True)
class HubComparison:
    """CPU time of the whole process per second of live speech, measured alternately in one process.

    Attributes:
        hub_cpu_ms: YAMNet alone, without a gate and without an emotion.
        our_cpu_ms: everything from 16 kHz samples to the JSON line.
        ratio: ``hub_cpu_ms`` / ``our_cpu_ms``.
        hub_wall_ms: wall time of one call of YAMNet, median.
        hops: how many hops were measured, of each.
    """

    hub_cpu_ms: float
    our_cpu_ms: float
    ratio: float
    hub_wall_ms: float
    hops: int


def check_installed() -> None:
    """Check before the other measurements that TF Hub is installed, without loading TensorFlow.

    Raises:
        RealtimeSerError: TensorFlow Hub is not installed.
    """
    if find_spec("tensorflow_hub") is None:
        raise _missing("there is no module tensorflow_hub")


def _missing(reason: str) -> RealtimeSerError:
    return RealtimeSerError(
        f"--compare-hub needs TensorFlow Hub ({reason})",
        'install the train extra: pip install "realtime-ser[train]"',
    )


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Point descriptor 2 at nothing meanwhile, which only a command without other threads may do.

    TensorFlow writes to it past the C library.
    """
    before, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def load_hub() -> Any:
    """Load the published module.

    Raises:
        RealtimeSerError: TensorFlow Hub is not installed, or the module cannot be fetched.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with warnings.catch_warnings(), _quiet_stderr():
            warnings.simplefilter("ignore")
            import tensorflow_hub
    except ImportError as error:
        raise _missing(str(error)) from error
    try:
        with _quiet_stderr():
            return tensorflow_hub.load(YAMNET_URL)
    except Exception as error:  # the network, the cache and TensorFlow raise anything
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise RealtimeSerError(
            f"{YAMNET_URL} cannot be loaded ({reason[0][:120]})",
            "connect to the network, or set TFHUB_CACHE_DIR to a folder that holds it",
        ) from error


def compare(module: Any, model: EmotionModel, clip: Int16, hops: int) -> HubComparison:
    """Measure both alternately, so that other load on the machine affects both."""
    hops_per_turn = max(1, hops // TURNS)
    ours = _OurHops(model, clip)
    windows = _windows(clip)
    ours.cpu_of(hops_per_turn)
    for _ in range(WARM_UP_CALLS):
        module(next(windows))
    our_cpu: list[float] = []
    hub_cpu: list[float] = []
    hub_wall: list[float] = []
    for _ in range(TURNS):
        our_cpu.append(ours.cpu_of(hops_per_turn))
        began, began_wall = time.process_time(), time.perf_counter()
        for _ in range(hops_per_turn):
            module(next(windows))
        hub_cpu.append((time.process_time() - began) / hops_per_turn)
        hub_wall.append((time.perf_counter() - began_wall) / hops_per_turn)
    hop = Settings().hop
    hub_ms, our_ms = (1000 * float(np.median(times)) / hop for times in (hub_cpu, our_cpu))
    wall_ms = round(1000 * float(np.median(hub_wall)), 3)
    hops = hops_per_turn * TURNS
    return HubComparison(
        round(hub_ms, 3), round(our_ms, 3), round(hub_ms / our_ms, 1), wall_ms, hops
    )


def _windows(clip: Int16) -> Any:
    """Yield the last 4 s at every hop, float32, over and over."""
    samples = to_float(clip)
    settings = Settings()
    length, step = round(settings.window * SAMPLE_RATE), round(settings.hop * SAMPLE_RATE)
    return cycle([samples[at : at + length] for at in range(0, len(samples) - length, step)])


class _OurHops:
    """This package, hop by hop within utterances, from samples to JSON lines."""

    def __init__(self, model: EmotionModel, clip: Int16) -> None:
        self._pipeline = Pipeline(model)
        self._blocks = cycle(np.array_split(clip, len(clip) // BLOCK_SAMPLES))
        self._lines = JsonLines(io.StringIO())
        self._speaking = False

    def cpu_of(self, hops: int) -> float:
        """Return the process's CPU seconds per hop, mean over ``hops``."""
        spent, done = 0.0, 0
        began = time.process_time()
        while done < hops:
            events = self._pipeline.process(next(self._blocks))
            for event in events:
                self._lines.on_event(event)
            if any(isinstance(event, SpeechEnded) for event in events):
                self._speaking = False
            elif any(isinstance(event, EmotionUpdate) for event in events):
                now = time.process_time()
                if self._speaking:  # the first frame of an utterance takes more audio than a hop
                    spent, done = spent + now - began, done + 1
                self._speaking, began = True, now
        return spent / hops
