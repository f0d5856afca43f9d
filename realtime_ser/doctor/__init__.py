"""Checks whether live use works on this machine, and says what to do where it does not.

Each check is a function; ``run_checks`` makes all of them, whatever fails. The report contains
nothing that identifies the user or the machine.
"""

import sys
from collections.abc import Iterator

from realtime_ser.capture.devices import find_input_device
from realtime_ser.doctor.check import (
    Check,
    as_json,
    as_line,
    guarded,
    live_use_fails,
    summary,
    without_home,
)
from realtime_ser.doctor.microphone import (
    check_devices,
    check_level,
    check_portaudio,
    check_rates,
)
from realtime_ser.doctor.software import (
    check_gate,
    check_model,
    check_packages,
    check_python,
    check_speed,
    check_terminal,
)
from realtime_ser.emotion.model import find_model_folder
from realtime_ser.errors import RealtimeSerError

__all__ = ["Check", "as_json", "as_line", "live_use_fails", "run_checks", "summary"]


def run_checks(device: str | None = None, model: str | None = None) -> Iterator[Check]:
    """Yield the result of every check as it is made; what depends on a failed one is left out.

    Args:
        device: index or part of the name of the microphone; ``None`` for the default.
        model: model folder; ``None`` looks it up as a live run does.
    """
    for check in _all_checks(device, model):
        yield without_home(check)


def _all_checks(device: str | None, model: str | None) -> Iterator[Check]:
    yield check_python(sys.version_info[:3])
    yield guarded("packages", check_packages)
    yield guarded("terminal", check_terminal, sys.stdout)
    yield guarded("speech gate", check_gate)
    folder = find_model_folder(model)
    yield (model_check := guarded("model", check_model, folder))
    if model_check.state == "ok":
        yield guarded("speed", check_speed, folder)
    yield (portaudio := guarded("portaudio", check_portaudio))
    if portaudio.state == "ok":
        yield from _device_checks(device)


def _device_checks(choice: str | None) -> Iterator[Check]:
    yield (devices := guarded("devices", check_devices))
    if devices.state != "ok":
        return
    try:
        device = find_input_device(choice)
    except RealtimeSerError as error:
        yield Check("microphone", "failure", error.problem, error.remedy)
        return
    default = ", the default" if device.default else ""
    yield Check("microphone", "ok", f"{device}, inputs: {device.channels}{default}")
    yield guarded("rates", check_rates, device)
    yield guarded("level", check_level, device)
