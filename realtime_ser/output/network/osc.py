"""Events as Open Sound Control messages over UDP, for stages, synthesizers and game engines.

Messages follow OSC 1.0 (https://opensoundcontrol.stanford.edu/spec-1_0.html), one in each datagram.
Needs python-osc, the ``osc`` extra.
"""

import contextlib
import socket
from collections.abc import Iterator

from realtime_ser.events import EmotionUpdate, Event, SpeechEnded, SpeechStarted
from realtime_ser.live.network_sink import MessageRefusedError, NetworkSink, ReceiverDownError
from realtime_ser.live.state import LevelMeter
from realtime_ser.output.network.addresses import (
    Address,
    check_installed,
    check_resolves,
    parse_address,
    reason,
)
from realtime_ser.samples import Int16
from realtime_ser.settings import SAMPLE_RATE

PREFIX = "/realtime-ser"

SAMPLES_BETWEEN_LEVELS = SAMPLE_RATE // 10

STEADY_SENDS = 3
"""Sends in a row without an error after which the receiver is believed to be there: the refusal of
one message may be reported only by the next send."""

QUEUE_MESSAGES = 32
"""Few, because a stage needs the newest values, not old ones."""

OscMessage = tuple[str, float | int | str]


class OscSink(NetworkSink[tuple[OscMessage, ...]]):
    """Sends every event, and the input level ten times a second.

    UDP does not tell whether a message arrives. Only a machine that refuses it, because no program
    listens at the port, is noticed; messages are never sent again, since newer ones follow.

    Args:
        target: ``HOST:PORT``.
        name: what messages call it.

    Raises:
        SettingsError: ``target`` is no address.
        OutputError: python-osc is missing, or the host is unknown.
    """

    def __init__(self, target: str, name: str = "OSC output") -> None:
        self._address = parse_address(target, "--osc")
        check_installed("python-osc", "pythonosc", "--osc", "osc")
        check_resolves(self._address, "--osc")
        super().__init__(name, str(self._address), QUEUE_MESSAGES)
        self._socket: socket.socket | None = None
        self._steady_sends = STEADY_SENDS
        self._meter = LevelMeter()
        self._metered = 0

    def on_event(self, event: Event) -> None:
        """Queue an event's messages, if it has any."""
        if messages := tuple(messages_of(event)):
            self.put(messages)

    def on_audio(self, samples: Int16) -> None:
        """Queue the level of the last 0.1 s or more."""
        self._meter.add(samples)
        self._metered += len(samples)
        if self._metered >= SAMPLES_BETWEEN_LEVELS:
            self._metered = 0
            self.put(((f"{PREFIX}/level", self._meter.read()),), topic="level")

    def connect(self) -> None:
        """Choose the receiver; nothing is sent yet.

        Raises:
            ReceiverDownError: the host is unknown, or no network leads there.
        """
        try:
            self._socket = _connected_socket(self._address)
        except OSError as error:
            raise ReceiverDownError(f"cannot reach {self.receiver} ({reason(error)})") from error

    def send(self, message: tuple[OscMessage, ...]) -> None:
        """Send an event's messages.

        Raises:
            MessageRefusedError: no program listens at the port; maybe known from the last message.
            ReceiverDownError: no network leads to the receiver.
        """
        assert self._socket is not None
        refused = self._pending_error()
        try:
            for address, value in message:
                self._socket.send(encoded(address, value))
        except (ConnectionRefusedError, ConnectionResetError):  # the latter on Windows
            refused = True
        except OSError as error:
            raise ReceiverDownError(f"cannot reach {self.receiver} ({reason(error)})") from error
        if refused or self._pending_error():
            self._steady_sends = 0
            raise MessageRefusedError(f"no program listens at {self.receiver}")
        self._steady_sends += 1

    def recovered(self) -> None:
        """Note that the receiver works, once several sends in a row were not refused."""
        if self._steady_sends >= STEADY_SENDS:
            super().recovered()

    def _pending_error(self) -> bool:
        """Return whether the machine has refused a message, and forget that."""
        assert self._socket is not None
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def disconnect(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None


def messages_of(event: Event) -> Iterator[OscMessage]:
    """Yield an event's OSC addresses and values."""
    if isinstance(event, SpeechStarted):
        yield f"{PREFIX}/speech", 1
    elif isinstance(event, SpeechEnded):
        yield f"{PREFIX}/speech", 0
    elif isinstance(event, EmotionUpdate):
        for label, probability in event.probabilities.items():
            yield f"{PREFIX}/emotion/{label}", float(probability)
        yield f"{PREFIX}/adaptation", float(event.adaptation)
        yield f"{PREFIX}/confidence", float(event.confidence)
        yield f"{PREFIX}/label", event.label


def encoded(address: str, value: float | int | str) -> bytes:
    """Return a message with one argument: a float (``f``), an int (``i``) or a string (``s``)."""
    from pythonosc.osc_message_builder import OscMessageBuilder

    builder = OscMessageBuilder(address=address)
    builder.add_arg(value)
    return builder.build().dgram


def _connected_socket(address: Address) -> socket.socket:
    """Return a UDP socket that sends to the address, which may be a broadcast address."""
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, target in socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_DGRAM
    ):
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            opened.connect(target)
        except OSError as error:
            opened.close()
            failure = error
        else:
            return opened
    raise failure
