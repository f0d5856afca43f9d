"""What the benchmark reports. ``bench --json`` prints these fields under these names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure that was taken many times, in milliseconds."""

    median: float
    p95: float
    p99: float
    mean: float
    highest: float
    count: int


def spread(seconds: Sequence[float]) -> Spread:
    """Summarise durations given in seconds."""
    values = 1000 * np.asarray(seconds)
    median, p95, p99 = (round(float(each), 4) for each in np.percentile(values, (50, 95, 99)))
    mean, highest = round(float(values.mean()), 4), round(float(values.max()), 4)
    return Spread(median, p95, p99, mean, highest, len(values))


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured.

    Attributes:
        cpu: model name.
        cores: logical cores.
        system: operating system and architecture.
        python: version.
        litert: version of ai-edge-litert.
        numpy: version.
        clock: what ``time.perf_counter`` reads.
        load: processes that wanted a core in the last minute, before the start; ``None`` where the
            system does not say.
    """

    cpu: str
    cores: int
    system: str
    python: str
    litert: str
    numpy: str
    clock: str
    load: float | None


@dataclass(frozen=True, slots=True)
class StartUp:
    """Process start, medians over ``runs`` processes.

    Attributes:
        import_ms: ``import realtime_ser`` in a fresh interpreter.
        first_event_ms: process start to the first ``emotion`` line of ``analyze --json``, which
            reads its audio unpaced.
        runs: how many.
    """

    import_ms: float
    first_event_ms: float
    runs: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Peak resident memory of a process of its own, in MB (10^6 bytes); ``None``: not measurable.

    Attributes:
        analyze_mb: ``analyze --json`` on the demo clip.
        live_mb: ``--demo`` with the terminal UI, 80 × 24.
    """

    analyze_mb: float | None
    live_mb: float | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """Whole files in one process.

    Attributes:
        real_time_factor: seconds of audio per second.
        ravdess_seconds: what the 88 minutes of RAVDESS would take at that rate.
    """

    real_time_factor: float
    ravdess_seconds: float


@dataclass(frozen=True, slots=True)
class Streams:
    """Live streams on one thread, in real time.

    Attributes:
        per_core: most streams of those tried whose every event came within ``limit_ms``.
        limit_ms: from the arrival of the block that completes an event to the event.
        latest_ms: the latest event among that many streams.
        seconds: how long each number of streams was fed.
        speech_share: share of the clip's time that the gate is open.
        tried: each number of streams and its latest event, in milliseconds.
    """

    per_core: int
    limit_ms: float
    latest_ms: float | None
    seconds: float
    speech_share: float
    tried: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Silence:
    """A live run while nobody speaks.

    Attributes:
        cpu_percent: user and system time of the whole process, of one core, start-up left out.
        seconds: how long that was measured.
    """

    cpu_percent: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Latencies:
    """The four delays a user feels.

    Attributes:
        first_frame_seconds: audio of a frame: 0.96 s of columns, and 15 ms by which the last
            column's window reaches further.
        vote_seconds: audio that the speech gate's vote over the frame's end takes beyond that.
        frame_to_event: from the arrival of the 20 ms block that completes a frame to the event,
            through the engine and its threads, the source paced as a microphone.
        frame_to_event_busy: the same while other processes keep all other cores busy.
        event_to_painted: from a new snapshot to its painted screen, without a terminal.
        hop_seconds: the hop at which these events were taken, short so that there are many.
        label_change_seconds: from where one voice is cut against another in mid-speech until the
            likeliest label is the other's; median over the pairs that change, ``None`` without any.
        label_changes: how many pairs of the demo's utterances changed, of how many.
    """

    first_frame_seconds: float
    vote_seconds: float
    frame_to_event: Spread
    frame_to_event_busy: Spread
    event_to_painted: Spread
    hop_seconds: float
    label_change_seconds: float | None
    label_changes: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Network:
    """The network against the core.

    Attributes:
        multiply_adds: of ``embed`` for one frame, from its tensors' shapes.
        gflops: reached by ``embed``, two operations a multiply-add, at its median time.
        peak_gflops: reached by NumPy's float32 matrix product on one thread.
        share_of_peak: the one by the other.
    """

    multiply_adds: int
    gflops: float
    peak_gflops: float
    share_of_peak: float


@dataclass(frozen=True, slots=True)
class HubComparison:
    """The straightforward way: TF Hub's YAMNet on the whole window, at every hop.

    CPU time of the whole process per second of live speech, both taken in turns in one process.

    Attributes:
        hub_cpu_ms: YAMNet alone, without a gate and without an emotion.
        our_cpu_ms: everything from 16 kHz samples to the JSON line.
        ratio: the first by the second.
        hub_wall_ms: wall time of one such call, median.
        hops: how many hops were measured, of each.
    """

    hub_cpu_ms: float
    our_cpu_ms: float
    ratio: float
    hub_wall_ms: float
    hops: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything.

    Attributes:
        machine: where.
        model: name of the model.
        stages: wall time per hop of 0.48 s in continuous speech, by stage: ``resample`` (48 kHz
            stereo in blocks of 20 ms), ``gate``, ``frontend``, ``embed``, ``classify`` (window and
            newest frame), ``smoothing``, ``event`` (and its JSON line), ``hop`` (all of these
            together) and ``ui_paint`` (CPU time of one new picture, 80 × 24).
        cpu_ms_per_second: CPU time of ``hop`` per second of speech.
        start_up: process start.
        memory: peaks.
        analysis: whole files.
        streams: many live streams.
        silence: nobody speaks.
        latencies: what a user feels.
        network: how far the network is from the core's limit.
        hub: the comparison, ``None`` unless asked for.
        seconds: how long the benchmark took.
    """

    machine: Machine
    model: str
    stages: Mapping[str, Spread]
    cpu_ms_per_second: float
    start_up: StartUp
    memory: Memory
    analysis: Analysis
    streams: Streams
    silence: Silence
    latencies: Latencies
    network: Network
    hub: HubComparison | None
    seconds: float
