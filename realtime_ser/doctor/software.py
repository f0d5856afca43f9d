"""Checks of the program itself: Python, packages, terminal, speech gate, model and speed."""

import importlib
import os
import platform
import shutil
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TextIO

import numpy as np

from realtime_ser import __version__
from realtime_ser.doctor.check import REINSTALL, Check
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.emotion.model import EmotionModel, bundled_model_folder
from realtime_ser.errors import RealtimeSerError
from realtime_ser.events import EmotionUpdate
from realtime_ser.samples import Int16
from realtime_ser.settings import SAMPLE_RATE, Settings

OLDEST_PYTHON = (3, 11)

PACKAGES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "numpy": "numpy",
    "platformdirs": "platformdirs",
    "sounddevice": None,  # loads PortAudio, which is a check of its own
    "soundfile": "soundfile",
    "soxr": "soxr",
    "textual": "textual",
    "webrtcvad-wheels": "webrtcvad",
}
"""Packages that live use needs, and the module to import as a check; ``None`` for none."""

SLOW, TOO_SLOW = 0.1, 1.0
"""Shares of a hop's length that its computation may take; a busy machine needs the rest."""

WARM_UP_HOPS = 2

SMALLEST_TERMINAL = (40, 12)
"""Columns and rows below which the terminal UI leaves parts out."""


def check_python(version: Sequence[int]) -> Check:
    """Report the versions of Python and of the program, and the platform."""
    number = ".".join(map(str, version))
    message = f"Python {number} on {platform.system()} {platform.machine()}"
    if tuple(version) < OLDEST_PYTHON:
        return Check("python", "failure", message, "use Python 3.11 or newer")
    return Check("python", "ok", f"{message}, realtime-ser {__version__}")


def check_packages() -> Check:
    """Report the installed versions, and check that every package can be imported."""
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
        return Check("packages", "failure", "; ".join(problems), REINSTALL)
    return Check("packages", "ok", ", ".join(versions))


def check_terminal(output: TextIO) -> Check:
    """Describe the terminal."""
    if not output.isatty():
        return Check("terminal", "ok", "output goes elsewhere: a live run prints JSON Lines")
    from rich.console import Console

    size = shutil.get_terminal_size()
    color = Console(file=output).color_system
    return judge_terminal((size.columns, size.lines), color, output.encoding)


def judge_terminal(size: tuple[int, int], color: str | None, encoding: str) -> Check:
    """Judge whether a terminal of this size, color system and encoding shows everything."""
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


def check_gate() -> Check:
    """Run the speech gate on silence and on the demo clip."""
    from realtime_ser.speech.gate import Opened, SpeechGate

    def utterances(samples: Int16) -> int:
        return sum(isinstance(event, Opened) for event in SpeechGate().process(samples))

    silence, speech = utterances(np.zeros(SAMPLE_RATE, np.int16)), utterances(_demo_samples())
    if silence or not speech:
        message = f"it opens {silence} times in silence and {speech} times in the demo clip"
        return Check("speech gate", "failure", message, REINSTALL)
    return Check("speech gate", "ok", f"silent in silence, hears {speech} utterances in the demo")


def _demo_samples() -> Int16:
    import soundfile

    from realtime_ser.demo import demo_clip

    samples: Int16 = soundfile.read(demo_clip(), dtype="int16")[0]
    return samples


def check_model(folder: Path) -> Check:
    """Load a model folder, which compares its files with the hashes in its manifest."""
    shown = _shown_folder(folder)
    try:
        manifest = EmotionModel(folder).manifest
    except RealtimeSerError as error:
        message = error.problem.replace(str(folder), shown)
        return Check("model", "failure", message, error.remedy)
    digest = manifest.files[MODEL_FILE][:12]
    return Check("model", "ok", f"{manifest.name} ({shown}), SHA-256 {digest} as in its manifest")


def _shown_folder(folder: Path) -> str:
    """Return a name for a model folder that does not reveal the user's name, as its path may."""
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
    """Compare the times that hops took, in seconds, with the length of a hop."""
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
