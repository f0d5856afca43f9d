"""A Pipecat processor that emits the emotion in the user's voice.

Put it after the transport's input; every frame passes through, and emotion frames are added::

    Pipeline([transport.input(), EmotionProcessor(), stt, context.user(), llm, tts, ...])

Tried with a sound file and without any service::

    pip install pipecat-ai
    python examples/pipecat_emotion.py talk.wav
"""

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
from pipecat.frames.frames import DataFrame, EndFrame, Frame, InputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from realtime_ser import EmotionUpdate, Recognizer, SpeechEnded, Stream


@dataclass
class EmotionFrame(DataFrame):
    """What the voice sounds like.

    Attributes:
        label: the likeliest emotion, or ``uncertain``.
        confidence: its probability.
        probabilities: of all eight emotions.
        final: whether it is that of a whole utterance.
    """

    label: str
    confidence: float
    probabilities: dict[str, float]
    final: bool


class EmotionProcessor(FrameProcessor):
    """Adds an ``EmotionFrame`` for every hop of speech, and a final one for every utterance.

    Args:
        recognizer: shared by the processors of a server; ``None`` loads the bundled model.
    """

    def __init__(self, recognizer: Recognizer | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._recognizer = recognizer or Recognizer()
        self._stream: Stream | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass every frame on; analyze audio in a thread, so that the event loop is not held up."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            events = await asyncio.to_thread(self._analyze, frame)
        elif isinstance(frame, EndFrame) and self._stream is not None:
            events = await asyncio.to_thread(self._stream.flush)
        else:
            events = []
        for event in events:
            if isinstance(event, EmotionUpdate | SpeechEnded):
                shares, final = dict(event.probabilities), isinstance(event, SpeechEnded)
                await self.push_frame(EmotionFrame(event.label, event.confidence, shares, final))
        await self.push_frame(frame, direction)

    def _analyze(self, frame: InputAudioRawFrame) -> list[Any]:
        if self._stream is None:
            self._stream = self._recognizer.stream(frame.sample_rate)
        samples = np.frombuffer(frame.audio, np.int16).reshape(-1, frame.num_channels)
        return self._stream.process(samples)


class Printer(FrameProcessor):
    """Prints the emotion frames that reach it."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Print an emotion frame, and pass every frame on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, EmotionFrame):
            print("utterance" if frame.final else "now", frame.label, f"{frame.confidence:.2f}")
        await self.push_frame(frame, direction)


async def run(path: str) -> None:
    """Send a sound file through a pipeline, in frames of 20 ms."""
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    task = PipelineTask(Pipeline([EmotionProcessor(), Printer()]))
    for start in range(0, len(samples), rate // 50):
        block = samples[start : start + rate // 50]
        await task.queue_frame(InputAudioRawFrame(block.tobytes(), rate, block.shape[1]))
    await task.queue_frame(EndFrame())
    await PipelineRunner(handle_sigint=False).run(task)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
