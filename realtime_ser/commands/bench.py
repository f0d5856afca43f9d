"""``realtime-ser bench``: time per stage, start-up, memory, real-time factor and streams."""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

import soundfile

from realtime_ser.bench import processes
from realtime_ser.bench.report import Spread, stage_lines, this_machine
from realtime_ser.bench.stages import measure_stages
from realtime_ser.bench.streams import Streams, measure_streams
from realtime_ser.commands.common import DONE
from realtime_ser.demo import demo_clip
from realtime_ser.recognizer import Recognizer


@dataclass(frozen=True, slots=True)
class Report:
    """All measurements; ``--json`` prints these fields under these names.

    Attributes:
        machine: processor, system, versions and load.
        model: name of the model.
        stages: wall time per hop of 0.48 s in continuous speech, by stage: ``resample`` (48 kHz
            stereo in blocks of 20 ms), ``gate``, ``frontend``, ``embed``, ``adaptation``,
            ``classify`` (window and newest frame), ``smoothing``, ``event`` (with its JSON line)
            and ``hop`` (the sum).
        cpu_ms_per_second: CPU time per second of continuous speech.
        import_ms: ``import realtime_ser`` in a new interpreter, median.
        first_event_ms: process start to the first ``emotion`` line of ``analyze --json``, median.
        analyze_mb: peak memory of ``analyze --json``; ``None`` where the system does not tell.
        live_mb: peak memory of ``--demo`` with the terminal UI, 80 × 24.
        real_time_factor: seconds of audio that are analyzed in a second, median.
        streams: simultaneous live streams.
    """

    machine: Mapping[str, str]
    model: str
    stages: Mapping[str, Spread]
    cpu_ms_per_second: float
    import_ms: float
    first_event_ms: float
    analyze_mb: float | None
    live_mb: float | None
    real_time_factor: float
    streams: Streams


def run(options: argparse.Namespace) -> int:
    """Measure, and print a table or one JSON object."""
    report = measure(Recognizer(options.model), quick=options.quick)
    print(json.dumps(asdict(report)) if options.json else "\n".join(_lines(report)), flush=True)
    return DONE


def measure(recognizer: Recognizer, *, quick: bool) -> Report:
    """Take all measurements, in about a minute, or only a few of each with ``quick``."""
    progress = progress_on_terminal()
    machine, model = this_machine(), recognizer.model
    clip, _ = soundfile.read(demo_clip(), dtype="int16")
    progress("start-up and memory")
    runs = 1 if quick else 5
    import_ms, first_event_ms = processes.import_ms(runs), processes.first_event_ms(runs)
    analyze_mb, live_mb = processes.analyze_mb(), processes.live_mb(1.0 if quick else 5.0)
    progress("stages")
    times = measure_stages(model, clip, 20 if quick else 2000)
    progress("analyze")
    factor = _real_time_factor(recognizer, 1 if quick else 20)
    progress("streams")
    # Without the resampler: the streams bring their audio at 16 kHz.
    hop_seconds = (times.stages["hop"].median - times.stages["resample"].median) / 1000
    seconds, tries = (2.5, 1) if quick else (4.0, 5)
    streams = measure_streams(model, clip, hop_seconds, seconds, tries)
    return Report(
        machine,
        model.manifest.name,
        times.stages,
        times.cpu_ms_per_second,
        import_ms,
        first_event_ms,
        analyze_mb,
        live_mb,
        factor,
        streams,
    )


def _real_time_factor(recognizer: Recognizer, runs: int) -> float:
    duration = float(soundfile.info(demo_clip()).duration)
    factors = []
    for _ in range(runs):
        began = time.perf_counter()
        recognizer.recognize_file(demo_clip())
        factors.append(duration / (time.perf_counter() - began))
    return round(statistics.median(factors), 1)


def progress_on_terminal() -> Callable[[str], None]:
    """Return a function that shows the next step on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        return lambda step: None
    return lambda step: print(f"measuring: {step} …", file=sys.stderr, flush=True)


def _lines(report: Report) -> Iterator[str]:
    streams = report.streams
    yield f"realtime-ser bench, model {report.model}"
    yield "; ".join(f"{name}: {value}" for name, value in report.machine.items())
    yield ""
    yield from stage_lines(report.stages)
    yield ""
    for name, value in {
        "CPU per second of live speech": f"{report.cpu_ms_per_second:.2f} ms",
        "import": f"{report.import_ms:.0f} ms",
        "process start to first emotion": f"{report.first_event_ms:.0f} ms",
        "peak memory, analyze": _megabytes(report.analyze_mb),
        "peak memory, live with the terminal UI": _megabytes(report.live_mb),
        "analyze": f"{report.real_time_factor:.0f} × real time",
        f"live streams on one core, ≤ {streams.limit_ms:.0f} ms": (
            f"{streams.per_core} ({100 * streams.speech_share:.0f} % speech)"
        ),
    }.items():
        yield f"{name:<42}  {value}"


def _megabytes(value: float | None) -> str:
    return "not measurable here" if value is None else f"{value:.0f} MB"
