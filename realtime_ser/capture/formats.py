"""The rates and channel counts at which a device can be opened."""

from collections.abc import Iterable
from typing import Any

from realtime_ser.capture.devices import InputDevice
from realtime_ser.errors import AudioDeviceError
from realtime_ser.settings import SAMPLE_RATE


def choose_format(sounddevice: Any, device: InputDevice, least: int = 1) -> tuple[int, int]:
    """Return the rate in hertz and the channels to open a device with.

    16 kHz comes before the device's own rate, one channel before more, though at least ``least``.

    Raises:
        AudioDeviceError: the device has fewer channels.
        sounddevice.PortAudioError: the device accepts none of them.
    """
    if least > device.channels:
        raise AudioDeviceError(
            f"{device.name!r} has no channel {least}",
            f"choose one of its {device.channels}, or another device",
        )
    refusal: Exception | None = None
    counts = sorted({max(count, least) for count in _channel_counts(device)})
    for rate in (SAMPLE_RATE, device.rate):
        for count in counts:
            try:
                _check(sounddevice, device, rate, count)
            except sounddevice.PortAudioError as error:
                refusal = error
            else:
                return rate, count
    assert refusal is not None
    raise refusal


def accepted_rates(sounddevice: Any, device: InputDevice, rates: Iterable[int]) -> list[int]:
    """Return those of ``rates`` that the device accepts with some number of channels."""

    def accepts(rate: int, count: int) -> bool:
        try:
            _check(sounddevice, device, rate, count)
        except sounddevice.PortAudioError:
            return False
        return True

    counts = _channel_counts(device)
    return [rate for rate in rates if any(accepts(rate, count) for count in counts)]


def _channel_counts(device: InputDevice) -> list[int]:
    return [count for count in (1, 2, device.channels) if count <= device.channels]


def _check(sounddevice: Any, device: InputDevice, rate: int, channels: int) -> None:
    sounddevice.check_input_settings(
        device=device.index, channels=channels, dtype="float32", samplerate=rate
    )
