"""Checks whether live use works on this machine, and says what to do where it does not.

Each check is a function of its own; ``run_checks`` goes through all of them, whatever fails, and
``as_line`` and ``as_json`` only render. Nothing that names the user or the machine is reported.
"""

import importlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np
from numpy.typing import NDArray

from realtime_ser import __version__
from realtime_ser.capture.devices import (
    InputDevice,
    find_input_device,
    list_input_devices,
    no_input_device,
)
from realtime_ser.capture.microphone import MicrophoneSource
from realtime_ser.capture.portaudio import load_portaudio
from realtime_ser.capture.sources import Block
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.emotion.model import EmotionModel, bundled_model_folder, find_model_folder
from realtime_ser.errors import AudioDeviceError, RealtimeSerError
from realtime_ser.events import EmotionUpdate
from realtime_ser.native_output import filtered_stderr, quiet_audio_libraries
from realtime_ser.settings import SAMPLE_RATE, Settings

State = Literal["ok", "warning", "failure"]
Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]

OLDEST_PYTHON = (3, 11)

PACKAGES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "numpy": "numpy",
    "sounddevice": None,  # loads PortAudio, which is a check of its own
    "soundfile": "soundfile",
    "soxr": "soxr",
    "textual": "textual",
    "webrtcvad-wheels": "webrtcvad",
}
"""Packages that live use needs, and the module by which to see that each can be loaded."""

RATES = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)
"""Rates a device is asked about, in hertz, besides its own."""

SETTLING_SECONDS = 0.25
"""Left out of the level check: many devices begin with zeros or a click."""

LEVEL_SECONDS = 1.0
LEVEL_DEADLINE_SECONDS = 5.0

CLIPPING = 0.999
MOST_CLIPPED = 0.001
HIGHEST_OFFSET = 0.02
LOUDEST_FLOOR_DBFS = -35.0
QUIETEST_PEAK_DBFS = -70.0
"""What a microphone may deliver: parts of full scale, a share of the samples, and levels."""

SILENCE_DBFS = -120.0

SLOW, TOO_SLOW = 0.1, 1.0
"""Shares of a hop's own length that computing it may take: a busy machine needs the rest."""

WARM_UP_HOPS = 2

SMALLEST_TERMINAL = (40, 12)
"""Columns and rows below which the terminal UI leaves parts out."""

_REINSTALL = "install realtime-ser again"


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    Attributes:
        name: what was looked at, in a word or two.
        state: ``ok``, ``warning`` (live use works, with less) or ``failure`` (it does not).
        message: what was found.
        remedy: what to do about it; ``None`` where nothing is to be done.
    """

    name: str
    state: State
    message: str
    remedy: str | None = None


def run_checks(device: str | None = None, model: str | None = None) -> Iterator[Check]:
    """Yield the result of every check as it is made; what depends on a failed one is left out.

    Args:
        device: index or part of the name of the microphone; ``None`` for the default.
        model: model folder; ``None`` looks it up as a live run does.
    """
    for check in _all_checks(device, model):
        yield _without_home(check)


def live_use_fails(checks: Iterable[Check]) -> bool:
    """Return whether any check says that live use does not work."""
    return any(check.state == "failure" for check in checks)


# Rendering.


def as_line(check: Check, encoding: str = "utf-8") -> str:
    """Return a check for people: one line, and its remedy on a second one."""
    line = f"{check.state:<8} {check.name:<11} {check.message}"
    if check.remedy:
        line += f"\n{'':20} -> {check.remedy}"
    return line.encode(encoding, "backslashreplace").decode(encoding)


def summary(checks: Sequence[Check]) -> str:
    """Return the last line: what all checks together say."""
    failures = sum(check.state == "failure" for check in checks)
    warnings = sum(check.state == "warning" for check in checks)
    verdict = "live use would fail" if failures else "ready for live use"
    return f"{verdict}: {len(checks)} checks, failures: {failures}, warnings: {warnings}"


def as_json(checks: Sequence[Check]) -> str:
    """Return all checks as one JSON object, for bug reports."""
    report = {
        "version": __version__,
        "live_use": not live_use_fails(checks),
        "checks": [asdict(check) for check in checks],
    }
    return json.dumps(report)


# The order of the checks, and what depends on what.


def _all_checks(device: str | None, model: str | None) -> Iterator[Check]:
    yield check_python(sys.version_info[:3])
    yield _guarded("packages", check_packages)
    yield _guarded("terminal", check_terminal, sys.stdout)
    yield _guarded("speech gate", check_gate)
    folder = find_model_folder(model)
    yield (model_check := _guarded("model", check_model, folder))
    if model_check.state == "ok":
        yield _guarded("speed", check_speed, folder)
    yield (portaudio := _guarded("portaudio", check_portaudio))
    if portaudio.state == "ok":
        yield from _device_checks(device)


def _device_checks(choice: str | None) -> Iterator[Check]:
    yield (devices := _guarded("devices", check_devices))
    if devices.state != "ok":
        return
    try:
        device = find_input_device(choice)
    except RealtimeSerError as error:
        yield Check("microphone", "failure", error.problem, error.remedy)
        return
    default = ", the default" if device.default else ""
    yield Check("microphone", "ok", f"{device}, inputs: {device.channels}{default}")
    yield _guarded("rates", check_rates, device)
    yield _guarded("level", check_level, device)


def _guarded(name: str, check: Callable[..., Check], *arguments: object) -> Check:
    """Make a check; one that raises has failed, and the others are still made."""
    try:
        return check(*arguments)
    except RealtimeSerError as error:
        return Check(name, "failure", error.problem, error.remedy)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Check(name, "failure", reason, f"{_REINSTALL}; if that does not help, report it")


def _without_home(check: Check) -> Check:
    """Return the check without the home folder, which is named after the user."""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    if len(home) < 2:
        return check
    remedy = check.remedy and check.remedy.replace(home, "~")
    return replace(check, message=check.message.replace(home, "~"), remedy=remedy)


# The program itself.


def check_python(version: Sequence[int]) -> Check:
    """Say which Python runs which version of the program, on what."""
    number = ".".join(map(str, version))
    message = f"Python {number} on {platform.system()} {platform.machine()}"
    if tuple(version) < OLDEST_PYTHON:
        return Check("python", "failure", message, "use Python 3.11 or newer")
    return Check("python", "ok", f"{message}, realtime-ser {__version__}")


def check_packages() -> Check:
    """Say which versions are installed, and that each package can be loaded."""
    versions, problems = [], []
    for package, module in PACKAGES.items():
        try:
            versions.append(f"{package} {metadata.version(package)}")
            if module:
                importlib.import_module(module)
        except metadata.PackageNotFoundError:
            problems.append(f"{package} is not installed")
        except (ImportError, OSError) as error:  # OSError: a library it needs is missing
            problems.append(f"{package} cannot be loaded ({error})")
    if problems:
        return Check("packages", "failure", "; ".join(problems), _REINSTALL)
    return Check("packages", "ok", ", ".join(versions))


def check_terminal(output: TextIO) -> Check:
    """Say what the terminal UI has to draw on."""
    if not output.isatty():
        return Check("terminal", "ok", "output goes elsewhere: a live run prints JSON Lines")
    from rich.console import Console

    size = shutil.get_terminal_size()
    color = Console(file=output).color_system
    return judge_terminal((size.columns, size.lines), color, output.encoding)


def judge_terminal(size: tuple[int, int], color: str | None, encoding: str) -> Check:
    """Say whether a terminal of this size, colour system and encoding shows everything."""
    message = f"{size[0]} columns, {size[1]} rows, color: {color or 'none'}, {encoding}"
    remedies = []
    if size[0] < SMALLEST_TERMINAL[0] or size[1] < SMALLEST_TERMINAL[1]:
        remedies.append("enlarge it to {} columns and {} rows".format(*SMALLEST_TERMINAL))
    if color is None:
        remedies.append("set TERM to what your terminal is, such as xterm-256color")
    if encoding.lower().replace("-", "") != "utf8":
        remedies.append("set LC_ALL=C.UTF-8, or PYTHONUTF8=1 on Windows")
    if remedies:
        return Check("terminal", "warning", message, "; ".join(remedies))
    return Check("terminal", "ok", message)


# Speech gate, model and speed.


def check_gate() -> Check:
    """Let the speech gate hear silence and the demo clip."""
    from realtime_ser.speech.gate import Opened, SpeechGate

    def utterances(samples: Int16) -> int:
        return sum(isinstance(event, Opened) for event in SpeechGate().process(samples))

    silence, speech = utterances(np.zeros(SAMPLE_RATE, np.int16)), utterances(_demo_samples())
    if silence or not speech:
        message = f"it opens {silence} times in silence and {speech} times in the demo clip"
        return Check("speech gate", "failure", message, _REINSTALL)
    return Check("speech gate", "ok", f"silent in silence, hears {speech} utterances in the demo")


def _demo_samples() -> Int16:
    import soundfile

    from realtime_ser.demo import demo_clip

    samples: Int16 = soundfile.read(demo_clip(), dtype="int16")[0]
    return samples


def check_model(folder: Path) -> Check:
    """Load a model folder, its files compared with the hashes of its manifest."""
    shown = _shown_folder(folder)
    try:
        manifest = EmotionModel(folder).manifest
    except RealtimeSerError as error:
        message = error.problem.replace(str(folder), shown)
        return Check("model", "failure", message, error.remedy)
    digest = manifest.files[MODEL_FILE][:12]
    return Check("model", "ok", f"{manifest.name} ({shown}), SHA-256 {digest} as in its manifest")


def _shown_folder(folder: Path) -> str:
    """Return what to call a model folder: its path may name the user."""
    if folder == bundled_model_folder():
        return "bundled"
    is_home = folder.absolute() == Path(os.path.expanduser("~"))  # noqa: PTH111
    return "~" if is_home else folder.name or "."


def check_speed(folder: Path) -> Check:
    """Time the hops of the demo clip, from its samples to its events."""
    from realtime_ser.pipeline import Pipeline

    settings = Settings()
    pipeline = Pipeline(EmotionModel(folder), settings)
    samples, hop = _demo_samples(), round(settings.hop * SAMPLE_RATE)
    taken = []
    for start in range(0, len(samples), hop):
        began = time.perf_counter()
        events = pipeline.process(samples[start : start + hop])
        seconds = time.perf_counter() - began
        if any(isinstance(event, EmotionUpdate) for event in events):
            taken.append(seconds)
    return judge_speed(taken[WARM_UP_HOPS:], settings.hop)


def judge_speed(taken: Sequence[float], hop: float) -> Check:
    """Compare what hops took, in seconds, with the time there is for one."""
    median = float(np.median(taken))
    share = median / hop
    message = (
        f"{1000 * median:.1f} ms for a hop of {1000 * hop:g} ms ({100 * share:.1f} %,"
        f" median of {len(taken)})"
    )
    if share > TOO_SLOW:
        return Check("speed", "failure", message, "close other programs, or use a faster machine")
    if share > SLOW:
        remedy = "close other programs, or audio may be lost when the machine is busy"
        return Check("speed", "warning", message, remedy)
    return Check("speed", "ok", message)


# PortAudio and the microphone.


def check_portaudio() -> Check:
    """Load PortAudio and say which one it is."""
    return Check("portaudio", "ok", load_portaudio().get_portaudio_version()[1])


def check_devices() -> Check:
    """List the input devices."""
    devices = list_input_devices()
    if not devices:
        raise no_input_device()
    marked = (f"{device}{' *' if device.default else ''}" for device in devices)
    return Check("devices", "ok", "; ".join(marked))


def check_rates(device: InputDevice) -> Check:
    """Ask at which rates a device can be opened."""
    return judge_rates(_accepted_rates(load_portaudio(), device), device)


def judge_rates(accepted: Sequence[int], device: InputDevice) -> Check:
    """Say which rates a device accepts; it takes 16 kHz or its own to listen."""
    rates = ", ".join(map(str, accepted)) or "none"
    message = f"opens at {rates} Hz; its own is {device.rate} Hz"
    if SAMPLE_RATE in accepted or device.rate in accepted:
        return Check("rates", "ok", message)
    remedy = "close the program that uses the device, or choose another one with --device"
    return Check("rates", "failure", message, remedy)


def _accepted_rates(sounddevice: Any, device: InputDevice) -> list[int]:
    counts = sorted({count for count in (1, 2, device.channels) if count <= device.channels})

    def accepts(rate: int, channels: int) -> bool:
        try:
            sounddevice.check_input_settings(
                device=device.index, channels=channels, dtype="float32", samplerate=rate
            )
        except sounddevice.PortAudioError:
            return False
        return True

    with quiet_audio_libraries(), filtered_stderr():
        return [
            rate
            for rate in sorted({*RATES, device.rate})
            if any(accepts(rate, count) for count in counts)
        ]


def check_level(device: InputDevice) -> Check:
    """Listen for a second and judge what comes."""
    return judge_level(_record(device))


def _record(device: InputDevice) -> Float32:
    """Return a second of what a device delivers, shape ``[frames, channels]``."""
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
    """Say what is wrong with a second of audio from a microphone in a quiet room.

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
