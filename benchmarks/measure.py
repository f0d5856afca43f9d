"""Takes every figure of the benchmark, one after the other."""

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from realtime_ser.analysis import analyse, resampled
from realtime_ser.bench import hub, latency, network, painting, processes
from realtime_ser.bench.machine import this_machine
from realtime_ser.bench.report import (
    Analysis,
    Latencies,
    Memory,
    Network,
    Report,
    Silence,
    StartUp,
    spread,
)
from realtime_ser.bench.stages import measure_stages
from realtime_ser.bench.streams import measure_streams
from realtime_ser.capture.sources import FileSource
from realtime_ser.demo import demo_clip
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.recognizer import Recognizer

Int16 = NDArray[np.int16]

RAVDESS_SECONDS = 88 * 60
"""Length of the 1440 speech clips of RAVDESS together."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How often each figure is taken.

    Attributes:
        hops: for the stages, of the hub comparison a tenth.
        paints: new pictures.
        delays: new pictures at any moment.
        runs: processes for each start-up time.
        live_seconds: of the live run with the terminal UI.
        idle_seconds: of silence.
        replay_seconds: of the clip for each delay through the engine.
        files: how often the clip is analysed as a file.
        stream_seconds: for each number of streams.
        stream_tries: numbers of streams.
    """

    hops: int = 2000
    paints: int = 1000
    delays: int = 80
    runs: int = 5
    live_seconds: float = 5.0
    idle_seconds: float = 8.0
    replay_seconds: float = 11.0
    files: int = 20
    stream_seconds: float = 4.0
    stream_tries: int = 5


THOROUGH = Effort()
QUICK = Effort(
    hops=20,
    paints=5,
    delays=3,
    runs=1,
    live_seconds=1.0,
    idle_seconds=0.5,
    replay_seconds=2.5,
    files=1,
    stream_seconds=2.5,
    stream_tries=2,
)


def measure(
    model_folder: str | None, effort: Effort, compare_hub: bool, progress: Callable[[str], None]
) -> Report:
    """Take all figures.

    Args:
        model_folder: as ``--model``.
        effort: how often each is taken.
        compare_hub: whether to measure TF Hub's YAMNet as well.
        progress: is told what is measured next.

    Raises:
        ModelError: the model folder cannot be used.
        RealtimeSerError: what ``compare_hub`` needs is missing.
    """
    began = time.perf_counter()
    if compare_hub:
        hub.check_installed()
    machine = this_machine()
    recognizer = Recognizer(model_folder)
    model = recognizer.model
    clip, _ = soundfile.read(demo_clip(), dtype="int16")
    progress("start-up")
    start_up = StartUp(
        processes.import_ms(effort.runs), processes.first_event_ms(effort.runs), effort.runs
    )
    progress("memory and silence")
    memory, silence = _memory_and_silence(effort)
    progress("stages")
    stages = measure_stages(model, clip, effort.hops)
    progress("the terminal UI")
    snapshots = painting.pictures(model, clip)
    paints = spread(painting.paint_costs(snapshots, effort.paints))
    painted = painting.paint_delays(snapshots, effort.delays)
    progress("analyze")
    factor = _real_time_factor(recognizer, effort.files)
    progress("latency")
    latencies = _latencies(recognizer, clip, effort.replay_seconds, painted)
    progress("streams")
    # Its own share of the work, without the resampler: streams bring their audio at 16 kHz.
    hop_cost = (stages.stages["hop"].median - stages.stages["resample"].median) / 1000
    streams = measure_streams(model, clip, hop_cost, effort.stream_seconds, effort.stream_tries)
    progress("the core's peak")
    network_figures = _network(model.folder, stages.stages["embed"].median)
    comparison = None
    if compare_hub:  # last: TensorFlow's threads and memory stay
        progress("TF Hub")
        comparison = hub.compare(hub.load_hub(), model, clip, max(10, effort.hops // 10))
    return Report(
        machine,
        model.manifest.name,
        {**stages.stages, "ui_paint": paints},
        stages.cpu_ms_per_second,
        start_up,
        memory,
        Analysis(round(factor, 1), round(RAVDESS_SECONDS / factor, 1)),
        streams,
        silence,
        latencies,
        network_figures,
        comparison,
        round(time.perf_counter() - began, 1),
    )


def progress_on_terminal() -> Callable[[str], None]:
    """Return what shows the next step on standard error, silent where that is no terminal."""
    if not sys.stderr.isatty():
        return lambda step: None
    return lambda step: print(f"measuring: {step} …", file=sys.stderr, flush=True)


def _memory_and_silence(effort: Effort) -> tuple[Memory, Silence]:
    """Run one after the other: beside the terminal UI silence costs more than twice as much."""
    memory = Memory(processes.analyze_mb(), processes.live_mb(effort.live_seconds))
    idle = processes.Idle(effort.idle_seconds)
    try:
        return memory, Silence(idle.cpu_percent(), effort.idle_seconds)
    finally:
        idle.stop()


def _real_time_factor(recognizer: Recognizer, files: int) -> float:
    """Return seconds of audio per second of analysis, median over a file read so often."""
    factors = []
    for _ in range(files):
        began = time.perf_counter()
        events = analyse(resampled(FileSource(demo_clip())), recognizer.pipeline(), "demo")
        *_, result = events
        factors.append(_duration(result) / (time.perf_counter() - began))
    return statistics.median(factors)


def _duration(result: Any) -> float:
    return float(result.duration)


def _latencies(
    recognizer: Recognizer, clip: Int16, seconds: float, painted: list[float]
) -> Latencies:
    model = recognizer.model
    quiet = latency.event_delays(model, clip, seconds)
    with latency.other_cores_busy():
        busy = latency.event_delays(model, clip, seconds)
    changes, pairs = latency.label_changes(model, clip)
    return Latencies(
        latency.FIRST_FRAME_SECONDS,
        latency.VOTE_WAIT_SECONDS,
        spread(quiet),
        spread(busy),
        spread(painted),
        latency.SHORT_HOP,
        round(statistics.median(changes), 2) if changes else None,
        (len(changes), pairs),
    )


def _network(folder: Path, embed_ms: float) -> Network:
    count = network.multiply_adds(folder / MODEL_FILE)
    reached = 2 * count / embed_ms / 1e6
    peak = network.peak_gflops(dict(os.environ))
    return Network(count, round(reached, 1), round(peak, 1), round(reached / peak, 3))
