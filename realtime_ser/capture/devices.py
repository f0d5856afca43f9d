"""The input devices PortAudio knows, and how to choose one.

PortAudio is loaded by the first call that needs it, never by importing this module.
"""

import contextlib
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from realtime_ser.errors import AudioDeviceError
from realtime_ser.native_output import quiet_native_audio

INSTALL_COMMANDS = {
    "apt": "sudo apt install libportaudio2",
    "dnf": "sudo dnf install portaudio",
    "pacman": "sudo pacman -S portaudio",
    "zypper": "sudo zypper install libportaudio2",
    "apk": "sudo apk add portaudio",
}
"""What installs PortAudio, by package manager."""

HOW_TO_CHECK = {
    "linux": "plug in a microphone and see that `arecord -L` or `pactl list short sources` lists it"
    " (sound servers also need ALSA's plugins: libasound2-plugins or pipewire-alsa)",
    "darwin": "plug in a microphone and see that System Settings, Sound, Input lists it",
    "win32": "plug in a microphone and see that Settings, System, Sound, Input lists it",
}
"""How to find out why there is no input device, by ``sys.platform``."""


@dataclass(frozen=True, slots=True)
class InputDevice:
    """A device PortAudio can record from.

    Attributes:
        index: PortAudio's number of it.
        name: PortAudio's name of it.
        host_api: the sound system it belongs to, such as ALSA, Core Audio or Windows WASAPI.
        channels: input channels it has at most.
        rate: the rate it prefers, in hertz.
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
    """Return the devices that can record, as PortAudio found them when it was loaded.

    Raises:
        AudioDeviceError: PortAudio is missing or does not start.
    """
    return [device for device in _all_devices() if device.channels]


def find_input_device(choice: int | str | None) -> InputDevice:
    """Return the chosen input device.

    Args:
        choice: an index, also as digits; part of the name (with its host API, as in ``yeti, alsa``)
            in any case; ``None`` for the default. A whole name wins over parts of others.

    Raises:
        AudioDeviceError: PortAudio is missing, or the choice fits no device or several.
    """
    return choose_input_device(_all_devices(), choice)


def find_again(device: InputDevice) -> InputDevice:
    """Return the device as PortAudio knows it now: its index may have changed.

    It is known by its name and host API; of several such, the one at its old index is taken, else
    the first.

    Raises:
        AudioDeviceError: PortAudio is missing, or the device is gone.
    """
    return choose_same_device(_all_devices(), device)


def choose_same_device(devices: Sequence[InputDevice], device: InputDevice) -> InputDevice:
    """Do what ``find_again`` does among these devices, those without input included."""
    same = [
        each
        for each in devices
        if each.channels and (each.name, each.host_api) == (device.name, device.host_api)
    ]
    if not same:
        raise AudioDeviceError(f"{device.name!r} is gone", "plug it in, or choose another device")
    return next((each for each in same if each.index == device.index), same[0])


def choose_input_device(devices: Sequence[InputDevice], choice: int | str | None) -> InputDevice:
    """Do what ``find_input_device`` does among these devices, those without input included."""
    inputs = [device for device in devices if device.channels]
    if not inputs:
        raise no_input_device()
    if choice is None:
        matches = [device for device in inputs if device.default]
        problem = "the system has no default input device"
    elif isinstance(choice, int) or choice.isdecimal():
        matches = [device for device in inputs if device.index == int(choice)]
        problem = _wrong_index(devices, int(choice))
    else:
        matches = _named(inputs, choice.casefold())
        problem = f"no input device has {choice!r} in its name"
    if not matches:
        raise AudioDeviceError(problem, f"choose one of {_listed(inputs)}")
    if len(matches) > 1:
        raise AudioDeviceError(
            f"{choice!r} fits {len(matches)} input devices",
            f"give more of the name, or the index, of {_listed(matches)}",
        )
    return matches[0]


def no_input_device() -> AudioDeviceError:
    """Return what to tell the user where nothing can record."""
    remedy = HOW_TO_CHECK.get(sys.platform, HOW_TO_CHECK["linux"])
    return AudioDeviceError("there is no input device", remedy)


def _named(devices: Sequence[InputDevice], name: str) -> list[InputDevice]:
    """Return the devices of that name, else those with it in theirs."""
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
    with _portaudio_lock:
        return _asked_devices(sounddevice)


def _asked_devices(sounddevice: Any) -> list[InputDevice]:
    host_apis = [each["name"] for each in sounddevice.query_hostapis()]
    try:
        default = sounddevice.query_devices(kind="input")["index"]
    except sounddevice.PortAudioError:  # there is none
        default = None
    return [
        InputDevice(
            index=each["index"],
            name=each["name"],
            host_api=host_apis[each["hostapi"]],
            channels=each["max_input_channels"],
            rate=round(each["default_samplerate"]),
            default=each["index"] == default,
        )
        for each in sounddevice.query_devices()
    ]


def load_portaudio() -> Any:
    """Return the module ``sounddevice``, PortAudio loaded and started.

    It points descriptor 2 at nothing while PortAudio starts: load it before a terminal UI runs.

    Raises:
        AudioDeviceError: PortAudio is missing or does not start.
    """
    try:
        import sounddevice
    except OSError as error:
        raise AudioDeviceError("PortAudio is not installed", _how_to_install()) from error
    except Exception as error:  # PortAudioError, which cannot be imported either
        raise AudioDeviceError(
            f"PortAudio does not start ({error})", "check that the sound system runs"
        ) from error
    return sounddevice


_portaudio_lock = threading.Lock()
"""Held while PortAudio is asked for its devices, and while it is restarted."""

_open_streams = 0


@contextlib.contextmanager
def keeping_portaudio() -> Iterator[None]:
    """Hold off ``refresh_devices``, by which a stream would end and indices would change."""
    global _open_streams
    with _portaudio_lock:
        _open_streams += 1
    try:
        yield
    finally:
        with _portaudio_lock:
            _open_streams -= 1


def refresh_devices() -> None:
    """Restart PortAudio, which else knows only the devices that were there when it started.

    Does nothing while this program has a stream open.

    Raises:
        AudioDeviceError: PortAudio is missing or does not start.
    """
    sounddevice = load_portaudio()
    with _portaudio_lock, quiet_native_audio():
        if _open_streams:
            return
        # Not sounddevice's own functions: they point descriptor 2, where a UI draws, at nothing.
        sounddevice._lib.Pa_Terminate()
        error = sounddevice._lib.Pa_Initialize()
        sounddevice._initialized = int(not error)  # how often it is to be ended at exit
    if error:
        raise AudioDeviceError("PortAudio does not start again", "check that the sound system runs")


def _how_to_install() -> str:
    if sys.platform == "darwin":
        return "run `brew install portaudio`"
    if sys.platform == "win32":
        return "run `pip install --force-reinstall sounddevice`"
    for manager, command in INSTALL_COMMANDS.items():
        if shutil.which(manager):
            return f"run `{command}`"
    return "install your system's package of the PortAudio library"
