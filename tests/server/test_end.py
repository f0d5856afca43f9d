"""The end: a drained server sends last events, and a lost worker is replaced."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from running_server import RunningServer, analyzed, receive_all, running_server, wait_until
from speech_clips import speech

from realtime_ser import Recognizer


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_sends_the_last_events_and_then_closes(
    recognizer: Recognizer, number: int, code: int
) -> None:
    samples = speech("three_utterances")[: 2 * 16_000]  # ends while somebody speaks
    with running_server("--demo") as server:
        with server.connect() as stream, server.connect("/v1/events") as listener:
            stream.send(samples.tobytes())
            first = json.loads(stream.recv(60))
            server.process.send_signal(number)
            received = receive_all(stream)
            heard = receive_all(listener)
        assert [first, *received.events] == analyzed(recognizer, samples)
        assert received.events[-1]["event"] == "speech_ended"
        assert (received.code, received.reason) == (1001, "drained")
        assert heard.code == 1001
        assert server.process.wait(60) == code
    assert {line["reason"] for line in server.ended_sessions()} == {"drained"}


def test_draining_waits_no_longer_than_it_may() -> None:
    with running_server("--drain-timeout", "0.5") as server:
        with server.connect() as connection:
            connection.send(bytes(640))
            os.kill(worker_of(server), signal.SIGSTOP)
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: any("cut off" in line for line in server.lines))
            assert receive_all(connection).code in (1001, 1006, 1012)
        assert server.process.wait(60) == 0


def test_a_worker_that_dies_is_replaced_and_its_streams_are_told(recognizer: Recognizer) -> None:
    samples = speech("one_utterance")
    with running_server() as server:
        with server.connect() as connection:
            connection.send(bytes(640))
            wait_until(lambda: server.metric("realtime_ser_lag_seconds") == 0)
            os.kill(worker_of(server), signal.SIGKILL)
            received = receive_all(connection)
        assert received.error == "internal"
        assert received.code == 1011
        wait_until(lambda: server.get("/healthz")[0] == 200)
        assert server.recognizes(samples, analyzed(recognizer, samples))
        assert server.metric("realtime_ser_worker_restarts") == 1


def test_workers_end_with_a_server_that_is_killed() -> None:
    with running_server() as server:
        worker = worker_of(server)
        server.process.kill()
        server.process.wait(60)
        wait_until(lambda: not is_running(worker))


def worker_of(server: RunningServer) -> int:
    """The process of its only worker; Linux alone lists the children."""
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    tasks = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    (worker,) = {int(child) for task in tasks for child in task.read_text().split()}
    return worker


def is_running(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
