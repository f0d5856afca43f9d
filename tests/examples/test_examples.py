"""The examples run as written; those that need a package skip where it is missing."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import call
from network_peers import accepts, free_port
from speech_clips import SAMPLES, speech
from waiting import wait_until

from realtime_ser import EmotionUpdate, Recognizer, SpeechEnded

EXAMPLES = Path(__file__).parents[2] / "examples"
CLIP = SAMPLES / "three_utterances.flac"


def output_of(name: str, *arguments: object, stdin: bytes = b"") -> str:
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode()


def analyzed() -> bytes:
    run = call("analyze", "--json", CLIP)
    assert run.returncode == 0, run.stderr
    return run.stdout


def utterances(recognizer: Recognizer) -> list[SpeechEnded]:
    events = recognizer.recognize(speech("three_utterances"), 16_000).events
    return [event for event in events if isinstance(event, SpeechEnded)]


def test_the_assistant_answers_every_utterance() -> None:
    events = analyzed()
    parsed = [json.loads(line) for line in events.splitlines()]
    ended = [event for event in parsed if event["event"] == "speech_ended"]
    output = output_of("assistant.py", stdin=events)
    assert output.count("\n-> ") == len(ended) >= 3
    for event in ended:
        assert f"it was {event['label']} (probability {event['confidence']:.0%})" in output


def test_the_assistant_passes_its_prompt_to_a_program() -> None:
    event = {"event": "speech_ended", "start": 1.0, "end": 3.5, "label": "sad", "confidence": 0.9}
    program = f'{sys.executable} -c "print(len(input()), input())"'
    output = output_of("assistant.py", "--command", program, stdin=json.dumps(event).encode())
    first, second, *_ = output.splitlines()
    assert second == "By the sound of the voice alone, it was sad (probability 90%)."
    assert f"-> {len(first)} {second}" in output
    assert "warm and unhurried" in output


def test_pipecat_gets_an_emotion_frame_for_every_event(recognizer: Recognizer) -> None:
    pytest.importorskip("pipecat", reason="pipecat-ai is not installed")
    events = recognizer.recognize(speech("three_utterances"), 16_000).events
    assert output_of("pipecat_emotion.py", CLIP).splitlines() == [
        f"{'utterance' if isinstance(event, SpeechEnded) else 'now'} {event.label}"
        f" {event.confidence:.2f}"
        for event in events
        if isinstance(event, EmotionUpdate | SpeechEnded)
    ]


def test_livekit_tells_the_language_model_about_every_utterance(recognizer: Recognizer) -> None:
    pytest.importorskip("livekit.agents", reason="livekit-agents is not installed")
    lines = output_of("livekit_emotion.py", CLIP).splitlines()
    ended = utterances(recognizer)
    assert len(lines) == len(ended)
    for line, event in zip(lines, ended, strict=True):
        assert f"were {event.label} (probability {event.confidence:.0%})" in line


@pytest.mark.filterwarnings("ignore:'audioop' is deprecated")
def test_wyoming_answers_with_emotions(recognizer: Recognizer) -> None:
    pytest.importorskip("wyoming", reason="wyoming is not installed")
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.client import AsyncTcpClient
    from wyoming.event import Event
    from wyoming.info import Describe

    async def talk(port: int) -> list[Event]:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Describe().event())
            answers = [await client.read_event()]
            await client.write_event(AudioStart(16_000, 2, 1).event())
            samples = speech("three_utterances")
            for start in range(0, len(samples), 1024):
                audio = samples[start : start + 1024].tobytes()
                await client.write_event(AudioChunk(16_000, 2, 1, audio).event())
            await client.write_event(AudioStop().event())
            await client.write_event(AudioChunk(16_000, 4, 1, b"\0" * 8).event())
            while (answer := await client.read_event()) is not None:
                answers.append(answer)
            return answers

    port = free_port()
    command = [sys.executable, str(EXAMPLES / "wyoming_bridge.py")]
    with subprocess.Popen([*command, "--uri", f"tcp://127.0.0.1:{port}"]) as server:
        try:
            wait_until(lambda: accepts(port))
            info, *emotions, error = asyncio.run(talk(port))
        finally:
            server.kill()
    assert info.type == "info"
    assert error.type == "error"
    finals = [event.data["label"] for event in emotions if event.data["final"]]
    assert finals == [event.label for event in utterances(recognizer)]
    assert {event.type for event in emotions} == {"emotion"}
