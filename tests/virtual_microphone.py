"""A private PulseAudio whose microphone hears what is played into it. Needs no sound card."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

import pytest

DEVICE = "pulse"
"""What PortAudio calls PulseAudio's default source, through ALSA's plugin."""

_MICROPHONE = (
    "module-null-sink sink_name=mic rate=48000 channels=1",
    "module-remap-source master=mic.monitor source_name=virtmic",
)
_MODULES = ("module-native-protocol-unix auth-anonymous=1", *_MICROPHONE)
_SECONDS_TO_START = 10


@dataclass(frozen=True)
class VirtualMicrophone:
    """A running PulseAudio.

    Attributes:
        environment: of the processes that shall hear and play.
        server: the process of PulseAudio.
    """

    environment: dict[str, str]
    server: subprocess.Popen[bytes]

    def play(self, path: Path) -> None:
        """Play a sound file into the microphone, at its own pace, to its end."""
        subprocess.run(
            ["paplay", "--device=mic", path], env=self.environment, check=True, timeout=120
        )

    def stop(self) -> None:
        """End PulseAudio, as when a microphone is unplugged; safe to call twice."""
        self.server.terminate()
        self.server.wait(timeout=10)

    def pactl(self, *command: str) -> None:
        """Have PulseAudio do something."""
        subprocess.run(
            ["pactl", *command],
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=10,
        )

    def unplug(self) -> None:
        """Take the microphone away; PulseAudio goes on without any."""
        self.pactl("unload-module", "module-null-sink")  # the microphone goes with it

    def plug_in(self) -> None:
        """Bring the microphone back."""
        for module in _MICROPHONE:
            self.pactl("load-module", *module.split())
        _wait_until_ready(self)

    def restarted(self) -> "VirtualMicrophone":
        """Return the same microphone on a new PulseAudio, after the old one has ended."""
        microphone = _start(self.environment["XDG_RUNTIME_DIR"])
        _wait_until_ready(microphone)
        return microphone

    def is_ready(self) -> bool:
        """Whether PulseAudio answers and its microphone is the default one."""
        command = ["pactl", "set-default-source", "virtmic"]
        return subprocess.run(command, env=self.environment, capture_output=True).returncode == 0


@contextmanager
def virtual_microphone() -> Iterator[VirtualMicrophone]:
    """Start a virtual microphone, and stop it; skips the test where there is no PulseAudio."""
    for program in ("pulseaudio", "pactl", "paplay"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if find_library("portaudio") is None:
        pytest.skip("PortAudio is not installed")
    with tempfile.TemporaryDirectory() as folder:
        microphone = _start(folder)
        try:
            _wait_until_ready(microphone)
            yield microphone
        finally:
            microphone.stop()


def _start(folder: str) -> VirtualMicrophone:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PULSE_", "DBUS_", "DISPLAY"))
    }
    environment |= {"XDG_RUNTIME_DIR": folder, "XDG_CONFIG_HOME": folder, "LC_ALL": "C.UTF-8"}
    options = ["--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes"]
    modules = [f"--load={module}" for module in _MODULES]
    with Path(folder, "log").open("wb") as log:
        server = subprocess.Popen(
            ["pulseaudio", "-n", *options, *modules],
            # Else it leaves a link in the home folder.
            env=environment | {"HOME": folder},
            stdout=log,
            stderr=log,
        )
    return VirtualMicrophone(environment, server)


def _wait_until_ready(microphone: VirtualMicrophone) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while not microphone.is_ready():
        log = Path(microphone.environment["XDG_RUNTIME_DIR"], "log").read_text()
        assert microphone.server.poll() is None, f"PulseAudio has ended: {log}"
        assert time.monotonic() < deadline, f"PulseAudio does not answer: {log}"
        time.sleep(0.05)
