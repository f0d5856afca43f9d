"""MQTT, published to the broker mosquitto."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mqtt_sinks import started, update, utterance
from network_peers import (
    Mosquitto,
    mosquitto,
    needs_mosquitto,
    needs_openssl,
    self_signed,
)
from speech_clips import SAMPLES
from waiting import wait_until

from realtime_ser import LABELS, Recognizer, SpeechEnded, SpeechStarted, to_dict
from realtime_ser.capture.file_source import FileSource
from realtime_ser.errors import OutputError
from realtime_ser.live import network_sink
from realtime_ser.live.engine import Engine

pytest.importorskip("paho", reason="the mqtt extra is not installed")

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from realtime_ser.output.network import mqtt
from realtime_ser.output.network.mqtt import MqttSink


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_sink, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(MqttSink, "idle_seconds", 0.05)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        yield running


class Subscriber:
    """Another client of the broker: all that it publishes, newest payload by topic.

    Attributes:
        messages: topic, payload and whether the broker had retained it, in order.
    """

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, bool]] = []
        self.subscribed = threading.Event()

    def newest(self, topic: str) -> str | None:
        payloads = [payload for name, payload, _ in self.messages if name == topic]
        return payloads[-1] if payloads else None

    def json(self, topic: str) -> Any:
        return json.loads(self.newest(topic) or "null")

    def retained(self) -> dict[str, str]:
        return {topic: payload for topic, payload, retained in self.messages if retained}


@contextmanager
def subscriber(port: int) -> Iterator[Subscriber]:
    seen = Subscriber()

    def note(client: Client, _: Any, message: MQTTMessage) -> None:
        seen.messages.append((message.topic, message.payload.decode(), message.retain))

    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = note
    client.on_subscribe = lambda *_: seen.subscribed.set()
    client.connect("127.0.0.1", port)
    client.subscribe("#", qos=1)
    client.loop_start()
    try:
        assert seen.subscribed.wait(30)
        yield seen
    finally:
        client.disconnect()
        client.loop_stop()


def retained(port: int) -> dict[str, str]:
    """Return what the broker has retained, by topic."""
    with subscriber(port) as seen:
        wait_until(lambda: "realtime-ser/availability" in seen.retained())
        time.sleep(0.2)
        return seen.retained()


@needs_mosquitto
def test_a_run_publishes_its_state_utterances_and_health(
    broker: Mosquitto, recognizer: Recognizer
) -> None:
    with subscriber(broker.port) as seen:
        sink = started(broker.port)
        source = FileSource(SAMPLES / "three_utterances.flac")
        events = list(Engine(source, recognizer.pipeline(), sinks=[sink]).events())
        wait_until(lambda: seen.newest("realtime-ser/availability") == "offline")
    ended = [event for event in events if isinstance(event, SpeechEnded)]
    published = [json.loads(text) for name, text, _ in seen.messages if name.endswith("utterance")]
    assert published == json.loads(json.dumps([to_dict(event) for event in ended]))
    state = seen.json("realtime-ser/state")
    assert state.items() >= {"speech": False, "time": ended[-1].end}.items()
    assert state["probabilities"] == dict(ended[-1].probabilities)
    states = [json.loads(text) for name, text, _ in seen.messages if name.endswith("/state")]
    assert True in [state["speech"] for state in states]
    assert seen.json("realtime-ser/health") == json.loads(json.dumps(to_dict(events[-1])))
    assert (sink.dropped, sink.problem) == (0, None)


@needs_mosquitto
def test_who_subscribes_later_gets_the_state_and_no_old_utterance(broker: Mosquitto) -> None:
    sink = started(broker.port)
    for event in (SpeechStarted(0.5), update(1), utterance(2)):
        sink.on_event(event)
    wait_until(lambda: sink.delivered >= 2 and not sink._waiting and not sink._sending)
    topics = retained(broker.port)
    assert topics["realtime-ser/availability"] == "online"
    assert json.loads(topics["realtime-ser/state"])["label"] == "sad"
    assert "realtime-ser/utterance" not in topics
    sink.close()
    assert retained(broker.port)["realtime-ser/availability"] == "offline"


@needs_mosquitto
def test_home_assistant_discovers_the_sensors(broker: Mosquitto) -> None:
    sink = started(broker.port)
    wait_until(lambda: sink.delivered)
    topics = retained(broker.port)
    sink.close()
    configs = {
        tuple(topic.split("/")[1:4]): json.loads(payload)
        for topic, payload in topics.items()
        if topic.startswith("homeassistant/")
    }
    assert set(configs) == {
        ("sensor", "realtime-ser", "emotion"),
        ("sensor", "realtime-ser", "confidence"),
        ("binary_sensor", "realtime-ser", "speech"),
        ("sensor", "realtime-ser", "level"),
    }
    assert len({config["unique_id"] for config in configs.values()}) == len(configs)
    assert len({json.dumps(config["device"]) for config in configs.values()}) == 1
    for config in configs.values():
        assert config["availability_topic"] == "realtime-ser/availability"
        assert config["state_topic"] in ("realtime-ser/state", "realtime-ser/health")
    assert configs["sensor", "realtime-ser", "emotion"]["options"] == [*LABELS, "uncertain"]


@needs_mosquitto
def test_topic_and_discovery_prefix_are_those_of_the_url(broker: Mosquitto) -> None:
    with subscriber(broker.port) as seen:
        first = started(broker.port, "/home/living%20room/?discovery=ha")
        second = started(broker.port, "/silent?discovery=")
        for sink in (first, second):
            sink.close()
    names = {name for name, *_ in seen.messages}
    assert {name for name in names if not name.startswith("ha/")} == {
        f"{topic}/{kind}"
        for topic in ("home/living room", "silent")
        for kind in ("availability", "state")
    }
    assert "ha/sensor/home-living-room/emotion/config" in names


@needs_mosquitto
def test_the_last_will_says_offline_when_the_program_is_killed(broker: Mosquitto) -> None:
    with subscriber(broker.port) as seen:
        url = f"mqtt://127.0.0.1:{broker.port}"
        command = [sys.executable, "-m", "realtime_ser", "--demo", "--json", "--mqtt", url]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as live:
            wait_until(lambda: seen.newest("realtime-ser/availability") == "online")
            live.send_signal(signal.SIGKILL)
        wait_until(lambda: seen.newest("realtime-ser/availability") == "offline")


@needs_mosquitto
def test_a_broker_that_is_restarted_gets_the_state_again(broker: Mosquitto) -> None:
    sink = started(broker.port)
    sink.on_event(update(1))
    wait_until(lambda: sink.delivered and not sink._waiting)
    broker.kill()
    wait_until(lambda: sink.problem)
    for number in range(2, 6):
        sink.on_event(utterance(number))
    broker.start()
    with subscriber(broker.port) as seen:
        wait_until(lambda: sink.problem is None)
        wait_until(lambda: seen.json("realtime-ser/state"))
        wait_until(lambda: seen.json("realtime-ser/state").get("time") == 5.0)
        assert "homeassistant/sensor/realtime-ser/emotion/config" in retained(broker.port)
    sink.close()
    delivered = [json.loads(text)["end"] for name, text, _ in seen.messages if "utter" in name]
    assert set(delivered) <= {2.0, 3.0, 4.0, 5.0}, "the first may come before the subscriber"


@needs_mosquitto
def test_a_broker_that_is_down_at_first_gets_the_newest_state_later(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    sink = started(broker.port)
    wait_until(lambda: sink.problem)
    assert "connection refused" in str(sink.problem)
    for number in range(5):
        sink.on_event(update(number))
    try:
        broker.start()
        wait_until(lambda: sink.delivered == 1)
        assert json.loads(retained(broker.port)["realtime-ser/state"])["time"] == 4.96
        assert sink.dropped == 5, "states that nobody will see"
        sink.close()
    finally:
        broker.kill()


@needs_mosquitto
def test_user_and_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    command = ["mosquitto_passwd", "-b", str(passwords), "ada", "p@ss/word"]
    subprocess.run(command, check=True, capture_output=True)
    with mosquitto(tmp_path, f"password_file {passwords}") as broker:
        wrong = MqttSink(f"mqtt://ada:hunter2@127.0.0.1:{broker.port}", "wrong")
        wrong.start()
        wait_until(lambda: wrong.problem)
        assert "refuses the connection (" in str(wrong.problem)
        assert "hunter2" not in str(wrong.problem)
        with pytest.raises(OutputError):
            wrong.close()
        right = MqttSink(f"mqtt://ada:p%40ss%2Fword@127.0.0.1:{broker.port}")
        monkeypatch.setenv(mqtt.PASSWORD_VARIABLE, "p@ss/word")
        from_variable = MqttSink(f"mqtt://ada@127.0.0.1:{broker.port}/other")
        for sink in (right, from_variable):
            sink.start()
            sink.close()
            assert sink.delivered == 1


@needs_mosquitto
@needs_openssl
# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_needs_a_trusted_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = self_signed(tmp_path)
    settings = f"certfile {certificate}\nkeyfile {key}\nallow_anonymous true"
    with mosquitto(tmp_path, settings) as broker:
        sink = MqttSink(f"mqtts://127.0.0.1:{broker.port}")
        sink.start()
        wait_until(lambda: sink.problem)
        assert "certificate verify failed" in str(sink.problem)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        wait_until(lambda: sink.delivered)
        sink.close()
        plain = started(broker.port)
        wait_until(lambda: plain.problem)
        with pytest.raises(OutputError, match="nothing was delivered"):
            plain.close()
