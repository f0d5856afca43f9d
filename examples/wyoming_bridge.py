"""A service in the manner of Wyoming, the protocol of Home Assistant's voice satellites.

Takes ``audio-start``, ``audio-chunk`` and ``audio-stop``, and answers with ``emotion`` events, with
the fields of realtime-ser's ``emotion`` and ``speech_ended``::

    pip install wyoming
    python examples/wyoming_bridge.py --uri tcp://127.0.0.1:10420

Wyoming itself defines no emotion service, so clients must know the event's name.
"""

import argparse
import asyncio
from functools import partial
from typing import Any

import numpy as np
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.server import AsyncEventHandler, AsyncServer

from realtime_ser import EmotionUpdate, Recognizer, SpeechEnded, Stream, to_dict


class EmotionHandler(AsyncEventHandler):
    """Serves one client."""

    def __init__(self, recognizer: Recognizer, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._recognizer = recognizer
        self._stream: Stream | None = None

    async def handle_event(self, event: Event) -> bool:
        """Take an event of the client; ``True`` keeps the connection open."""
        if Describe.is_type(event.type):
            await self.write_event(Info().event())
        elif AudioStart.is_type(event.type):
            self._stream = self._recognizer.stream(AudioStart.from_event(event).rate)
        elif AudioChunk.is_type(event.type):
            return await self._take(AudioChunk.from_event(event))
        elif AudioStop.is_type(event.type) and self._stream is not None:
            await self._send(await asyncio.to_thread(self._stream.flush))
            self._stream = None
        return True

    async def _take(self, chunk: AudioChunk) -> bool:
        if chunk.width != 2 or self._stream is None:
            message = {"text": "send audio-start, then 16-bit samples", "code": "bad-audio"}
            await self.write_event(Event("error", message))
            return False
        samples = np.frombuffer(chunk.audio, np.int16).reshape(-1, chunk.channels)
        await self._send(await asyncio.to_thread(self._stream.process, samples))
        return True

    async def _send(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, EmotionUpdate | SpeechEnded):
                values = to_dict(event)
                final = values.pop("event") == "speech_ended"
                await self.write_event(Event("emotion", {**values, "final": final}))


async def serve(uri: str) -> None:
    """Serve clients until interrupted; they share one model."""
    server = AsyncServer.from_uri(uri)
    await server.run(partial(EmotionHandler, Recognizer()))


def main() -> None:
    """Serve at the address that was given."""
    parser = argparse.ArgumentParser(description="Emotion events for Wyoming clients.")
    parser.add_argument("--uri", default="tcp://127.0.0.1:10420", help="where to listen")
    asyncio.run(serve(parser.parse_args().uri))


if __name__ == "__main__":
    main()
