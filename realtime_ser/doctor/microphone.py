"""Checks of PortAudio and of the microphone."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from realtime_ser.capture.devices import (
    InputDevice,
    list_input_devices,
    no_input_device,
)
from realtime_ser.capture.formats import accepted_rates
from realtime_ser.capture.microphone import MicrophoneSource
from realtime_ser.capture.portaudio import load_portaudio
from realtime_ser.capture.sources import Block
from realtime_ser.doctor.check import Check
from realtime_ser.errors import AudioDeviceError
from realtime_ser.native_output import filtered_stderr, quiet_audio_libraries
from realtime_ser.samples import Float32
from realtime_ser.settings import SAMPLE_RATE

RATES = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)
"""Rates to try, in hertz, besides the device's own."""

SETTLING_SECONDS = 0.25
"""Discarded before the level check: many devices begin with zeros or a click."""

LEVEL_SECONDS = 1.0
LEVEL_DEADLINE_SECONDS = 5.0

CLIPPING = 0.999
MOST_CLIPPED = 0.001
HIGHEST_OFFSET = 0.02
LOUDEST_FLOOR_DBFS = -35.0
QUIETEST_PEAK_DBFS = -70.0
"""Limits of a good microphone: fractions of full scale, a share of the samples, and levels."""

SILENCE_DBFS = -120.0


def check_portaudio() -> Check:
    """Load PortAudio and report its version."""
    return Check("portaudio", "ok", load_portaudio().get_portaudio_version()[1])


def check_devices() -> Check:
    """List the input devices."""
    devices = list_input_devices()
    if not devices:
        raise no_input_device()
    marked = (f"{device}{' *' if device.default else ''}" for device in devices)
    return Check("devices", "ok", "; ".join(marked))


def check_rates(device: InputDevice) -> Check:
    """Find the rates at which a device can be opened."""
    rates = sorted({*RATES, device.rate})
    with quiet_audio_libraries(), filtered_stderr():
        return judge_rates(accepted_rates(load_portaudio(), device, rates), device)


def judge_rates(accepted: Sequence[int], device: InputDevice) -> Check:
    """Judge the rates that a device accepts; live use needs 16 kHz or the device's own."""
    rates = ", ".join(map(str, accepted)) or "none"
    message = f"opens at {rates} Hz; its own is {device.rate} Hz"
    if SAMPLE_RATE in accepted or device.rate in accepted:
        return Check("rates", "ok", message)
    remedy = "close the program that uses the device, or choose another one with --device"
    return Check("rates", "failure", message, remedy)


def check_level(device: InputDevice) -> Check:
    """Record a second and judge its level."""
    return judge_level(_record(device))


def _record(device: InputDevice) -> Float32:
    """Return a second of a device's audio, shape ``[frames, channels]``."""
    source = MicrophoneSource(device)
    try:
        settling = round(SETTLING_SECONDS * source.rate)
        wanted = settling + round(LEVEL_SECONDS * source.rate)
        deadline = time.monotonic() + LEVEL_DEADLINE_SECONDS
        blocks: list[Block] = []
        while sum(map(len, blocks)) < wanted and time.monotonic() < deadline:
            if (block := source.read()) is None:
                break
            blocks.append(block)
    finally:
        source.close()
    if sum(map(len, blocks)) < wanted:
        raise AudioDeviceError(
            f"{device.name!r} delivers too little audio",
            "check that it is plugged in and that the sound system runs",
        )
    return np.concatenate(blocks)[settling:wanted].astype(np.float32)


def judge_level(samples: Float32) -> Check:
    """Judge a second of audio from a microphone in a quiet room.

    Args:
        samples: full scale at ±1, shape ``[frames, channels]``.
    """
    if not np.isfinite(samples).all():
        remedy = "choose another device, or another rate in the sound settings"
        return Check("level", "failure", "it delivers NaN or infinity", remedy)
    if not samples.any():
        remedy = "unmute it, or allow this program to use the microphone in the privacy settings"
        return Check("level", "warning", "it delivers only zeros", remedy)
    mono = samples.mean(axis=1)
    floor, peak, offset = noise_floor(mono), _decibels(np.abs(mono).max()), float(mono.mean())
    clipped = float((np.abs(samples) >= CLIPPING).mean())
    message = (
        f"noise floor {floor:.0f} dBFS, peak {peak:.0f} dBFS,"
        f" DC offset {round(100 * offset, 1) + 0:.1f} %, clipped {100 * clipped:.1f} %"
    )
    remedies = []
    if clipped > MOST_CLIPPED:
        remedies.append("lower the input gain: the loudest samples are cut off")
    if abs(offset) > HIGHEST_OFFSET:
        remedies.append("choose another input: an offset comes from a faulty card or cable")
    if floor > LOUDEST_FLOOR_DBFS:
        remedies.append("be quiet and try again; if that is the noise, move the microphone closer")
    if peak < QUIETEST_PEAK_DBFS:
        remedies.append("raise the input gain")
    return Check("level", "warning" if remedies else "ok", message, "; ".join(remedies) or None)


def noise_floor(mono: Float32) -> float:
    """Return the level of the quietest twentieth of the samples around their mean, in dBFS."""
    parts = np.array_split(mono, 20)
    return min(_decibels(part.std()) for part in parts if len(part))


def _decibels(amplitude: Any) -> float:
    return max(SILENCE_DBFS, 20 * float(np.log10(max(float(amplitude), 1e-9))))
