"""The command as a process, and what tests expect of it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from forked_command import forker
from speech_clips import SAMPLES, speech

from realtime_ser import Recognizer, to_dict

CLIP = SAMPLES / "one_utterance.flac"
COMMAND = [sys.executable, "-m", "realtime_ser"]
SECONDS = 60.0
"""Patience with a busy machine."""


def call(
    *arguments: object,
    input: bytes | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end, without the start of an interpreter where a system can fork."""
    if not hasattr(os, "fork"):
        return call_afresh(*arguments, input=input, env=env)
    environment = os.environ if env is None else env
    words = list(map(str, arguments))
    return forker().run(words, stdin=input, environment=environment, seconds=SECONDS)


def call_afresh(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end in a new interpreter."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, **options)


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


@cache
def expected_events(name: str) -> list[dict[str, Any]]:
    events = Recognizer().recognize(speech(name), 16_000).events
    return json.loads(json.dumps([to_dict(event) for event in events]))  # type: ignore[no-any-return]
