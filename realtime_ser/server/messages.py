"""What clients may say in text frames: ``start``, ``correct`` and ``stop``."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from realtime_ser.arguments import as_integer, shown
from realtime_ser.capture.resampler import check_rate
from realtime_ser.errors import AudioInputError, RealtimeSerError
from realtime_ser.server.faults import Fault
from realtime_ser.settings import SAMPLE_RATE, Settings

ENCODINGS = {"s16le": "<i2", "f32le": "<f4"}
"""The encodings of samples, with NumPy's names for them."""

MOST_CHANNELS = 8

SETTINGS = tuple(field.name for field in fields(Settings))


@dataclass(frozen=True, slots=True)
class Start:
    """The first message of a stream: what its audio is, and how to recognize it.

    Attributes:
        sample_rate: in hertz.
        encoding: a key of ``ENCODINGS``.
        channels: 1 to 8, interleaved.
        profile: name of the profile to use, ``None`` for none.
        settings: changes to the server's settings.
    """

    sample_rate: int = SAMPLE_RATE
    encoding: str = "s16le"
    channels: int = 1
    profile: str | None = None
    settings: Mapping[str, Any] | None = None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * int(ENCODINGS[self.encoding][-1])

    @property
    def bytes_per_second(self) -> int:
        """Bytes of one second of audio."""
        return self.sample_rate * self.frame_bytes

    def settings_from(self, defaults: Settings) -> Settings:
        """Return the settings of this stream.

        Raises:
            SettingsError: a value is out of range.
        """
        return replace(defaults, **(self.settings or {}))


@dataclass(frozen=True, slots=True)
class Correct:
    """The last utterance was ``label``."""

    label: str


@dataclass(frozen=True, slots=True)
class Stop:
    """No more audio comes: send the last events and close."""


Message = Start | Correct | Stop


def parse_message(text: str) -> Message:
    """Return the message in a text frame.

    Raises:
        Fault: it is no JSON object, has no known type, or a field is wrong.
    """
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise Fault(
            "bad_message", "a text frame is not JSON: send audio in binary frames"
        ) from None
    match message:
        case {"type": "start", **values}:
            return _start({str(name): value for name, value in values.items()})
        case {"type": "correct", "label": str(label)}:
            return Correct(label)
        case {"type": "correct"}:
            raise Fault("bad_message", "a correction has no label: give one of the eight")
        case {"type": "stop"}:
            return Stop()
        case {"type": kind}:
            raise Fault(
                "bad_message", f"unknown message type {shown(kind)}: send start, correct or stop"
            )
    raise Fault("bad_message", 'a message has no type: send an object such as {"type": "stop"}')


def _start(values: Mapping[str, Any]) -> Start:
    known = {field.name for field in fields(Start)}
    for name in values:
        if name not in known:
            raise _bad_start(f"there is no field {shown(name)}: use {', '.join(sorted(known))}")
    try:
        return _checked(Start(**values))
    except RealtimeSerError as error:
        raise _bad_start(str(error)) from None


def _checked(start: Start) -> Start:
    """Check every field.

    Raises:
        Fault: a field has a wrong type, or is unknown.
        RealtimeSerError: a number is out of range.
    """
    rate = as_integer(start.sample_rate, "sample_rate", AudioInputError)
    check_rate(rate)
    channels = as_integer(start.channels, "channels", AudioInputError)
    if not 1 <= channels <= MOST_CHANNELS:
        raise _bad_start(f"channels is {channels}: give 1 to {MOST_CHANNELS}")
    if not isinstance(start.encoding, str) or start.encoding not in ENCODINGS:
        raise _bad_start(f"encoding is {shown(start.encoding)}: give {' or '.join(ENCODINGS)}")
    if not isinstance(start.profile, str | None):
        raise _bad_start(f"profile is {shown(start.profile)}: give a name or null")
    if not isinstance(start.settings, dict | None):
        raise _bad_start(f"settings is {shown(start.settings)}: give an object")
    for name in start.settings or {}:
        if name not in SETTINGS:
            raise _bad_start(f"there is no setting {shown(name)}: use {', '.join(SETTINGS)}")
    channel = start.settings_from(Settings()).channel
    if isinstance(channel, int) and channel > channels:
        raise _bad_start(f"there is no channel {channel}: the audio has {channels}")
    return replace(start, sample_rate=rate, channels=channels)


def _bad_start(message: str) -> Fault:
    return Fault("bad_start", message)
