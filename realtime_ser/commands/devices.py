"""``realtime-ser devices``: the input devices that PortAudio knows."""

import argparse
import json
from dataclasses import asdict

from realtime_ser.capture.devices import InputDevice, list_input_devices, no_input_device
from realtime_ser.commands.common import DONE
from realtime_ser.errors import printable


def run(options: argparse.Namespace) -> int:
    """Print a line for each input device."""
    devices = list_input_devices()
    if not devices:
        raise no_input_device()
    for device in devices:
        print(json.dumps(asdict(device)) if options.json else _line(device), flush=True)
    return DONE


def _line(device: InputDevice) -> str:
    mark = "*" if device.default else " "
    details = f"{printable(device.host_api)}, {device.channels} in, {device.rate:g} Hz"
    return f"{mark} {device.index:>3}  {printable(device.name)}  ({details})"
