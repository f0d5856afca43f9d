"""The command with unusual standard streams: closed, full, not a terminal, not UTF-8."""

import fcntl
import json
import os
import shlex
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from realtime_ser.errors import AudioInputError, printable

SPEECH = Path(__file__).parents[1] / "speech_samples" / "one_utterance.flac"
COMMAND = shlex.join([sys.executable, "-m", "realtime_ser"])
pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX shells and terminals")


def run_shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        line.replace("CMD", COMMAND),
        shell=True,
        executable="/bin/bash",
        env={**os.environ, "PYTHONPATH": root, **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", [f"analyze {SPEECH}", "--demo --json --duration 1"])
def test_a_closed_stream_costs_nothing_else(command: str, closed: str) -> None:
    result = run_shell(f"CMD {command} {closed}")
    assert result.returncode == 0
    assert result.stderr == b""


def test_names_that_are_not_utf8_and_a_bad_file_do_not_end_the_batch(tmp_path: Path) -> None:
    names = [b"a\n\x1b[31m.flac", b"caf\xe9.flac", b"z.flac"]
    for name in names:
        shutil.copy(SPEECH, tmp_path / os.fsdecode(name))
    (tmp_path / "bad\x1b.flac").write_bytes(b"no audio")
    for environment in ({}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}):
        text = run_shell(f"cd {tmp_path}; CMD analyze *.flac", **environment)
        assert text.returncode == 1
        assert len(text.stderr.splitlines()) == 1
        assert b"\x1b" not in text.stdout + text.stderr
        assert b"caf\\xe9.flac" in text.stdout
        lines = run_shell(f"cd {tmp_path}; CMD analyze --json *.flac", **environment).stdout
        paths = [e["path"] for e in map(json.loads, lines.splitlines()) if "path" in e]
        assert set(map(os.fsencode, paths)) == set(names)


def test_a_quoted_pattern_is_expanded(tmp_path: Path) -> None:
    for name in ("a.flac", "b.flac"):
        shutil.copy(SPEECH, tmp_path / name)
    result = run_shell(f"cd {tmp_path}; CMD analyze '*.flac'")
    assert result.returncode == 0
    assert b"a.flac" in result.stdout
    assert b"b.flac" in result.stdout
    missing = run_shell(f"cd {tmp_path}; CMD analyze '*.wav'")
    assert missing.returncode == 1
    assert len(missing.stderr.splitlines()) == 1


def wait_until_full(pipe: int) -> None:
    """Wait until nothing has come into a pipe for half a second, after a first line."""
    before, waiting = 0, 0
    deadline = time.monotonic() + 30
    while not waiting or waiting > before:
        assert time.monotonic() < deadline
        before = waiting
        time.sleep(0.5)
        (waiting,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))


def test_no_line_is_lost_on_a_non_blocking_stdout() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    arguments = [*shlex.split(COMMAND), "analyze", "--json", *[str(SPEECH)] * 30]
    with subprocess.Popen(arguments, stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        wait_until_full(reader)
        with os.fdopen(reader) as lines:
            events = [json.loads(line) for line in lines]
        assert process.wait(60) == 0
    assert sum("path" in event for event in events) == 30


@pytest.mark.parametrize(
    "name", [("two\nlines", r"two\nlines"), ("\x1b[31m", r"\x1b[31m"), ("caf\udce9", r"caf\xe9")]
)
def test_names_are_made_printable(name: tuple[str, str]) -> None:
    assert printable(name[0]) == name[1]
    assert str(AudioInputError(name[0], "x")) == f"{name[1]}: x"
