"""The report as text to read."""

from collections.abc import Iterator

from realtime_ser.bench.report import Report, Spread

_NAMES = {"ui_paint": "UI paint (CPU)", "hop": "whole hop"}


def as_text(report: Report) -> str:
    """Return the report as lines; below the machine's, of at most 100 columns."""
    return "\n".join([*_head(report), "", *_stages(report), "", *_figures(report)])


def _head(report: Report) -> Iterator[str]:
    machine = report.machine
    yield f"realtime-ser bench, model {report.model}, {report.seconds:.0f} s"
    load = "" if machine.load is None else f", load before the start {machine.load:.2f}"
    yield f"{machine.cpu}, {machine.cores} cores, {machine.system}{load}"
    versions = f"Python {machine.python}, LiteRT {machine.litert}, NumPy {machine.numpy}"
    yield f"{versions}, clock {machine.clock}"


def _stages(report: Report) -> Iterator[str]:
    yield f"{'ms per hop of 0.48 s':<22}{'median':>9}{'p95':>9}{'p99':>9}{'hops':>7}"
    for name, times in report.stages.items():
        label = _NAMES.get(name, name)
        columns = f"{times.median:9.3f}{times.p95:9.3f}{times.p99:9.3f}{times.count:7}"
        yield f"{label:<22}{columns}"


def _figures(report: Report) -> Iterator[str]:
    for name, value in (
        *_cost(report),
        *_delays(report),
        *_comparison(report),
    ):
        yield f"{name:<42}  {value}"


def _cost(report: Report) -> Iterator[tuple[str, str]]:
    start, memory, streams = report.start_up, report.memory, report.streams
    network = report.network
    yield "CPU per second of live speech", f"{report.cpu_ms_per_second:.2f} ms"
    yield "CPU while nobody speaks", f"{report.silence.cpu_percent:.2f} % of a core"
    yield "import", f"{start.import_ms:.0f} ms"
    yield "process start → first emotion, unpaced", f"{start.first_event_ms:.0f} ms"
    yield "peak memory, analyze", _megabytes(memory.analyze_mb)
    yield "peak memory, live with the terminal UI", _megabytes(memory.live_mb)
    yield "analyze", f"{report.analysis.real_time_factor:.0f} × real time"
    yield "  so all of RAVDESS, 88 minutes", f"{report.analysis.ravdess_seconds:.1f} s"
    worst = "" if streams.latest_ms is None else f", latest event after {streams.latest_ms:.1f} ms"
    yield (
        f"live streams on one core, ≤ {streams.limit_ms:.0f} ms",
        f"{streams.per_core}{worst} ({100 * streams.speech_share:.0f} % speech)",
    )
    yield (
        "network, one frame",
        f"{network.multiply_adds / 1e6:.1f} M multiply-adds at {network.gflops:.0f} GFLOP/s",
    )
    yield (
        "  of a matrix product on this core",
        f"{100 * network.share_of_peak:.0f} % ({network.peak_gflops:.0f} GFLOP/s)",
    )


def _delays(report: Report) -> Iterator[tuple[str, str]]:
    delays = report.latencies
    yield (
        "audio → first frame complete",
        f"{delays.first_frame_seconds:.3f} s by definition, + {delays.vote_seconds:.3f} s vote",
    )
    yield "frame complete → event", _delay(delays.frame_to_event)
    yield "  with the other cores busy", _delay(delays.frame_to_event_busy)
    yield "event → painted", _delay(delays.event_to_painted)
    changed, pairs = delays.label_changes
    seconds = delays.label_change_seconds
    yield (
        "voice changes → label changes",
        f"{'–' if seconds is None else f'{seconds:.2f} s'} ({changed} of {pairs} pairs)",
    )


def _comparison(report: Report) -> Iterator[tuple[str, str]]:
    hub = report.hub
    if hub is not None:
        yield (
            "TF Hub on each window, CPU per second",
            f"{hub.hub_cpu_ms:.1f} ms, here {hub.our_cpu_ms:.2f} ms: 1/{hub.ratio:.1f}"
            f" ({hub.hops} hops each)",
        )


def _delay(delay: Spread) -> str:
    return (
        f"median {delay.median:.1f}, mean {delay.mean:.1f}, p99 {delay.p99:.1f} ms"
        f" ({delay.count} events)"
    )


def _megabytes(value: float | None) -> str:
    return "not measurable here" if value is None else f"{value:.0f} MB"
