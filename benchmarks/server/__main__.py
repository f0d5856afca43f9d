"""Starts a server, loads it with streams and idle connections, and prints what it did."""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.server.load import Stream, hold_idle, run_streams
from benchmarks.server.memory import resident_mb
from benchmarks.server.speech import Speech, load_speech
from realtime_ser.bench.report import Spread, spread, this_machine
from realtime_ser.demo import demo_clip
from realtime_ser.errors import RealtimeSerError
from realtime_ser.server.listening import allow_many_connections

MOST_SPEECH_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Report:
    """The results of one run.

    Attributes:
        machine: processor, system, versions and load; generator and server share it.
        streams: that sent in real time, in messages of ``message_ms``.
        message_ms: audio of one message, in milliseconds.
        seconds: how long.
        duty_cycle: share of the audio that is speech.
        event_latency: from sending the last sample of a frame to receiving its event, in ms.
        sent_late_ms: how late the generator itself was at most: no part of ``event_latency``.
        dropped: events that the server dropped.
        idle: further connections that were open and sent nothing, and that held to the end.
        idle_kb: memory of the server for each of them.
        stream_kb: memory of the server for each stream, at the end.
        memory_mb: of the server and its workers: empty, with the idle connections, and at the end.
    """

    machine: Mapping[str, str]
    streams: int
    message_ms: int
    seconds: float
    duty_cycle: float
    event_latency: Spread
    sent_late_ms: float
    dropped: int
    idle: int
    idle_kb: float
    stream_kb: float
    memory_mb: tuple[float, float, float]


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser("python -m benchmarks.server", description=__doc__)
    parser.add_argument("--streams", type=int, default=100, help="in real time (default 100)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default 60)")
    parser.add_argument("--idle", type=int, default=1000, help="idle connections (default 1000)")
    parser.add_argument(
        "--speech", type=Path, nargs="+", metavar="PATH", help="recordings instead of the demo clip"
    )
    parser.add_argument(
        "--pause", type=float, default=0.0, help="seconds between utterances (default 0)"
    )
    parser.add_argument(
        "--message-ms", type=int, default=100, help="audio of one message (default 100)"
    )
    parser.add_argument("--workers", type=int, help="of the server (default: the cores)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    allow_many_connections()
    try:
        speech = load_speech(options.speech or [demo_clip()], MOST_SPEECH_SECONDS, options.pause)
    except RealtimeSerError as error:
        print(f"benchmarks.server: {error}", file=sys.stderr)
        return 1
    with running_server(options) as (process, url):
        report = asyncio.run(_measure(options, speech, process, url))
    print(json.dumps(asdict(report)) if options.json else "\n".join(_rows(report)))
    return 0


@contextmanager
def running_server(options: argparse.Namespace) -> Iterator[tuple[int, str]]:
    """Start a server; yield its process and the URL of its streams."""
    command = [sys.executable, "-m", "realtime_ser", "serve", "--port", "0", "--idle-timeout", "0"]
    command += ["--max-sessions", str(options.streams + options.idle)]
    if options.workers:
        command += ["--workers", str(options.workers)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            url = next(
                found[0] for line in server.stderr if (found := re.search(r"ws://\S+", line))
            )
            threading.Thread(target=server.stderr.read, daemon=True).start()
            yield server.pid, url
        finally:
            server.terminate()


async def _measure(options: argparse.Namespace, speech: Speech, process: int, url: str) -> Report:
    empty = resident_mb(process)
    opened, leave = asyncio.Event(), asyncio.Event()
    holding = asyncio.create_task(hold_idle(url, options.idle, opened, leave))
    await opened.wait()
    idle = resident_mb(process)
    running = asyncio.create_task(
        run_streams(
            url, speech.samples, options.streams, options.seconds, options.message_ms / 1000
        )
    )
    await asyncio.sleep(0.9 * options.seconds)
    loaded = resident_mb(process)
    streams = await running
    leave.set()
    return _report(options, speech, streams, await holding, (empty, idle, loaded))


def _report(
    options: argparse.Namespace,
    speech: Speech,
    streams: list[Stream],
    held: int,
    memory: tuple[float, float, float],
) -> Report:
    empty, idle, loaded = memory
    return Report(
        this_machine(),
        options.streams,
        options.message_ms,
        options.seconds,
        speech.duty_cycle,
        spread([latency for stream in streams for latency in stream.latencies]),
        round(1000 * max(stream.late for stream in streams), 1),
        sum(stream.dropped for stream in streams),
        held,
        round(1000 * (idle - empty) / max(options.idle, 1), 1),
        round(1000 * (loaded - idle) / options.streams, 1),
        memory,
    )


def _rows(report: Report) -> Iterator[str]:
    times, (empty, idle, loaded) = report.event_latency, report.memory_mb
    rows = {
        **report.machine,
        "streams": f"{report.streams} in real time for {report.seconds:g} s",
        "duty cycle": f"{100 * report.duty_cycle:.0f} % speech, {report.message_ms} ms a message",
        "last sample → event": (
            f"median {times.median:.1f}, p95 {times.p95:.1f}, p99 {times.p99:.1f},"
            f" largest {times.highest:.1f} ms ({times.count} events)"
        ),
        "generator late by": f"at most {report.sent_late_ms:.1f} ms",
        "events dropped": str(report.dropped),
        "idle connections": f"{report.idle} held, {report.idle_kb:.0f} kB each",
        "memory a stream": f"{report.stream_kb:.0f} kB",
        "server's memory": f"{empty:.0f} MB empty, {idle:.0f} idle, {loaded:.0f} at the end",
    }
    for name, value in rows.items():
        yield f"{name:<22}  {value}"


if __name__ == "__main__":
    sys.exit(main())
