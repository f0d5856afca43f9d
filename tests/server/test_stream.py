"""``/v1/stream``: the events are those of ``analyze``, however the audio is sent."""

import json
import threading
from typing import Any

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from running_server import RunningServer, analyzed, receive_all, send, stream_events
from speech_clips import speech
from waiting import wait_until

from realtime_ser import Recognizer, Settings, to_dict
from realtime_ser.demo import demo_clip

Int16 = NDArray[np.int16]


@pytest.fixture(scope="module")
def clip(three_utterances: Int16) -> Int16:
    """Two utterances."""
    return three_utterances[: 6 * 16_000]


@pytest.mark.parametrize("size", [1, 333, 4096, 10**6], ids=lambda size: f"{size} bytes")
def test_events_equal_those_of_analyze_in_frames_of_any_size(
    server: RunningServer, recognizer: Recognizer, three_utterances: Int16, size: int
) -> None:
    samples = speech("speech_at_once")[:8_800] if size == 1 else three_utterances
    received = stream_events(server, samples.tobytes(), size)
    assert received.events == analyzed(recognizer, samples)
    assert any(event["event"] == "emotion" for event in received.events)
    assert (received.code, received.reason) == (1000, "stopped")


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
@pytest.mark.parametrize("encoding", ["s16le", "f32le"])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_events_equal_those_of_analyze_at_any_rate_encoding_and_number_of_channels(
    server: RunningServer,
    recognizer: Recognizer,
    clip: Int16,
    rate: int,
    encoding: str,
    channels: int,
) -> None:
    mono = soxr.resample(clip.astype(np.float32) / 32768, 16_000, rate)[: 3 * rate]
    samples: Any = np.stack([mono * np.float32(0.9**channel) for channel in range(channels)], 1)
    if encoding == "s16le":
        samples = np.rint(samples.clip(-1, 1) * 32767).astype(np.int16)
    start = {"sample_rate": rate, "encoding": encoding, "channels": channels}
    received = stream_events(server, samples.tobytes(), 7001, start)
    assert received.events == analyzed(recognizer, samples, rate)
    assert received.events


def test_settings_of_a_stream_are_its_own(server: RunningServer, clip: Int16) -> None:
    settings = {"hop": 0.24, "window": 2.0, "vad_mode": 1, "threshold": 0.5, "adapt": False}
    received = stream_events(server, clip.tobytes(), 9999, {"settings": settings})
    expected = analyzed(Recognizer(settings=Settings(**settings)), clip)  # type: ignore[arg-type]
    assert received.events == expected
    assert stream_events(server, clip.tobytes()).events != expected


def test_a_start_message_may_spell_out_the_defaults(
    server: RunningServer, recognizer: Recognizer, clip: Int16
) -> None:
    start = {
        "sample_rate": 16000.0,
        "encoding": "s16le",
        "channels": 1,
        "profile": None,
        "settings": None,
    }
    received = stream_events(server, clip.tobytes(), start=start)
    assert received.events == analyzed(recognizer, clip)


def test_a_correction_changes_what_follows_as_it_does_from_python(
    server: RunningServer, recognizer: Recognizer
) -> None:
    samples = speech("one_utterance")
    with server.connect() as connection:
        for message in (samples.tobytes(), '{"type": "correct", "label": "disgust"}'):
            connection.send(message)
        received = send(connection, samples.tobytes(), 5000)
    stream = recognizer.stream()
    events = stream.process(samples)
    stream.correct("disgust")
    events += [*stream.process(samples), *stream.flush()]
    assert received.events == [json.loads(json.dumps(to_dict(event))) for event in events]
    assert received.events != analyzed(recognizer, np.concatenate((samples, samples)))


def test_streams_at_the_same_time_do_not_mix(
    server: RunningServer, recognizer: Recognizer, three_utterances: Int16
) -> None:
    clips = [three_utterances[16_000 * second :] for second in range(4)]
    results: dict[int, Any] = {}

    def run(number: int) -> None:
        results[number] = stream_events(server, clips[number].tobytes(), 640)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, clip in enumerate(clips):
        assert results[number].events == analyzed(recognizer, clip)


def test_events_come_while_the_audio_is_sent(server: RunningServer, clip: Int16) -> None:
    with server.connect() as connection:
        connection.send(clip.tobytes())
        assert json.loads(connection.recv(120))["event"] == "speech_started"


@pytest.mark.parametrize("messages", [[], [b""], ['{"type": "start"}']], ids=str)
def test_a_stream_without_audio_ends_in_order(server: RunningServer, messages: list[Any]) -> None:
    with server.connect() as connection:
        for message in messages:
            connection.send(message)
        connection.send('{"type": "stop"}')
        received = receive_all(connection)
    assert received.events == []
    assert received.code == 1000


def test_the_demo_clip_gives_what_the_command_prints(
    server: RunningServer, recognizer: Recognizer
) -> None:
    import soundfile

    samples, rate = soundfile.read(demo_clip(), dtype="int16")
    start = {"sample_rate": rate}
    assert stream_events(server, samples.tobytes(), start=start).events == analyzed(
        recognizer, samples, rate
    )


def test_each_session_gets_one_log_line_without_addresses(
    server: RunningServer, clip: Int16
) -> None:
    before = len(server.ended_sessions())
    received = stream_events(server, clip.tobytes(), start={"sample_rate": 16_000})
    wait_until(lambda: len(server.ended_sessions()) > before)  # logged after the close
    (line,) = server.ended_sessions()[before:]
    assert line["kind"] == "stream"
    assert line["events"] == len(received.events)
    assert line["audio_seconds"] == pytest.approx(len(clip) / 16_000)
    assert (line["reason"], line["close_code"], line["dropped"]) == ("stopped", 1000, 0)
    assert "127.0.0.1" not in json.dumps(line)
