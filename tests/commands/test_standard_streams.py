"""The command with unusual standard streams: closed, full, not a terminal, not UTF-8."""

import fcntl
import json
import os
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from realtime_ser.demo import demo_clip
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


def test_no_line_is_lost_on_a_non_blocking_stdout() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    arguments = [*shlex.split(COMMAND), "analyze", "--json", *[str(SPEECH)] * 60]
    with subprocess.Popen(arguments, stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        time.sleep(8)  # fill the pipe first
        with os.fdopen(reader) as lines:
            events = [json.loads(line) for line in lines]
        assert process.wait(60) == 0
    assert sum("path" in event for event in events) == 60


@pytest.mark.parametrize(
    "name", [("two\nlines", r"two\nlines"), ("\x1b[31m", r"\x1b[31m"), ("caf\udce9", r"caf\xe9")]
)
def test_names_are_made_printable(name: tuple[str, str]) -> None:
    assert printable(name[0]) == name[1]
    assert str(AudioInputError(name[0], "x")) == f"{name[1]}: x"


def run_screen(
    stdin: str, folder: Path, key: bytes, **environment: str
) -> tuple[int, bytes, float]:
    """Run the terminal UI on a pty; return its exit code, output and CPU seconds."""
    root = str(Path(__file__).parents[2])
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.dup2(os.open(stdin, os.O_RDONLY), 0)
        variables = {**os.environ, "PYTHONPATH": root, "TERM": "xterm", **environment}
        os.execve(
            sys.executable,
            [*shlex.split(COMMAND), "--input", str(demo_clip())],
            variables,
        )
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    output, began, typed = b"", time.monotonic(), False
    while time.monotonic() - began < 40:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                output += os.read(terminal, 65536)
            except OSError:
                break
        if not typed and time.monotonic() - began > 8:
            os.write(terminal, key)
            typed = True
    else:
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), output, usage.ru_utime + usage.ru_stime


@pytest.mark.parametrize("stdin", ["/dev/null", "list.txt"])
def test_keys_come_from_the_terminal_and_never_from_stdin(stdin: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("record-1.wav\nquiet.wav\n")
    code, output, _ = run_screen(stdin, tmp_path, b"q")
    assert code == 0, output[-500:]
    assert b"\x1b[?1049h" in output
    assert [path.name for path in tmp_path.iterdir()] == ["list.txt"]


@pytest.mark.parametrize(
    "environment", [{"TERM": "dumb"}, {"TERM": ""}, {"PYTHONIOENCODING": "ascii"}]
)
def test_a_screen_that_cannot_be_drawn_is_one_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    code, output, _ = run_screen("/dev/null", tmp_path, b"", **environment)
    assert code == 1
    assert len(output.splitlines()) == 1
    assert b"--json" in output
    assert b"\x1b" not in output
