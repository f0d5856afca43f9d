"""Runs of the command in processes forked from one that has imported it.

A new interpreter would spend 0.4 s of CPU on the imports of every run. A test about how a process
starts (variables that Python itself reads, modules that are missing) starts a new one.
"""

import atexit
import gc
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

IMPORTED = (
    *(f"realtime_ser.commands.{name}" for name in ("analyze", "archive", "enroll", "profile")),
    *(f"realtime_ser.commands.{name}" for name in ("doctor", "live", "network_sinks", "serve")),
    *("ai_edge_litert.interpreter", "soundfile", "soxr", "webrtcvad"),
    *("paho.mqtt.client", "pythonosc.udp_client", "starlette.applications", "uvicorn"),
)
_NUMBER = struct.Struct("i")


class CommandForker:
    """A process that has imported the command, and forks itself to run a command line.

    Every run is a process with its own standard streams, environment and working directory.
    """

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked_command", str(theirs.fileno())],
                cwd=Path(__file__).parents[1],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE,  # pipes, as in a run
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )

    def run(
        self,
        arguments: Sequence[str],
        *,
        stdin: bytes | None,
        environment: Mapping[str, str],
        seconds: float,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the command to its end, in the working directory of the caller.

        Args:
            arguments: without the program's name.
            stdin: what comes through a pipe; ``None`` connects the null device.
            environment: its variables.
            seconds: the longest time it may take.

        Raises:
            subprocess.TimeoutExpired: it took longer, and was killed.
        """
        stdout, stdout_end = os.pipe()
        stderr, stderr_end = os.pipe()
        stdin_end, writer = (os.open(os.devnull, os.O_RDONLY), None) if stdin is None else os.pipe()
        request = {
            "arguments": arguments,
            "environment": {**environment},
            "folder": str(Path.cwd()),
        }
        self._send(request, (stdin_end, stdout_end, stderr_end))
        with ThreadPoolExecutor(3) as pool:
            if writer is not None:
                pool.submit(_write, writer, stdin)
            outputs = [pool.submit(_read, pipe) for pipe in (stdout, stderr)]
            code = self._wait(seconds)
            return subprocess.CompletedProcess(
                arguments, code, *(output.result() for output in outputs)
            )

    def _send(self, request: Mapping[str, Any], streams: Sequence[int]) -> None:
        """Ask for a run, and close its ends of the pipes here."""
        socket.send_fds(self._socket, [b"\0"], streams)
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        for stream in streams:
            os.close(stream)

    def _wait(self, seconds: float) -> int:
        """Return the exit code of the run that has been asked for."""
        self._socket.settimeout(seconds)
        process = self._receive()
        try:
            return self._receive()
        except TimeoutError:
            os.kill(process, signal.SIGKILL)
            self._receive()
            raise subprocess.TimeoutExpired("realtime-ser", seconds) from None

    def _receive(self) -> int:
        reply = self._socket.recv(_NUMBER.size, socket.MSG_WAITALL)
        assert reply, self._process.communicate()
        return int(_NUMBER.unpack(reply)[0])

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.communicate()


@cache
def forker() -> CommandForker:
    """Return the process that all tests of this worker use; the first call starts it."""
    started = CommandForker()
    atexit.register(started.close)
    return started


def _write(descriptor: int, content: bytes | None) -> None:
    with suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as pipe:
        pipe.write(content or b"")


def _read(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.read()


def _fork_for_requests(connection: socket.socket) -> list[str] | None:
    """Return the arguments in every child, and ``None`` in the parent when no more come."""
    requests = connection.makefile("rb")
    while True:
        byte, streams, *_ = socket.recv_fds(connection, 1, 3)
        if not byte:
            return None
        request = json.loads(requests.readline())
        process = os.fork()
        if not process:
            connection.close()
            requests.close()
            return _prepared(request, streams)
        for stream in streams:
            os.close(stream)
        connection.sendall(_NUMBER.pack(process))
        _, status = os.waitpid(process, 0)
        connection.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _prepared(request: dict[str, Any], streams: Sequence[int]) -> list[str]:
    """Take over the environment, folder and streams of a run, and return its arguments."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return list(request["arguments"])


def _leave() -> None:
    """End without freeing what was imported, for which a child would copy all pages."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    exit_code = 1
    atexit.register(_leave)  # the first is called last

    from realtime_ser.commands import main

    for module in IMPORTED:
        with suppress(ImportError):
            import_module(module)
    gc.freeze()  # no copies in every child of the pages that a collection writes to
    arguments = _fork_for_requests(socket.socket(fileno=int(sys.argv[1])))
    try:
        exit_code = 0 if arguments is None else main(arguments)
    except SystemExit as left:
        exit_code = int(left.code or 0)
