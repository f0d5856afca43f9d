"""An assistant that adapts its answer to how something was said.

Reads the events of realtime-ser from standard input, and writes a prompt for each utterance. The
prompt goes to any program that reads a prompt and writes an answer; without one, a built-in reply
shows what the emotion changes::

    realtime-ser --demo --json | python examples/assistant.py
    realtime-ser --json | python examples/assistant.py --command "ollama run llama3.2"

The words of the utterance would come from a speech recognizer; this example leaves them out.
"""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

SURE = 0.5
"""Probability from which the assistant mentions the emotion; below, it only softens its tone."""

TONES = {
    "neutral": "Answer plainly.",
    "calm": "Answer plainly.",
    "happy": "Share the good mood.",
    "sad": "Be warm and unhurried. Do not cheer them up by force.",
    "angry": "Stay factual and short. Do not argue, and offer one concrete next step.",
    "fearful": "Reassure first, then explain one step at a time.",
    "disgust": "Acknowledge the dislike, and offer an alternative.",
    "surprised": "Explain what happened before you go on.",
    "uncertain": "Answer plainly.",
}

PROMPT = """\
You are a voice assistant. A person has just spoken for {seconds:.1f} seconds.
By the sound of the voice alone, it was {label} (probability {confidence:.0%}).
This is a guess: never tell people what they feel.
{tone}
Answer in one sentence."""

REPLIES = {
    "happy": "Great, let's keep going!",
    "sad": "Take your time, I am here.",
    "angry": "Understood. Shall I undo the last step?",
    "fearful": "Nothing is lost. First, let us check what happened.",
    "disgust": "I see. Shall I suggest something else?",
    "surprised": "Let me explain what I just did.",
}


def prompt_for(utterance: Mapping[str, Any]) -> str:
    """Return the prompt for a ``speech_ended`` event."""
    label = utterance["label"] if utterance["confidence"] >= SURE else "uncertain"
    return PROMPT.format(
        seconds=utterance["end"] - utterance["start"],
        label=utterance["label"],
        confidence=utterance["confidence"],
        tone=TONES.get(label, TONES["uncertain"]),
    )


def answer(utterance: Mapping[str, Any], command: str | None) -> str:
    """Return the answer of the program, or a built-in one."""
    if command is None:
        return REPLIES.get(utterance["label"], "All right.")
    program = shlex.split(command)
    result = subprocess.run(
        program, input=prompt_for(utterance), capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or f"({program[0]} gave no answer: {result.stderr.strip()})"


def main() -> None:
    """Answer every utterance on standard input."""
    parser = argparse.ArgumentParser(description="An assistant that adapts its answer.")
    parser.add_argument("--command", help="program that reads a prompt and writes an answer")
    options = parser.parse_args()
    for line in sys.stdin:
        event = json.loads(line)
        if event["event"] == "speech_ended":
            print(prompt_for(event), flush=True)
            print(f"-> {answer(event, options.command)}\n", flush=True)


if __name__ == "__main__":
    main()
