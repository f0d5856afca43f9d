"""OSC messages, received by python-osc's own server."""

import math
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from network_peers import free_port
from speech_clips import SAMPLES, speech
from waiting import wait_until

from realtime_ser import LABELS, EmotionUpdate, Health, Recognizer
from realtime_ser.capture.file_source import FileSource
from realtime_ser.errors import OutputError, SettingsError
from realtime_ser.events import Event, SpeechEnded, SpeechStarted
from realtime_ser.live.engine import Engine

pytest.importorskip("pythonosc", reason="the osc extra is not installed")

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import ThreadingOSCUDPServer

from realtime_ser.output.network.osc import OscSink

Messages = list[tuple[str, Any]]


@contextmanager
def receiver(port: int = 0, host: str = "127.0.0.1") -> Iterator[tuple[int, Messages]]:
    """Run python-osc's server, and yield its port and what it has received."""
    received: Messages = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *values: received.append((address, *values)))

    class Server(ThreadingOSCUDPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    with Server((host, port), dispatcher) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1], received
        finally:
            server.shutdown()
            thread.join()


def level(number: int) -> EmotionUpdate:
    shares = dict.fromkeys(LABELS, 0.0) | {"happy": number / 100}
    return EmotionUpdate(0.0, 0.96, "happy", number / 100, shares, shares)


def values(received: Messages, address: str) -> list[Any]:
    return [message[1] for message in received if message[0] == f"/realtime-ser/{address}"]


def test_every_event_of_a_run_arrives(recognizer: Recognizer) -> None:
    expected = recognizer.recognize(speech("one_utterance"), 16_000).events
    updates = [event for event in expected if isinstance(event, EmotionUpdate)]
    with receiver() as (port, received):
        sink = OscSink(f"127.0.0.1:{port}")
        sink.start()
        source = FileSource(SAMPLES / "one_utterance.flac")
        list(Engine(source, recognizer.pipeline(), sinks=[sink]).events())
        wait_until(lambda: values(received, "speech") == [1, 0])
        wait_until(lambda: len(values(received, "label")) == len(updates))
    # The server has a thread for every datagram: the order is not that of the sender.
    for label in LABELS:
        sent = [update.probabilities[label] for update in updates]
        assert sorted(values(received, f"emotion/{label}")) == pytest.approx(sorted(sent))
    assert sorted(values(received, "label")) == sorted(update.label for update in updates)
    sent = sorted(update.confidence for update in updates)
    assert sorted(values(received, "confidence")) == pytest.approx(sent)
    levels = values(received, "level")
    seconds = len(speech("one_utterance")) / 16_000
    assert 0.5 * seconds < len(levels) <= 10 * seconds
    assert all(-90 <= value <= 0 for value in levels)
    assert (sink.dropped, sink.problem) == (0, None)
    assert {type(value) for value in values(received, "speech")} == {int}
    assert {type(value) for value in levels} == {float}


def test_the_level_is_that_of_the_audio() -> None:
    with receiver() as (port, received):
        sink = OscSink(f"127.0.0.1:{port}")
        sink.start()
        tone = np.sin(np.arange(1600) * 2 * math.pi * 0.1) * 16384
        sink.on_audio(tone.astype(np.int16))
        wait_until(lambda: received)
        sink.close()
    assert values(received, "level") == pytest.approx([-9.03], abs=0.1), "-6 dBFS peak"


def test_adaptation_is_sent() -> None:
    from realtime_ser.output.network.osc import messages_of

    adapted = replace(level(50), adaptation=0.25)
    assert ("/realtime-ser/adaptation", 0.25) in list(messages_of(adapted))


@pytest.mark.parametrize(
    "event",
    [Health(1.0, 0, 0, 0.0, -30.0), SpeechStarted(0.1), SpeechEnded(0.1, 1.0, "sad", 0.5, {})],
    ids=lambda event: event.name,
)
def test_other_events_send_at_most_the_gate(event: Event) -> None:
    from realtime_ser.output.network.osc import messages_of

    assert {address for address, _ in messages_of(event)} <= {"/realtime-ser/speech"}


def test_the_documents_name_every_address() -> None:
    from realtime_ser.output.network.osc import messages_of

    page = (Path(__file__).parents[2] / "docs" / "sinks.md").read_text(encoding="utf-8")
    sent = {address for address, _ in messages_of(level(50))}
    sent = {re.sub(r"(/emotion/)\w+", r"\1LABEL", address) for address in sent}
    for address in sent | {"/realtime-ser/speech", "/realtime-ser/level"}:
        assert f"| `{address}` |" in page


def test_ipv6() -> None:
    try:
        with receiver(host="::1") as (port, received):
            sink = OscSink(f"[::1]:{port}")
            sink.start()
            sink.on_event(level(50))
            wait_until(lambda: values(received, "label") == ["happy"])
            sink.close()
    except OSError:
        pytest.skip("no IPv6 here")


def test_a_receiver_that_starts_later_gets_the_newest_messages() -> None:
    port = free_port(socket.SOCK_DGRAM)
    sink = OscSink(f"127.0.0.1:{port}")
    sink.start()
    sink.on_event(level(1))
    wait_until(lambda: sink.dropped)
    assert sink.problem == f"no program listens at 127.0.0.1:{port}"
    with receiver(port) as (_, received):
        for number in range(2, 6):
            sink.on_event(level(number))
        wait_until(lambda: sink.problem is None)
        wait_until(lambda: len(values(received, "label")) == 4)
        sink.close()
    assert 0.01 not in [round(value, 2) for value in values(received, "confidence")]


def has_handled(sink: OscSink, messages: int) -> bool:
    return sink.delivered + sink.dropped == messages


def test_a_refusal_known_only_from_the_next_send_does_not_flicker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([False, False] + [True, False, False, False] * 5 + [False] * 100)
    problems = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        sink = OscSink(f"127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setattr(sink, "_pending_error", lambda: next(answers))
        sink.start()
        for number in range(9):
            sink.on_event(level(number))
            wait_until(partial(has_handled, sink, number + 1))
            problems.append(sink.problem is not None)
        sink.close()
    assert problems == [False] + [True] * 8


def test_a_receiver_that_answers_with_garbage_is_ignored() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hostile:
        hostile.bind(("127.0.0.1", 0))
        sink = OscSink(f"127.0.0.1:{hostile.getsockname()[1]}")
        sink.start()
        sink.on_event(level(1))
        _, sender = hostile.recvfrom(1000)
        for _ in range(500):
            hostile.sendto(b"\xff" * 1000, sender)
        sink.on_event(level(2))
        wait_until(lambda: sink.delivered == 2)
        sink.close()
    assert sink.dropped == 0


def test_a_run_in_which_nobody_listened_is_a_failure() -> None:
    sink = OscSink(f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
    sink.start()
    sink.on_event(level(1))
    with pytest.raises(OutputError, match="nothing was delivered, no program listens at"):
        sink.close()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("", "is not HOST:PORT"),
        ("127.0.0.1", "has no port"),
        ("localhost:", "has no port"),
        (":9000", "is not HOST:PORT"),
        ("localhost:0", "give 1 to 65535"),
        ("localhost:65536", "give 1 to 65535"),
        ("localhost:-1", "give 1 to 65535"),
        ("localhost:osc", "give 1 to 65535"),
        ("osc://localhost:9000", "is not HOST:PORT"),
        ("localhost:9000/path", "is not HOST:PORT"),
        ("user@localhost:9000", "is not HOST:PORT"),
        ("::1:9000", "is not HOST:PORT"),
        (f"{'a' * 64}:9000", "is not HOST:PORT"),
        ("a..b:9000", "is not HOST:PORT"),
        ("[::1:9000", "is not HOST:PORT"),
        ("local host:9000", "space or control character"),
        ("localhost:9000\n", "space or control character"),
        ("local\0host:9000", "space or control character"),
    ],
)
def test_a_wrong_address_is_refused(target: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        OscSink(target)


@pytest.mark.parametrize("host", ["nowhere.invalid", "b\u00fccher.invalid"])
def test_a_host_that_does_not_resolve_is_refused(host: str) -> None:
    with pytest.raises(OutputError, match=r"is unknown .*: check its name"):
        OscSink(f"{host}:9000")
