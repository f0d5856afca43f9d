"""Events for an MQTT broker, with retained state, a last will and Home Assistant discovery.

Speaks MQTT 3.1.1. Needs paho-mqtt, the ``mqtt`` extra.
"""

import contextlib
import json
import os
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from realtime_ser.arguments import shown
from realtime_ser.errors import SettingsError
from realtime_ser.events import (
    EmotionUpdate,
    Event,
    Health,
    SpeechEnded,
    SpeechStarted,
    to_dict,
)
from realtime_ser.live.network_sink import NetworkSink, ReceiverDownError
from realtime_ser.output.network.addresses import (
    Address,
    check_installed,
    check_resolves,
    credentials,
    parse_url,
    reason,
)
from realtime_ser.output.network.home_assistant import DEFAULT_PREFIX, discovery_messages

if TYPE_CHECKING:
    from paho.mqtt.client import Client

DEFAULT_TOPIC = "realtime-ser"

PASSWORD_VARIABLE = "REALTIME_SER_MQTT_PASSWORD"

KEEPALIVE_SECONDS = 20
ANSWER_SECONDS = 5.0
"""Time limit of connecting, and of each acknowledgement."""

DISCONNECT_SECONDS = 1.0

LONGEST_TOPIC = 200
"""Bytes of the topic below which everything is published; MQTT allows 65,535 in all."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker, and where to publish.

    Attributes:
        address: host and port.
        tls: whether the connection is encrypted.
        user: name to log in with, ``None`` for none.
        password: that belongs to it.
        topic: below which everything is published.
        discovery: prefix of Home Assistant's discovery, empty for none.
    """

    address: Address
    tls: bool
    user: str | None
    password: str | None
    topic: str
    discovery: str


@dataclass(frozen=True, slots=True)
class Publication:
    """A message for the broker."""

    topic: str
    payload: str
    retain: bool


def parse_broker(url: str) -> Broker:
    """Return the broker of ``mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC][?discovery=PREFIX]``.

    A password that the URL lacks is taken from ``REALTIME_SER_MQTT_PASSWORD``.

    Raises:
        SettingsError: it is no such URL.
    """
    if "#" in url:
        raise SettingsError("--mqtt contains #", "write %23 in a password, leave it out of topics")
    parts, address = parse_url(url, "--mqtt", {"mqtt": 1883, "mqtts": 8883})
    user, password = credentials(parts)
    if user is not None and password is None:
        password = os.environ.get(PASSWORD_VARIABLE)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    discovery = options.pop("discovery", DEFAULT_PREFIX)
    if options:
        unknown = ", ".join(map(shown, options))
        raise SettingsError(f"--mqtt does not know {unknown}", "give discovery=PREFIX or nothing")
    topic = unquote(parts.path).strip("/") or DEFAULT_TOPIC
    return Broker(
        address, parts.scheme == "mqtts", user, password, _topic(topic), _topic(discovery)
    )


class MqttSink(NetworkSink[Publication]):
    """Publishes the state, every utterance and the health below one topic.

    ``availability``, ``state`` and ``health`` are retained; of those that wait, only the newest is
    sent. The broker acknowledges every message (QoS 1).

    Args:
        url: see ``parse_broker``.
        name: what messages call it.

    Raises:
        SettingsError: the URL is wrong.
        OutputError: paho-mqtt is missing, or the host is unknown.
    """

    idle_seconds = 0.5

    def __init__(self, url: str, name: str = "MQTT output") -> None:
        self._broker = parse_broker(url)
        check_installed("paho-mqtt", "paho", "--mqtt", "mqtt")
        check_resolves(self._broker.address, "--mqtt")
        super().__init__(name, f"the broker at {self._broker.address}")
        self._client: Client | None = None
        self._answer: str | None = None
        self._state: dict[str, Any] = {"speech": False, "label": None, "confidence": None}
        self._published: dict[str, Publication] = {}
        self._put_state()

    def on_event(self, event: Event) -> None:
        """Queue what the event changes."""
        topic = self._broker.topic
        if isinstance(event, Health):
            health = Publication(f"{topic}/health", _json(to_dict(event)), retain=True)
            self.put(health, health.topic)
        if isinstance(event, SpeechEnded):
            self.put(Publication(f"{topic}/utterance", _json(to_dict(event)), retain=False))
        if isinstance(event, SpeechStarted | EmotionUpdate | SpeechEnded):
            self._update_state(event)
            self._put_state()

    def connect(self) -> None:
        """Connect, and publish what the broker should retain.

        Raises:
            ReceiverDownError: the broker cannot be reached, or refuses the connection.
        """
        self._answer = None
        self._client = client = self._new_client()
        address = self._broker.address
        try:
            client.connect(address.host, address.port, KEEPALIVE_SECONDS)
        except (OSError, ValueError) as error:
            raise self._unreachable(reason(error)) from error
        self._loop_until(lambda: self._answer is not None)
        if self._answer:
            raise ReceiverDownError(f"{self.receiver} refuses the connection ({self._answer})")
        for publication in self._to_retain():
            self._publish(publication)
        self.recovered()

    def send(self, message: Publication) -> None:
        """Publish a message and wait until the broker has it.

        Raises:
            ReceiverDownError: the broker did not acknowledge it.
        """
        self._publish(message)
        if message.retain:
            self._published[message.topic] = message

    def idle(self) -> None:
        """Keep the connection alive, and notice its end.

        Raises:
            ReceiverDownError: the connection was lost.
        """
        self._loop(0.0)

    def disconnect(self) -> None:
        """Say that the sink is offline, and close the connection."""
        client, self._client = self._client, None
        if client is None:
            return
        with contextlib.suppress(Exception):
            if client.is_connected():
                offline = self._availability("offline")
                sent = client.publish(offline.topic, offline.payload, qos=1, retain=True)
                deadline = time.monotonic() + DISCONNECT_SECONDS
                while not sent.is_published() and time.monotonic() < deadline:
                    if client.loop(0.05):
                        break
                client.disconnect()
        with contextlib.suppress(Exception):
            if (sock := client.socket()) is not None:
                sock.close()

    def _put_state(self) -> None:
        state = Publication(f"{self._broker.topic}/state", _json(self._state), retain=True)
        self.put(state, state.topic)

    def _update_state(self, event: SpeechStarted | EmotionUpdate | SpeechEnded) -> None:
        values = to_dict(event)
        for name in ("label", "confidence", "probabilities", "adaptation"):
            if name in values:
                self._state[name] = values[name]
        self._state["speech"] = not isinstance(event, SpeechEnded)
        self._state["time"] = values["time"] if isinstance(event, SpeechStarted) else event.end

    def _to_retain(self) -> Iterator[Publication]:
        """Yield what a broker that has just been started does not know."""
        yield self._availability("online")
        if self._broker.discovery:
            for topic, payload in discovery_messages(self._broker.topic, self._broker.discovery):
                yield Publication(topic, payload, retain=True)
        yield from self._published.values()

    def _availability(self, payload: str) -> Publication:
        return Publication(f"{self._broker.topic}/availability", payload, retain=True)

    def _new_client(self) -> "Client":
        from paho.mqtt.client import Client, MQTTv311
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(
            CallbackAPIVersion.VERSION2,
            f"realtime-ser-{uuid.uuid4().hex[:10]}",
            protocol=MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = ANSWER_SECONDS
        client.username_pw_set(self._broker.user, self._broker.password)
        if self._broker.tls:
            client.tls_set_context(ssl.create_default_context())
        offline = self._availability("offline")
        client.will_set(offline.topic, offline.payload, qos=1, retain=True)
        client.on_connect = self._note_answer
        return client

    def _note_answer(
        self, client: "Client", _: Any, flags: Any, code: Any, properties: Any
    ) -> None:
        self._answer = str(code).lower() if code.is_failure else ""

    def _publish(self, message: Publication) -> None:
        assert self._client is not None
        sent = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
        if sent.rc:  # ``is_published`` would raise
            raise self._unreachable("the connection is closed")
        self._loop_until(sent.is_published)

    def _loop_until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while not done():
            if time.monotonic() >= deadline:
                raise self._unreachable("no answer")
            self._loop(0.05)

    def _loop(self, seconds: float) -> None:
        """Read and write what is due, waiting for at most ``seconds``."""
        from paho.mqtt.client import error_string

        assert self._client is not None
        try:
            code = self._client.loop(seconds)
        except Exception as error:  # paho raises errors of many kinds at malformed packets
            raise self._unreachable(f"the answer is not MQTT, {reason(error)}") from error
        if code and self._answer is None:
            raise self._unreachable("the connection was closed before an answer")
        if code and not self._answer:
            raise ReceiverDownError(
                f"lost {self.receiver} ({error_string(code).rstrip('.').lower()})"
            )

    def _unreachable(self, why: str) -> ReceiverDownError:
        return ReceiverDownError(f"cannot reach {self.receiver} ({why})")


def _topic(topic: str) -> str:
    """Return a topic to publish to, or the empty one."""
    if any(char in "+#\0" or not char.isprintable() for char in topic):
        raise SettingsError(f"--mqtt has the topic {shown(topic)}", "leave out + and #")
    if len(topic.encode("utf-8", "replace")) > LONGEST_TOPIC or topic.startswith("$"):
        raise SettingsError(
            f"--mqtt has the topic {shown(topic)}",
            f"give at most {LONGEST_TOPIC} bytes, not beginning with $",
        )
    return topic


def _json(values: Any) -> str:
    return json.dumps(values, allow_nan=False)
