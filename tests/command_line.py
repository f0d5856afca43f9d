"""The command as a subprocess, and what tests expect of it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from speech_clips import SAMPLES, speech

from realtime_ser import Recognizer, to_dict

CLIP = SAMPLES / "one_utterance.flac"
COMMAND = [sys.executable, "-m", "realtime_ser"]


def call(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, timeout=60, check=False, **options
    )


def events_of(output: bytes) -> list[dict[str, Any]]:
    """Every line is a JSON object, or the test fails."""
    return [json.loads(line) for line in output.splitlines()]


def said(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] not in ("health", "file")]


def refused(run: subprocess.CompletedProcess[bytes], code: int, *words: str) -> str:
    """One clear line on stderr, nothing on stdout, no traceback."""
    message = run.stderr.decode()
    assert run.returncode == code, message
    assert run.stdout == b""
    assert message.count("\n") == 1, message
    assert message.startswith("realtime-ser: ")
    assert re.search(": .+: ", message), "what was wrong, and what to do"
    for word in words:
        assert word in message
    return message


def expected_events(name: str) -> list[dict[str, Any]]:
    events = Recognizer().recognize(speech(name), 16_000).events
    return json.loads(json.dumps([to_dict(event) for event in events]))  # type: ignore[no-any-return]
