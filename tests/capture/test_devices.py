"""Choosing an input device, and what is said where there is none or no PortAudio."""

import shutil
import subprocess
import sys
from ctypes import util
from dataclasses import replace
from types import SimpleNamespace

import pytest

from realtime_ser.capture import devices, portaudio
from realtime_ser.capture.devices import (
    InputDevice,
    choose_input_device,
    choose_same_device,
)
from realtime_ser.capture.portaudio import keeping_portaudio, refresh_devices
from realtime_ser.errors import AudioDeviceError

BUILT_IN = InputDevice(0, "HDA Intel: ALC257 Analog", "ALSA", 2, 48_000, default=False)
SPEAKER = InputDevice(1, "HDMI", "ALSA", 0, 48_000, default=False)
YETI = InputDevice(2, "Yeti Stereo Microphone", "ALSA", 2, 44_100, default=True)
YETI_JACK = InputDevice(3, "Yeti Stereo Microphone", "JACK", 2, 44_100, default=False)
PULSE = InputDevice(4, "pulse", "ALSA", 32, 44_100, default=False)
PULSE_MONITOR = InputDevice(5, "pulse monitor", "ALSA", 32, 44_100, default=False)
DEVICES = (BUILT_IN, SPEAKER, YETI, YETI_JACK, PULSE, PULSE_MONITOR)


@pytest.mark.parametrize(
    ("choice", "device"),
    [
        (None, YETI),
        (0, BUILT_IN),
        ("3", YETI_JACK),
        ("alc257", BUILT_IN),
        ("yeti stereo microphone, jack", YETI_JACK),
        ("PULSE", PULSE),
        ("monitor", PULSE_MONITOR),
    ],
)
def test_finds(choice: int | str | None, device: InputDevice) -> None:
    assert choose_input_device(DEVICES, choice) is device


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        (9, "there is no device 9: choose one of 0 HDA Intel"),
        (-1, "there is no device -1: choose one of 0 HDA Intel"),
        ("1", "device 1, HDMI, has no input: choose one of 0 HDA Intel"),
        ("hdmi", "no input device has 'hdmi' in its name: choose one of 0 HDA Intel"),
        (
            "Yeti",
            "'Yeti' matches 2 input devices: give more of the name, or the index, of"
            " 2 Yeti Stereo Microphone (ALSA); 3 Yeti Stereo Microphone (JACK)",
        ),
    ],
)
def test_says_what_there_is(choice: int | str, problem: str) -> None:
    with pytest.raises(AudioDeviceError) as caught:
        choose_input_device(DEVICES, choice)

    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("index", "found"),
    [(2, 2), (4, 4), (7, 2)],
    ids=["where it was", "the twin where it was", "elsewhere"],
)
def test_finds_again_by_name_and_host_api(index: int, found: int) -> None:
    twin = replace(YETI, index=4)
    other = replace(YETI, index=7, name="Webcam")
    device = choose_same_device((SPEAKER, YETI, YETI_JACK, twin, other), replace(YETI, index=index))
    assert device.index == found
    assert (device.name, device.host_api) == (YETI.name, YETI.host_api)


@pytest.mark.parametrize("device", [YETI, SPEAKER])
def test_a_device_with_the_same_index_but_another_name_is_not_taken(device: InputDevice) -> None:
    listed = (SPEAKER, replace(PULSE, index=2), YETI_JACK)
    with pytest.raises(
        AudioDeviceError, match=f"'{device.name}' is not there any more: plug it in"
    ):
        choose_same_device(listed, device)


@pytest.mark.parametrize("result", [0, -10_000])
def test_portaudio_is_restarted_only_without_a_stream(
    monkeypatch: pytest.MonkeyPatch, result: int
) -> None:
    calls: list[str] = []

    def initialize() -> int:
        calls.append("initialize")
        return result

    library = SimpleNamespace(
        Pa_Terminate=lambda: calls.append("terminate"), Pa_Initialize=initialize
    )
    sounddevice = SimpleNamespace(_lib=library, _initialized=1)
    monkeypatch.setattr(portaudio, "load_portaudio", lambda: sounddevice)

    with keeping_portaudio():
        refresh_devices()
    assert calls == []

    if result:
        with pytest.raises(AudioDeviceError, match="does not start again: check"):
            refresh_devices()
    else:
        refresh_devices()
    assert calls == ["terminate", "initialize"]
    assert sounddevice._initialized == (0 if result else 1), "how often it is ended at exit"


def test_no_default() -> None:
    with pytest.raises(AudioDeviceError, match=r"no default input device: choose one of 0 HDA"):
        choose_input_device((BUILT_IN, PULSE), None)


@pytest.mark.parametrize(
    ("system", "place"), [("linux", "arecord"), ("darwin", "Settings"), ("freebsd14", "arecord")]
)
def test_no_input_device_at_all(monkeypatch: pytest.MonkeyPatch, system: str, place: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(AudioDeviceError, match=f"there is no input device: .*{place}"):
        choose_input_device((SPEAKER,), None)


@pytest.mark.parametrize(
    ("system", "manager", "command"),
    [
        ("linux", "apt", "sudo apt install libportaudio2"),
        ("linux", "pacman", "sudo pacman -S portaudio"),
        ("linux", "nothing known", "your system's package"),
        ("darwin", "apt", "brew install portaudio"),
    ],
)
def test_missing_portaudio_names_the_command(
    monkeypatch: pytest.MonkeyPatch, system: str, manager: str, command: str
) -> None:
    monkeypatch.setattr(util, "find_library", lambda name: None)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == manager else None)
    monkeypatch.setattr(sys, "platform", system)

    with pytest.raises(AudioDeviceError, match=f"PortAudio is not installed: .*{command}"):
        devices.list_input_devices()


def test_importing_capture_loads_no_native_library() -> None:
    code = (
        "import sys, realtime_ser.capture.devices, realtime_ser.capture.sources,"
        " realtime_ser.capture.resampler\n"
        "print(sorted({'sounddevice', 'soundfile', 'soxr'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert loaded.stdout == "[]\n"
