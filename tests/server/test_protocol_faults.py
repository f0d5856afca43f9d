"""Faults of the protocol: an error event that says what to do, then the close code."""

import json
from typing import Any

import numpy as np
import pytest
from running_server import RunningServer, analyzed, receive_all, stream_events
from speech_clips import speech

from realtime_ser import Recognizer

WRONG_STARTS: list[tuple[Any, str]] = [
    ({"sample_rate": 0}, "rate of 0 Hz"),
    ({"sample_rate": -16000}, "rate"),
    ({"sample_rate": 10**9}, "rate"),
    ({"sample_rate": 10**400}, "sample_rate"),
    ({"sample_rate": "16000"}, "sample_rate"),
    ({"sample_rate": 44100.5}, "whole number"),
    ({"sample_rate": True}, "sample_rate"),
    ({"sample_rate": None}, "sample_rate"),
    ({"sample_rate": float("nan")}, "sample_rate"),
    ({"encoding": "mp3"}, "s16le or f32le"),
    ({"encoding": 16}, "encoding"),
    ({"encoding": ["s16le"]}, "encoding"),
    ({"channels": 0}, "1 to 8"),
    ({"channels": 9}, "1 to 8"),
    ({"channels": "2"}, "channels"),
    ({"profile": 7}, "profile"),
    ({"profile": ["../../etc"]}, "profile"),
    ({"settings": [0.48]}, "settings"),
    ({"settings": {"hop": 0}}, "hop"),
    ({"settings": {"hop": float("inf")}}, "hop"),
    ({"settings": {"window": 10**6}}, "window"),
    ({"settings": {"vad_mode": 9}}, "VAD mode"),
    ({"settings": {"threshold": "high"}}, "threshold"),
    ({"settings": {"channel": 2}}, "channel"),
    ({"settings": {"model": "/etc/passwd"}}, "no setting"),
    ({"rate": 16000}, "no field"),
]


@pytest.mark.parametrize(("start", "word"), WRONG_STARTS, ids=lambda value: str(value)[:40])
def test_a_wrong_start_is_explained(server: RunningServer, start: Any, word: str) -> None:
    with server.connect() as connection:
        connection.send(json.dumps({"type": "start", **start}))
        received = receive_all(connection)
    (error,) = received.events
    assert (error["event"], error["code"]) == ("error", "bad_start")
    assert word in error["message"]
    assert ": " in error["message"], "what was wrong, and what to do"
    assert (received.code, received.reason) == (1003, "bad_start")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "RIFF\x00\x00WAVE",
        "[]",
        "null",
        "7",
        "{}",
        '{"type": "dance"}',
        '{"type": 7}',
        '{"type": "correct"}',
        '{"type": "correct", "label": 7}',
        '{"type": "stop"',
        "[" * 100_000,
        "{" * 1000,
        "AAAA" * 10_000,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_text_that_is_no_message_is_explained(server: RunningServer, text: str) -> None:
    with server.connect() as connection:
        connection.send(text)
        received = receive_all(connection)
    assert received.error == "bad_message"
    assert received.code == 1003


def test_start_after_audio_is_refused(server: RunningServer) -> None:
    with server.connect() as connection:
        connection.send(bytes(3200))
        connection.send('{"type": "start"}')
        assert receive_all(connection).error == "bad_message"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_end_the_stream_after_its_events(
    server: RunningServer, recognizer: Recognizer, value: float
) -> None:
    samples = speech("one_utterance").astype(np.float32) / 32768
    audio = samples.tobytes() + np.full(160, value, np.float32).tobytes()
    start = {"encoding": "f32le"}
    received = stream_events(server, audio, len(samples) * 4, start)
    assert received.error == "bad_audio"
    assert received.code == 1003
    expected = analyzed(recognizer, samples)
    assert received.events[:-1] == expected
    assert "NaN or infinity" in received.events[-1]["message"]


def test_integers_sent_as_floats_are_explained(server: RunningServer) -> None:
    samples = speech("three_utterances").astype(np.float32)
    received = stream_events(server, samples.tobytes(), start={"encoding": "f32le"})
    assert received.error == "bad_audio"
    assert "16-bit integers" in received.events[-1]["message"]


@pytest.mark.parametrize(
    ("start", "extra"), [({}, 1), ({"encoding": "f32le"}, 3), ({"channels": 2}, 2)], ids=str
)
def test_audio_that_ends_within_a_frame_is_told_after_its_events(
    server: RunningServer, recognizer: Recognizer, start: dict[str, Any], extra: int
) -> None:
    samples: Any = speech("one_utterance")
    if start.get("encoding") == "f32le":
        samples = samples.astype(np.float32) / 32768
    if "channels" in start:
        samples = np.stack([samples, samples], 1)
    received = stream_events(server, samples.tobytes() + bytes(extra), start=start)
    assert received.error == "bad_audio"
    assert received.events[:-1] == analyzed(recognizer, samples)


def test_profiles_are_refused_unless_the_server_allows_them(server: RunningServer) -> None:
    with server.connect() as connection:
        connection.send('{"type": "start", "profile": "ada"}')
        received = receive_all(connection)
    assert received.error == "refused"
    assert "--profiles" in received.events[0]["message"]
    assert received.code == 1008


@pytest.mark.parametrize(
    ("label", "spoken", "word"),
    [("bored", True, "no label 'bored'"), ("", True, "no label"), ("happy", False, "nobody has")],
)
def test_a_correction_that_cannot_be_used_ends_the_stream_after_its_events(
    server: RunningServer, recognizer: Recognizer, label: str, spoken: bool, word: str
) -> None:
    samples = speech("one_utterance") if spoken else np.zeros(16_000, np.int16)
    with server.connect() as connection:
        connection.send(samples.tobytes())
        connection.send(json.dumps({"type": "correct", "label": label}))
        received = receive_all(connection)
    assert received.error == "bad_correction"
    assert word in received.events[-1]["message"]
    assert received.code == 1003
    assert received.events[:-1] == analyzed(recognizer, samples)


@pytest.mark.parametrize("path", ["/v1/stream/x", "/v2/stream", "/../etc/passwd", "/page.html"])
def test_there_is_nothing_else(server: RunningServer, path: str) -> None:
    assert server.get(path)[0] == 404
