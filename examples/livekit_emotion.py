"""A LiveKit agent that knows how the user sounds.

``EmotionAgent`` listens to the audio on its way to the speech recognizer, and tells the language
model, before each reply, how the last utterance sounded. Use it in place of ``Agent``::

    session = AgentSession(stt=..., llm=..., tts=...)
    await session.start(agent=EmotionAgent(instructions="You are helpful."), room=ctx.room)

Tried with a sound file and without a server::

    pip install livekit-agents
    python examples/livekit_emotion.py talk.wav
"""

import asyncio
import sys
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import numpy as np
import soundfile
from livekit import rtc
from livekit.agents import Agent, ModelSettings, llm

from realtime_ser import Recognizer, SpeechEnded, Stream

NOTE = (
    "By the sound of the voice, the user's last words were {label} (probability {confidence:.0%})."
    " This is a guess: adapt your tone, but never tell users what they feel."
)


class EmotionAgent(Agent):
    """Notes the emotion of every utterance.

    Attributes:
        utterance: the newest one, ``None`` before the first.
    """

    def __init__(self, *, recognizer: Recognizer | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.utterance: SpeechEnded | None = None
        self._recognizer = recognizer or Recognizer()

    async def stt_node(self, audio: AsyncIterable[rtc.AudioFrame], settings: ModelSettings) -> Any:
        """Transcribe as usual, and listen along."""
        async for event in Agent.default.stt_node(self, self.heard(audio), settings):
            yield event

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        """Tell the language model how the user sounded."""
        if self.utterance is not None:
            note = NOTE.format(label=self.utterance.label, confidence=self.utterance.confidence)
            turn_ctx.add_message(role="system", content=note)

    async def heard(self, audio: AsyncIterable[rtc.AudioFrame]) -> AsyncIterator[rtc.AudioFrame]:
        """Yield the frames unchanged, each analyzed in a thread."""
        stream: Stream | None = None
        async for frame in audio:
            if stream is None:
                stream = self._recognizer.stream(frame.sample_rate)
            samples = np.frombuffer(frame.data, np.int16).reshape(-1, frame.num_channels)
            self._note(await asyncio.to_thread(stream.process, samples))
            yield frame
        if stream is not None:
            self._note(await asyncio.to_thread(stream.flush))

    def _note(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, SpeechEnded):
                self.utterance = event


async def run(path: str) -> None:
    """Let the agent hear a sound file, and print what the language model would be told."""
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)

    async def frames() -> AsyncIterator[rtc.AudioFrame]:
        for start in range(0, len(samples), rate // 50):
            block = samples[start : start + rate // 50]
            yield rtc.AudioFrame(block.tobytes(), rate, block.shape[1], len(block))

    agent = EmotionAgent(instructions="You are helpful.")
    known: SpeechEnded | None = None
    async for _ in agent.heard(frames()):
        if agent.utterance is not known:
            known = agent.utterance
            await _print_note(agent)
    if agent.utterance is not known:
        await _print_note(agent)


async def _print_note(agent: EmotionAgent) -> None:
    context = llm.ChatContext.empty()
    await agent.on_user_turn_completed(context, llm.ChatMessage(role="user", content=["..."]))
    print(context.items[-1].text_content)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
