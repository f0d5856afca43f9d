"""What the benchmarks report. ``--json`` prints these fields under these names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.hub import HubComparison
from benchmarks.label_changes import LabelChanges
from benchmarks.latency import FIRST_FRAME_SECONDS, VOTE_SECONDS
from benchmarks.network import NetworkSpeed
from realtime_ser.bench.report import Spread


@dataclass(frozen=True, slots=True)
class Effort:
    """How often and how long to measure.

    Attributes:
        hops: for the time of the network.
        paints: new pictures of the terminal UI.
        paint_delays: new pictures at random times.
        idle_seconds: of silence.
        replay_seconds: of the clip for each delay through the engine.
        hub_hops: for the comparison with TF Hub, of each.
    """

    hops: int
    paints: int
    paint_delays: int
    idle_seconds: float
    replay_seconds: float
    hub_hops: int


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one run; durations in milliseconds.

    Attributes:
        machine: processor, system, versions and load.
        model: name of the model.
        silence_cpu_percent: CPU time of a live run while nobody speaks, in percent of a core,
            without its start-up.
        paint: CPU time of painting one new picture of the terminal UI, 80 × 24.
        event_to_painted: from a new snapshot to its painted screen, without a terminal.
        frame_to_event: from the arrival of the 20 ms block that completes a frame to the event,
            through the engine and its threads, with the source in real time.
        frame_to_event_busy: the same while other processes keep all other cores busy.
        label_changes: how fast the label follows a change of voice.
        network: speed of the network against the processor's.
        hub: the comparison with TF Hub, ``None`` unless asked for.
    """

    machine: Mapping[str, str]
    model: str
    silence_cpu_percent: float
    paint: Spread
    event_to_painted: Spread
    frame_to_event: Spread
    frame_to_event_busy: Spread
    label_changes: LabelChanges
    network: NetworkSpeed
    hub: HubComparison | None


def as_text(report: Report) -> str:
    """Return the report as lines to read."""
    return "\n".join(f"{name:<42}  {value}" for name, value in _rows(report))


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    yield "model", report.model
    yield from report.machine.items()
    yield "CPU while nobody speaks", f"{report.silence_cpu_percent:.2f} % of a core"
    yield "terminal UI, CPU per picture", _spread(report.paint)
    yield (
        "audio → first frame complete",
        f"{FIRST_FRAME_SECONDS:.3f} s by definition, + {VOTE_SECONDS:.3f} s for the gate",
    )
    yield "frame complete → event", _spread(report.frame_to_event)
    yield "  with the other cores busy", _spread(report.frame_to_event_busy)
    yield "event → painted", _spread(report.event_to_painted)
    changes, network, hub = report.label_changes, report.network, report.hub
    seconds = "–" if changes.median_seconds is None else f"{changes.median_seconds:.2f} s"
    yield "voice changes → label changes", f"{seconds} ({changes.changed} of {changes.pairs} pairs)"
    yield (
        "network, one frame",
        f"{network.multiply_adds / 1e6:.1f} M multiply-adds at {network.gflops:.0f} GFLOP/s",
    )
    yield (
        "  of a matrix product on this core",
        f"{100 * network.share_of_peak:.0f} % ({network.peak_gflops:.0f} GFLOP/s)",
    )
    if hub is not None:
        yield (
            "TF Hub on each window, CPU per second",
            f"{hub.hub_cpu_ms:.1f} ms, here {hub.our_cpu_ms:.2f} ms: 1/{hub.ratio:.1f}"
            f" ({hub.hops} hops each)",
        )


def _spread(times: Spread) -> str:
    return (
        f"median {times.median:.1f}, mean {times.mean:.1f}, p99 {times.p99:.1f} ms"
        f" ({times.count} times)"
    )
