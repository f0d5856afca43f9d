"""Output that cannot be written: one clear line and exit code 1, whichever command it is."""

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from command_line import CLIP, COMMAND

from realtime_ser.capture.devices import InputDevice
from realtime_ser.commands import bench, devices, doctor, main
from realtime_ser.doctor.check import Check

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX files and pipes")

LOST = "realtime-ser: cannot write the output (no space left on device): write it elsewhere\n"
COMMANDS = [
    "--help",
    "--version",
    "bench --help",
    "devices",
    "devices --json",
    "doctor",
    "doctor --json",
    "bench",
    f"analyze {CLIP}",
    f"analyze --json {CLIP}",
    "--demo --json --duration 1.5",
]


@pytest.fixture(autouse=True)
def commands_have_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``devices``, ``doctor`` and ``bench`` print something, whatever the machine has."""
    device = InputDevice(0, "microphone", "ALSA", 1, 48_000, True)
    monkeypatch.setattr(devices, "list_input_devices", lambda: [device])
    check = Check("microphone", "ok", "it works")
    monkeypatch.setattr(doctor, "run_checks", lambda *_: iter([check]))
    monkeypatch.setattr(bench, "measure", lambda *_, **__: None)
    monkeypatch.setattr(bench, "_lines", lambda _: iter(["measured"]))


@pytest.fixture
def full_disk() -> Iterator[IO[str]]:
    if not Path("/dev/full").exists():
        pytest.skip("the system has no /dev/full")
    with open("/dev/full", "w", encoding="utf-8") as file:  # noqa: PTH123
        yield file


@pytest.fixture
def left_pipe() -> Iterator[IO[str]]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as file:
        yield file


def exit_code(command: str) -> int:
    try:
        return main(shlex.split(command))
    except SystemExit as left:
        return int(left.code or 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_behind_stdout_is_one_line(
    command: str,
    full_disk: IO[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdout", full_disk)
    assert exit_code(command) == 1
    assert capsys.readouterr().err == LOST


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_left_ends_the_command_quietly(
    command: str,
    left_pipe: IO[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdout", left_pipe)
    assert exit_code(command) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", ["--help", "--version"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_help_on_an_unbuffered_full_disk_is_one_line(command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [*COMMAND, command],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            timeout=60,
        )
    assert (run.returncode, run.stderr.decode()) == (1, LOST)


@pytest.mark.parametrize("stderr", ["/dev/full", "a pipe whose reader left"])
@pytest.mark.parametrize(("command", "code"), [("analyze missing.wav", 1), ("--nonsense", 2)])
def test_stderr_that_cannot_be_written_changes_no_exit_code(
    command: str, code: int, stderr: str, request: pytest.FixtureRequest
) -> None:
    file = request.getfixturevalue("full_disk" if stderr == "/dev/full" else "left_pipe")
    run = subprocess.run(
        [*COMMAND, *shlex.split(command)], stdout=subprocess.PIPE, stderr=file, timeout=60
    )
    assert (run.returncode, run.stdout) == (code, b"")


def test_no_error_is_lost_on_a_non_blocking_stderr() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    command = [*COMMAND, "analyze", *["missing.wav"] * 5]
    with subprocess.Popen(command, stderr=writer) as process:
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            lines = pipe.read().lstrip(b"\0").splitlines()
    assert process.returncode == 1
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("option", "file", "message"),
    [
        ("--record", "out.wav", "the recording ended: cannot write"),
        ("--events", "out.jsonl", "the event file ended: cannot write"),
    ],
)
def test_an_output_that_fails_in_a_run_is_one_line_and_exit_code_1(
    option: str, file: str, message: str, tmp_path: Path
) -> None:
    command = shlex.join([*COMMAND, "--input", str(CLIP), "--json", option, str(tmp_path / file)])
    run = subprocess.run(
        ["bash", "-c", f"ulimit -f 1; {command}"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1, run.stderr
    assert message in run.stderr
    assert run.stdout.splitlines()[-1].startswith('{"event": "health"'), "recognition went on"
    assert 0 < (tmp_path / file).stat().st_size <= 1024
