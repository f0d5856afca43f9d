"""The input devices PortAudio knows, and how to choose one.

PortAudio is loaded by the first call that needs it, never by importing this module.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, SupportsFloat, SupportsIndex

from realtime_ser.arguments import as_integer, shown
from realtime_ser.capture.portaudio import load_portaudio, portaudio_lock
from realtime_ser.errors import AudioDeviceError

MOST_DIGITS = 10
"""Text of more digits is a name: no index has as many."""

HOW_TO_CHECK = {
    "linux": "plug in a microphone and see that `arecord -L` or `pactl list short sources` lists it"
    " (sound servers also need ALSA's plugins: libasound2-plugins or pipewire-alsa)",
    "darwin": "plug in a microphone and see that System Settings, Sound, Input lists it",
    "win32": "plug in a microphone and see that Settings, System, Sound, Input lists it",
}
"""What to do where there is no input device, by ``sys.platform``."""

AnyDevice = SupportsIndex | SupportsFloat | str | None
"""What callers may give to choose a device."""


@dataclass(frozen=True, slots=True)
class InputDevice:
    """A device that PortAudio can record from.

    Attributes:
        index: its number in PortAudio's list.
        name: its name in PortAudio's list.
        host_api: the sound system it belongs to, such as ALSA, Core Audio or Windows WASAPI.
        channels: largest number of input channels.
        rate: its preferred rate, in hertz.
        default: whether it is the system's default input.
    """

    index: int
    name: str
    host_api: str
    channels: int
    rate: int
    default: bool

    def __str__(self) -> str:
        return f"{self.index} {self.name} ({self.host_api})"


def list_input_devices() -> list[InputDevice]:
    """Return the devices that can record, as PortAudio found them when it started.

    Raises:
        AudioDeviceError: PortAudio is missing or does not start.
    """
    return [device for device in _all_devices() if device.channels]


def find_input_device(choice: AnyDevice) -> InputDevice:
    """Return the chosen input device.

    Args:
        choice: an index, also as digits or a whole float; part of the name (with its host API, as
            in ``yeti, alsa``) in any case; ``None`` for the default. A whole name wins over parts
            of others.

    Raises:
        AudioDeviceError: PortAudio is missing, or the choice matches no device or several.
    """
    return choose_input_device(_all_devices(), choice)


def find_again(device: InputDevice) -> InputDevice:
    """Return the device as PortAudio lists it now: its index may have changed.

    It is found by name and host API; of several matches, the one at its old index is taken, else
    the first.

    Raises:
        AudioDeviceError: PortAudio is missing, or the device is not there any more.
    """
    return choose_same_device(_all_devices(), device)


def choose_same_device(devices: Sequence[InputDevice], device: InputDevice) -> InputDevice:
    """As ``find_again``, among these devices, which may include devices without input."""
    same = [
        candidate
        for candidate in devices
        if candidate.channels
        and (candidate.name, candidate.host_api) == (device.name, device.host_api)
    ]
    if not same:
        raise AudioDeviceError(
            f"{device.name!r} is not there any more", "plug it in, or choose another device"
        )
    return next((candidate for candidate in same if candidate.index == device.index), same[0])


def choose_input_device(devices: Sequence[InputDevice], choice: AnyDevice) -> InputDevice:
    """As ``find_input_device``, among these devices, which may include devices without input."""
    choice = as_choice(choice)
    inputs = [device for device in devices if device.channels]
    if not inputs:
        raise no_input_device()
    if choice is None:
        matches = [device for device in inputs if device.default]
        problem = "the system has no default input device"
    elif isinstance(choice, int):
        matches = [device for device in inputs if device.index == choice]
        problem = _wrong_index(devices, choice)
    else:
        matches = _named(inputs, choice.casefold())
        problem = f"no input device has {choice!r} in its name"
    if not matches:
        raise AudioDeviceError(problem, f"choose one of {_listed(inputs)}")
    if len(matches) > 1:
        raise AudioDeviceError(
            f"{choice!r} matches {len(matches)} input devices",
            f"give more of the name, or the index, of {_listed(matches)}",
        )
    return matches[0]


def as_choice(choice: object) -> int | str | None:
    """Return an index as an int, also when it is NumPy's, a whole float or digits.

    Raises:
        AudioDeviceError: it is neither an index nor text, or empty.
    """
    if choice is None:
        return None
    if not isinstance(choice, str):
        try:
            return as_integer(choice, "the device", AudioDeviceError)
        except AudioDeviceError:
            raise AudioDeviceError(
                f"the device is {shown(choice)}", "give its index, or a part of its name"
            ) from None
    text = choice.strip()
    if not text:
        raise AudioDeviceError("the device is empty text", "give its index, or a part of its name")
    if text.isascii() and text.removeprefix("-").isdigit() and len(text) < MOST_DIGITS:
        return int(text)
    return text


def no_input_device() -> AudioDeviceError:
    """Return the error for a system without input devices."""
    remedy = HOW_TO_CHECK.get(sys.platform, HOW_TO_CHECK["linux"])
    return AudioDeviceError("there is no input device", remedy)


def _named(devices: Sequence[InputDevice], name: str) -> list[InputDevice]:
    """Return the devices with exactly this name, else those whose name contains it."""
    whole = [device for device in devices if device.name.casefold() == name]
    return whole or [
        device for device in devices if name in f"{device.name}, {device.host_api}".casefold()
    ]


def _wrong_index(devices: Sequence[InputDevice], index: int) -> str:
    for device in devices:
        if device.index == index:
            return f"device {index}, {device.name}, has no input"
    return f"there is no device {index}"


def _listed(devices: Sequence[InputDevice]) -> str:
    return "; ".join(str(device) for device in devices)


def _all_devices() -> list[InputDevice]:
    sounddevice = load_portaudio()
    with portaudio_lock:
        return _asked_devices(sounddevice)


def _asked_devices(sounddevice: Any) -> list[InputDevice]:
    host_apis = [host_api["name"] for host_api in sounddevice.query_hostapis()]
    try:
        default = sounddevice.query_devices(kind="input")["index"]
    except sounddevice.PortAudioError:  # there is none
        default = None
    return [
        InputDevice(
            index=entry["index"],
            name=entry["name"],
            host_api=host_apis[entry["hostapi"]],
            channels=entry["max_input_channels"],
            rate=round(entry["default_samplerate"]),
            default=entry["index"] == default,
        )
        for entry in sounddevice.query_devices()
    ]
