"""docs/server.md: its clients run as copied, and its tables match the code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from browser import chromium
from running_server import RunningServer, analyzed
from speech_clips import speech

from realtime_ser import Recognizer
from realtime_ser.commands.parser import parse
from realtime_ser.server.faults import CLOSE_CODES
from realtime_ser.server.options import Limits

PAGE = (Path(__file__).parents[2] / "docs" / "server.md").read_text(encoding="utf-8")


def client(language: str) -> str:
    """The client of the page, connecting to the port of a test."""
    block = PAGE.partition(f"<!-- {language} client -->")[2].partition("```")[2]
    return block.partition("\n")[2].partition("```")[0]


def test_the_python_client_works_as_copied(
    server: RunningServer, recognizer: Recognizer, tmp_path: Path
) -> None:
    samples = speech("one_utterance")
    soundfile.write(tmp_path / "talk.wav", samples, 16_000)
    (tmp_path / "client.py").write_text(client("python"))
    command = [sys.executable, "client.py", "talk.wav", server.url("/v1/stream")]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        f"{event['event']} {event.get('label')} {event.get('confidence')}"
        for event in analyzed(recognizer, samples)
    ]


@pytest.mark.system
def test_the_javascript_client_works_as_copied(server: RunningServer, tmp_path: Path) -> None:
    microphone = tmp_path / "microphone.wav"
    soundfile.write(microphone, speech("three_utterances"), 16_000)
    code = client("javascript").replace("127.0.0.1:8765", f"127.0.0.1:{server.port}")
    assert str(server.port) in code
    with chromium(microphone) as browser:
        browser.open(f"http://127.0.0.1:{server.port}/")
        browser.wait_for("document.querySelector('#start')")
        browser.run("window.said = []; console.log = (...words) => said.push(words.join(' '))")
        browser.run(f"(async () => {{ {code} }})()")
        browser.wait_for("said.length >= 2")
        assert all(re.fullmatch(r"\w+ 0\.\d+", line) for line in browser.run("said"))


@pytest.mark.parametrize("code", CLOSE_CODES)
def test_every_fault_is_listed_with_its_close_code(code: str) -> None:
    assert f"| `{code}` | {CLOSE_CODES[code]} |" in PAGE


def test_every_option_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["serve", "--help"])
    options = set(re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    assert len(options) > 15
    assert [option for option in sorted(options) if f"`{option}" not in PAGE] == []


def test_the_defaults_of_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    for option, value in {
        "--max-sessions N": limits.sessions,
        "--max-message N": limits.message_bytes,
        "--max-events N": limits.events,
        "--idle-timeout S": limits.idle_seconds,
        "--ping S": limits.ping_seconds,
        "--drain-timeout S": limits.drain_seconds,
    }.items():
        assert re.search(rf"\| `{option}` \| {value:.10g} \|", PAGE)
