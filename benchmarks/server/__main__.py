"""Starts a server, loads it with streams and idle connections, and prints what it measured."""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.server.load import Stream, hold_idle, run_streams
from benchmarks.server.speech import Speech, load_speech
from benchmarks.server.usage import cpu_seconds, resident_mb
from realtime_ser.bench.report import Spread, spread, this_machine
from realtime_ser.commands.option_types import at_least
from realtime_ser.demo import demo_clip
from realtime_ser.errors import RealtimeSerError, SettingsError
from realtime_ser.server.listening import allow_many_connections

MOST_SPEECH_SECONDS = 120.0

OTHER_FILES = 100
"""Open files besides the connections, generously: libraries, pipes, the event loop."""

SETTLED_SECONDS = 60.0
"""After which the memory of the streams should not grow."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in MB (10^6 bytes).

    Attributes:
        empty: before the first connection.
        idle: with the idle connections.
        first: after a tenth of the time, or after a minute if that is earlier.
        last: at nine tenths of the time; more than ``first`` is growth.
    """

    empty: float
    idle: float
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processor time in percent of one core.

    Attributes:
        generator: this program.
        server: the server's process, which moves bytes.
        workers: the processes that recognize, together.
    """

    generator: float
    server: float
    workers: float

    @property
    def total(self) -> float:
        """All of it, in percent of one core."""
        return self.generator + self.server + self.workers


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
        served_latency: from sending the message that completes a frame to receiving its event, in
            ms: without the wait for a client's next message.
        sent_late_ms: how late the generator itself was at most: no part of the latencies.
        dropped: events that the server dropped.
        cut_off: why streams ended too early, empty if none did.
        idle: further connections that were open and sent nothing, and that held to the end.
        idle_kb: memory of the server for each of them.
        stream_kb: memory of the server for each stream, at the end.
        memory: of the server and its workers.
        cpu: processor time while the streams ran.
    """

    machine: Mapping[str, str]
    streams: int
    message_ms: int
    seconds: float
    duty_cycle: float
    event_latency: Spread
    served_latency: Spread
    sent_late_ms: float
    dropped: int
    cut_off: tuple[str, ...]
    idle: int
    idle_kb: float
    stream_kb: float
    memory: Memory
    cpu: Cpu


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser("python -m benchmarks.server", description=__doc__)
    parser.add_argument(
        "--streams", type=at_least(1), default=100, help="in real time (default 100)"
    )
    parser.add_argument(
        "--seconds", type=at_least(1), default=60, help="how long (default 60; 3600 for a soak)"
    )
    parser.add_argument(
        "--idle", type=at_least(0), default=1000, help="idle connections (default 1000)"
    )
    parser.add_argument(
        "--speech", type=Path, nargs="+", metavar="PATH", help="recordings instead of the demo clip"
    )
    parser.add_argument(
        "--pause", type=float, default=0.0, help="seconds between utterances (default 0)"
    )
    parser.add_argument(
        "--message-ms", type=at_least(1), default=100, help="audio of one message (default 100)"
    )
    parser.add_argument("--workers", type=at_least(1), help="of the server (default: the cores)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    try:
        check_open_files(options.streams + options.idle, allow_many_connections())
        speech = load_speech(options.speech or [demo_clip()], MOST_SPEECH_SECONDS, options.pause)
        with running_server(options) as (process, url):
            report = asyncio.run(_measure(options, speech, process, url))
    except RealtimeSerError as error:
        print(f"benchmarks.server: {error}", file=sys.stderr)
        return 1
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


def check_open_files(connections: int, limit: int) -> None:
    """Check that this process may open so many connections.

    Raises:
        SettingsError: it may not.
    """
    needed = connections + OTHER_FILES
    if limit < needed:
        raise SettingsError(
            f"{connections} connections need about {needed} open files, and {limit} are allowed",
            f"run ulimit -n {needed} as root before, or give fewer --streams and --idle",
        )


async def _measure(options: argparse.Namespace, speech: Speech, process: int, url: str) -> Report:
    empty = resident_mb(process)
    opened, leave = asyncio.Event(), asyncio.Event()
    holding = asyncio.create_task(hold_idle(url, options.idle, opened, leave))
    await opened.wait()
    idle = resident_mb(process)
    message = options.message_ms / 1000
    running = asyncio.create_task(
        run_streams(url, speech.samples, options.streams, options.seconds, message)
    )
    began, used = time.monotonic(), _cpu_seconds(process)
    settled = min(0.1 * options.seconds, SETTLED_SECONDS)
    await asyncio.sleep(settled)
    first = resident_mb(process)
    await asyncio.sleep(0.9 * options.seconds - settled)
    memory = Memory(empty, idle, first, resident_mb(process))
    elapsed = time.monotonic() - began
    cpu = Cpu(
        *(
            round(100 * (now - before) / elapsed, 1)
            for now, before in zip(_cpu_seconds(process), used, strict=True)
        )
    )
    streams = await running
    leave.set()
    if not any(stream.latencies for stream in streams):
        raise RealtimeSerError("no event came in time", "give more --seconds, or fewer --streams")
    return _report(options, speech, streams, await holding, memory, cpu)


def _cpu_seconds(server: int) -> tuple[float, float, float]:
    """Return the processor time of this process, the server and its workers, in seconds."""
    return (time.process_time(), *cpu_seconds(server))


def _report(
    options: argparse.Namespace,
    speech: Speech,
    streams: list[Stream],
    held: int,
    memory: Memory,
    cpu: Cpu,
) -> Report:
    return Report(
        machine=this_machine(),
        streams=options.streams,
        message_ms=options.message_ms,
        seconds=options.seconds,
        duty_cycle=speech.duty_cycle,
        event_latency=spread([latency for stream in streams for latency in stream.latencies]),
        served_latency=spread([latency for stream in streams for latency in stream.served]),
        sent_late_ms=round(1000 * max(stream.late for stream in streams), 1),
        dropped=sum(stream.dropped for stream in streams),
        cut_off=tuple(stream.cut_off for stream in streams if stream.cut_off is not None),
        idle=held,
        idle_kb=round(1000 * (memory.idle - memory.empty) / max(options.idle, 1), 1),
        stream_kb=round(1000 * (memory.last - memory.idle) / options.streams, 1),
        memory=memory,
        cpu=cpu,
    )


def _rows(report: Report) -> Iterator[str]:
    memory, cpu = report.memory, report.cpu
    rows = {
        **report.machine,
        "streams": f"{report.streams} in real time for {report.seconds:g} s",
        "duty cycle": f"{100 * report.duty_cycle:.0f} % speech, {report.message_ms} ms a message",
        "last sample → event": _distribution(report.event_latency),
        "complete → event": _distribution(report.served_latency),
        "generator late by": f"at most {report.sent_late_ms:.1f} ms",
        "events dropped": str(report.dropped),
        "streams cut off": ", ".join([str(len(report.cut_off)), *sorted(set(report.cut_off))]),
        "idle connections": f"{report.idle} held, {report.idle_kb:.0f} kB each",
        "memory a stream": f"{report.stream_kb:.0f} kB",
        "server's memory": (
            f"{memory.empty:.0f} MB empty, {memory.idle:.0f} idle, {memory.first:.0f} soon after"
            f" the start of the streams, {memory.last:.0f} at the end"
        ),
        "CPU, 100 % is a core": (
            f"generator {cpu.generator:.0f} %, server {cpu.server:.0f} %, workers"
            f" {cpu.workers:.0f} %, together {cpu.total:.0f} %"
        ),
    }
    for name, value in rows.items():
        yield f"{name:<22}  {value}"


def _distribution(times: Spread) -> str:
    return (
        f"median {times.median:.1f}, p95 {times.p95:.1f}, p99 {times.p99:.1f},"
        f" largest {times.highest:.1f} ms ({times.count} events)"
    )


if __name__ == "__main__":
    sys.exit(main())
