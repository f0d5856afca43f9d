"""PortAudio: loaded by the first call that needs it, and shared by the whole process."""

import atexit
import builtins
import contextlib
import importlib.abc
import importlib.machinery
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from realtime_ser.errors import AudioDeviceError
from realtime_ser.finalizers import close_everything
from realtime_ser.fork_safety import ForkSafeLock, loading
from realtime_ser.native_output import filtered_stderr, quiet_audio_libraries

INSTALL_COMMANDS = {
    "apt": "sudo apt install libportaudio2",
    "dnf": "sudo dnf install portaudio",
    "pacman": "sudo pacman -S portaudio",
    "zypper": "sudo zypper install libportaudio2",
    "apk": "sudo apk add portaudio",
}
"""What installs PortAudio, by package manager."""

portaudio_lock = ForkSafeLock()
"""Held while PortAudio lists its devices, and while it is restarted."""

_open_streams = 0
_ends_after_streams = False
_forked_after_start = False


def load_portaudio() -> Any:
    """Return the module ``sounddevice``, with PortAudio loaded and started.

    Raises:
        AudioDeviceError: PortAudio is missing or does not start.
    """
    try:
        with loading:
            return _import_sounddevice()
    except OSError as error:
        raise AudioDeviceError("PortAudio is not installed", _how_to_install()) from error
    except Exception as error:  # PortAudioError, which cannot be imported either
        raise AudioDeviceError(
            f"PortAudio does not start ({error})", "check that the sound system runs"
        ) from error


@contextlib.contextmanager
def keeping_portaudio() -> Iterator[None]:
    """Prevent ``refresh_devices``, which would end streams and change device indices."""
    global _open_streams
    with portaudio_lock:
        _open_streams += 1
    try:
        yield
    finally:
        with portaudio_lock:
            _open_streams -= 1


def forked_after_start() -> bool:
    """Whether this process was forked from one that had started PortAudio."""
    return _forked_after_start


def refresh_devices() -> None:
    """Restart PortAudio, which otherwise only knows the devices that it found when it started.

    Does nothing while a stream is open, or in a forked child that inherited PortAudio.

    Raises:
        AudioDeviceError: PortAudio is missing or does not start.
    """
    sounddevice = load_portaudio()
    with quiet_audio_libraries(), filtered_stderr(), portaudio_lock:
        if _open_streams or _forked_after_start:
            return
        # Not sounddevice's own functions: they redirect descriptor 2 to /dev/null.
        sounddevice._lib.Pa_Terminate()
        error = sounddevice._lib.Pa_Initialize()
        sounddevice._initialized = int(not error)  # how many times to terminate it at exit
    if error:
        raise AudioDeviceError("PortAudio does not start again", "check that the sound system runs")


def _import_sounddevice() -> Any:
    global _ends_after_streams
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        if "sounddevice" in sys.modules:
            import sounddevice
        else:
            with quiet_audio_libraries(), filtered_stderr():
                import sounddevice
    finally:
        sys.meta_path.remove(finder)
    if not _ends_after_streams:
        # Runs before sounddevice's own, which terminates PortAudio: last registered, first called.
        atexit.register(close_everything)
        _ends_after_streams = True
    return sounddevice


class _Finder(importlib.abc.MetaPathFinder):
    """Finds ``sounddevice``, to be imported by ``_Loader``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "sounddevice":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    """Imports ``sounddevice`` so that it leaves standard error alone.

    It starts PortAudio while it is imported, and points descriptor 2 at nothing for that time,
    unless it fails to duplicate the descriptor first. So it is given an ``os`` whose ``dup`` fails.
    """

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__loader__ = module.__spec__.loader = self._loader
        module.__dict__["__builtins__"] = vars(builtins) | {"__import__": _import_for_sounddevice}
        self._loader.exec_module(module)


def _import_for_sounddevice(name: str, *arguments: Any, **options: Any) -> Any:
    module = builtins.__import__(name, *arguments, **options)
    if name != "os":
        return module
    replacement = ModuleType("os")
    vars(replacement).update(vars(os), dup=_refuse_to_duplicate)
    return replacement


def _refuse_to_duplicate(descriptor: int) -> int:
    raise OSError("standard error is not moved")


def _how_to_install() -> str:
    if sys.platform == "darwin":
        return "run `brew install portaudio`"
    if sys.platform == "win32":
        return "run `pip install --force-reinstall sounddevice`"
    for manager, command in INSTALL_COMMANDS.items():
        if shutil.which(manager):
            return f"run `{command}`"
    return "install your system's package of the PortAudio library"


def _leave_portaudio_to_the_parent() -> None:
    """In a forked child: never terminate PortAudio, which would wait for threads of the parent."""
    global _forked_after_start
    sounddevice = sys.modules.get("sounddevice")
    if sounddevice is not None:
        _forked_after_start = True
        vars(sounddevice)["_initialized"] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_portaudio_to_the_parent)
