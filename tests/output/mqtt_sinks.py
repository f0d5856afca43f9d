"""An MQTT sink that has been started, and events to give it."""

import pytest

from realtime_ser import LABELS, EmotionUpdate, SpeechEnded

pytest.importorskip("paho", reason="the mqtt extra is not installed")

from realtime_ser.output.network.mqtt import MqttSink


def started(port: int, path: str = "", name: str = "MQTT output") -> MqttSink:
    sink = MqttSink(f"mqtt://127.0.0.1:{port}{path}", name)
    sink.start()
    return sink


def update(number: int) -> EmotionUpdate:
    shares = dict.fromkeys(LABELS, 0.0) | {"happy": 1.0}
    return EmotionUpdate(float(number), number + 0.96, "happy", 1.0, shares, shares)


def utterance(number: int) -> SpeechEnded:
    return SpeechEnded(0.0, float(number), "sad", 0.5, {"sad": 0.5})
