"""The doctor on real, broken and virtual systems, and that it reports nothing private."""

import getpass
import importlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from command_line import COMMAND, call, call_afresh
from virtual_microphone import DEVICE, VirtualMicrophone

from realtime_ser import doctor
from realtime_ser.doctor import Check, software
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.emotion.model import bundled_model_folder

ROOT = Path(__file__).parents[2]
WITHOUT_DEVICES = ["python", "packages", "terminal", "speech gate", "model", "speed", "portaudio"]
DEVICE_CHECKS = ["devices", "microphone", "rates", "level"]
PORTAUDIO_IS_HERE = sys.platform != "linux" or find_library("portaudio") is not None
"""Elsewhere than on Linux it comes with sounddevice."""

Report = dict[str, Check]


def diagnose(*arguments: object, **environment: str) -> tuple[int, Report]:
    """Return the exit code and the checks of ``doctor --json``, by name."""
    return report_of(call("doctor", "--json", *arguments, env=os.environ | environment))


def report_of(run: subprocess.CompletedProcess[bytes]) -> tuple[int, Report]:
    """Return the exit code of ``doctor --json`` and its checks by name."""
    assert run.stderr == b""
    report = json.loads(run.stdout)
    checks = [Check(**check) for check in report["checks"]]
    assert report["live_use"] == (run.returncode == 0)
    assert (run.returncode == 0) == all(check.state != "failure" for check in checks)
    return run.returncode, {check.name: check for check in checks}


@pytest.fixture
def no_devices(tmp_path: Path) -> dict[str, str]:
    """An environment in which PortAudio finds nothing."""
    if sys.platform != "linux" or not PORTAUDIO_IS_HERE:
        pytest.skip("takes PortAudio's devices away through ALSA's configuration")
    (tmp_path / "alsa.conf").write_text("pcm.none 0\n")
    return {"ALSA_CONFIG_PATH": str(tmp_path / "alsa.conf")}


def test_without_a_microphone_all_else_is_checked(no_devices: dict[str, str]) -> None:
    code, checks = diagnose(**no_devices)

    assert code == 1
    assert list(checks) == [*WITHOUT_DEVICES, "devices"]
    assert checks["devices"].message == "there is no input device"
    assert "plug in a microphone" in str(checks["devices"].remedy)
    assert [check.name for check in checks.values() if check.state == "failure"] == ["devices"]


def test_people_get_a_line_a_check_with_its_remedy_beneath(no_devices: dict[str, str]) -> None:
    run = call("doctor", env=os.environ | no_devices)
    lines = run.stdout.decode().splitlines()

    assert (run.returncode, run.stderr) == (1, b"")
    assert [line[:8].strip() for line in lines[-3:-1]] == ["failure", ""]
    assert lines[-2].strip().startswith("-> plug in a microphone")
    assert lines[-1].startswith("live use would fail: 8 checks, failures: 1")


@pytest.mark.parametrize(
    ("module", "error", "failing", "remedy"),
    [
        ("sounddevice", "OSError('PortAudio library not found')", ["portaudio"], "install"),
        (
            "soundfile",
            "OSError('sndfile library not found')",
            ["packages", "speech gate", "speed"],
            "install realtime-ser again",
        ),
        (
            "webrtcvad",
            "ImportError('broken')",
            ["packages", "speech gate", "speed"],
            "install",
        ),
    ],
)
def test_a_library_that_cannot_be_loaded_fails_its_checks_alone(
    tmp_path: Path, module: str, error: str, failing: list[str], remedy: str
) -> None:
    (tmp_path / f"{module}.py").write_text(f"raise {error}")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    code, checks = report_of(call_afresh("doctor", "--json", env=environment))

    assert code == 1
    assert set(WITHOUT_DEVICES) <= set(checks)
    missing_here = [] if PORTAUDIO_IS_HERE else ["portaudio"]
    for name in WITHOUT_DEVICES:
        expected = name in [*failing, *missing_here]
        assert (checks[name].state == "failure") == expected, checks[name]
    for name in failing:
        assert remedy in str(checks[name].remedy)


def test_a_damaged_model_folder_is_a_failure(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundled_model_folder(), tmp_path / "mine"))
    with (folder / MODEL_FILE).open("r+b") as file:
        file.truncate(1000)
    code, checks = diagnose("--model", folder)

    assert code == 1
    assert checks["model"].state == "failure"
    assert checks["model"].message == (
        "mine/model.tflite differs from the manifest (SHA-256 mismatch)"
    )
    assert "use the bundled one" in str(checks["model"].remedy)
    assert "speed" not in checks
    assert checks["speech gate"].state == "ok", "goes on with the others"


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_nothing_private_is_reported(tmp_path: Path, arguments: list[str]) -> None:
    home = tmp_path / "ada-lovelace"
    folder = home / "models" / "mine"
    shutil.copytree(bundled_model_folder(), folder)
    environment = os.environ | {"HOME": str(home), "USERPROFILE": str(home), "USER": "ada-lovelace"}
    for model in (folder, home / "models" / "missing", home):
        output = call("doctor", *arguments, "--model", model, env=environment).stdout.decode()
        assert "model" in output
        for private in ("ada-lovelace", str(tmp_path), str(Path.home()), str(ROOT)):
            assert private not in output
        for name in (platform.node(), getpass.getuser()):
            assert not re.search(rf"\b{re.escape(name)}\b", output)


def test_a_path_within_the_home_folder_is_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> Any:
        raise ImportError(str(Path.home() / "lib" / "broken.so"))

    monkeypatch.setattr(importlib, "import_module", broken)
    packages = next(check for check in doctor.run_checks() if check.name == "packages")

    assert packages.state == "failure"
    assert "numpy cannot be loaded (" in packages.message
    assert "broken.so" in packages.message
    assert str(Path.home()) not in packages.message


def test_the_packages_are_those_the_program_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [re.split("[<>=]", requirement)[0] for requirement in project["dependencies"]]

    assert list(software.PACKAGES) == needed


def test_an_old_python_is_a_failure() -> None:
    assert software.check_python((3, 10, 9)).state == "failure"
    assert software.check_python((3, 11, 0)).state == "ok"


@pytest.mark.parametrize(
    ("taken", "state", "shown"),
    [
        ([0.004] * 9 + [5.0], "ok", "4.0 ms for a hop of 480 ms (0.8 %, median of 10)"),
        ([0.047], "ok", "9.8 %"),
        ([0.049], "warning", "10.2 %"),
        ([0.479], "warning", "99.8 %"),
        ([0.481], "failure", "100.2 %"),
    ],
)
def test_speed_against_the_budget(taken: list[float], state: str, shown: str) -> None:
    check = software.judge_speed(taken, 0.48)

    assert check.state == state
    assert shown in check.message
    assert (check.remedy is None) == (state == "ok")


@pytest.mark.parametrize(
    ("size", "color", "encoding", "remedy"),
    [
        ((80, 24), "truecolor", "utf-8", None),
        ((40, 12), "standard", "UTF8", None),
        ((39, 24), "256", "utf-8", "enlarge it to 40 columns"),
        ((80, 11), "256", "utf-8", "12 rows"),
        ((80, 24), None, "utf-8", "set TERM"),
        ((80, 24), "256", "cp1252", "UTF"),
    ],
)
def test_terminals(
    size: tuple[int, int], color: str | None, encoding: str, remedy: str | None
) -> None:
    check = software.judge_terminal(size, color, encoding)

    assert check.state == ("ok" if remedy is None else "warning")
    assert check.remedy == remedy or str(remedy) in str(check.remedy)


@pytest.mark.skipif(os.name == "nt", reason="POSIX terminals")
def test_a_real_terminal_is_described() -> None:
    import pty

    master, slave = pty.openpty()
    environment = os.environ | {"COLUMNS": "70", "LINES": "9", "TERM": "dumb"}
    with subprocess.Popen(
        [*COMMAND, "doctor"], stdout=slave, stderr=slave, env=environment
    ) as process:
        os.close(slave)
        output = b""
        while b"speech gate" not in output:
            output += os.read(master, 1000)
        process.kill()
    os.close(master)

    assert b"warning  terminal    70 columns, 9 rows, color: none, utf-8" in output
    assert b"12 rows; set TERM" in output


def test_a_line_fits_the_encoding_of_the_terminal() -> None:
    check = Check("microphone", "ok", "Микрофон")

    assert doctor.as_line(check).endswith("Микрофон")
    assert doctor.as_line(check, "ascii").isascii()


# The virtual microphone.


@pytest.mark.system
def test_a_muted_microphone_is_a_warning(microphone: VirtualMicrophone) -> None:
    code, checks = diagnose("--device", DEVICE, **microphone.environment)

    assert list(checks) == [*WITHOUT_DEVICES, *DEVICE_CHECKS]
    assert code == 0, checks
    assert f"{DEVICE} (ALSA), inputs: " in checks["microphone"].message
    assert "16000" in checks["rates"].message
    assert (checks["level"].state, checks["level"].message) == ("warning", "it delivers only zeros")
    assert "unmute" in str(checks["level"].remedy)


@pytest.mark.system
def test_a_microphone_in_a_quiet_room_is_ok(microphone: VirtualMicrophone, tmp_path: Path) -> None:
    noise = 10 ** (-60 / 20) * np.random.default_rng(5).standard_normal(40 * 16_000)
    soundfile.write(tmp_path / "room.wav", noise.astype(np.float32), 16_000)
    playing = subprocess.Popen(
        ["paplay", "--device=mic", tmp_path / "room.wav"], env=microphone.environment
    )
    try:
        code, checks = diagnose("--device", DEVICE, **microphone.environment)
    finally:
        playing.kill()
        playing.wait()

    assert code == 0
    assert checks["level"].state == "ok", checks["level"]


@pytest.mark.system
def test_a_microphone_that_does_not_exist_is_a_failure(microphone: VirtualMicrophone) -> None:
    code, checks = diagnose("--device", "no such thing", **microphone.environment)

    assert code == 1
    assert checks["devices"].state == "ok"
    assert checks["microphone"].state == "failure"
    assert "choose one of" in str(checks["microphone"].remedy)
    assert "level" not in checks
