"""The terminal UI on unusual terminals, and with other standard streams than the terminal."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import soundfile
from command_line import CLIP, COMMAND
from pseudo_terminal import SCREEN_IS_TAKEN, Terminal, terminal

from realtime_ser.demo import demo_clip

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")

REPLAY = [*COMMAND, "--input", str(demo_clip())]
DRAWN = b"\x1b[0m"


def take_controlling_terminal() -> None:
    """Give the program a /dev/tty, which needs a session of its own."""
    os.close(os.open(os.ttyname(1), os.O_RDWR))


def quit_with_q(started: Terminal) -> int:
    started.wait_for(SCREEN_IS_TAKEN)
    started.wait_for(DRAWN)
    started.type(b"q")
    return started.wait()


@pytest.mark.parametrize("stdin", ["/dev/null", "list.txt", "a pipe"])
@pytest.mark.parametrize("has_dev_tty", [True, False])
def test_keys_come_from_the_terminal_and_never_from_stdin(
    stdin: str, has_dev_tty: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    (tmp_path / "list.txt").write_text("record-1.wav\nquiet.wav\n")
    options: dict[str, Any] = {"start_new_session": True} if has_dev_tty else {}
    if has_dev_tty:
        options["preexec_fn"] = take_controlling_terminal
    reader, writer = os.pipe()
    os.write(writer, b"rrr")
    file = reader if stdin == "a pipe" else os.open(tmp_path / stdin, os.O_RDONLY)
    with terminal(REPLAY, stdin=file, cwd=tmp_path, **options) as started:
        assert quit_with_q(started) == 0, started.output[-500:]
    for descriptor in {reader, writer, file}:
        os.close(descriptor)
    assert [path.name for path in tmp_path.iterdir()] == ["list.txt"]


@pytest.mark.parametrize(
    "environment", [{"TERM": "dumb"}, {"TERM": ""}, {"PYTHONIOENCODING": "ascii"}]
)
def test_a_screen_that_cannot_be_drawn_is_one_line(environment: dict[str, str]) -> None:
    with terminal(REPLAY, environment=environment) as started:
        assert started.wait() == 1
    assert len(started.output.splitlines()) == 1
    assert b"--json" in started.output
    assert b"\x1b" not in started.output


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (2, 1), (1, 5), (5, 2), (20, 5), (300, 1)])
def test_a_tiny_terminal_shows_what_fits(columns: int, rows: int) -> None:
    with terminal(REPLAY, columns=columns, rows=rows) as started:
        started.wait_for(DRAWN)
        started.type(b"?")
        started.type(b"q")  # closes the help
        assert quit_with_q(started) == 0, started.output[-500:]
    assert b"Traceback" not in started.output


def test_a_terminal_that_takes_no_more_for_a_moment_gets_everything() -> None:
    with terminal(REPLAY) as started:
        os.set_blocking(started.slave, False)
        assert quit_with_q(started) == 0, started.output[-500:]
    assert b"Traceback" not in started.output


def test_the_name_of_a_file_cannot_write_to_the_screen(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9\x1b[31m\n.flac")
    shutil.copy(CLIP, tmp_path / name)
    with terminal([*COMMAND, "--input", str(tmp_path / name)], columns=120) as started:
        started.wait_for(rb"caf\xe9\x1b[31m\n.flac")
        started.type(b"q")
        assert started.wait() == 0
    assert b"caf\xe9" not in started.output


def test_a_recording_that_fails_below_the_screen_is_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    command = [*COMMAND, "--input", str(CLIP), "--duration", "1.5", "--record", str(path)]
    limited = ["bash", "-c", 'ulimit -f 32; exec "$0" "$@"', *command]
    with terminal(limited) as started:
        assert started.wait() == 1
    assert started.output.count(b"the recording ended: cannot write") == 1
    assert soundfile.info(path).frames > 0
