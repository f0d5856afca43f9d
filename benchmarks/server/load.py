"""Clients that send speech in real time, and clock every event."""

import asyncio
import contextlib
import json
import math
import time
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.frames import samples_of_event
from realtime_ser.samples import Int16
from realtime_ser.settings import FRAME_SECONDS, SAMPLE_RATE

OPEN_AT_ONCE = 50


@dataclass
class Stream:
    """What one client has seen.

    Attributes:
        latencies: seconds from sending the message with the last sample of a frame to its event.
        served: seconds from sending the message that completes a frame to its event: less where
            that is the next message.
        late: most seconds that the client itself sent a message after it was due.
        dropped: events that the server dropped because this client read too slowly.
        cut_off: why the connection ended before the client had stopped, ``None`` if it did not.
    """

    latencies: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    late: float = 0.0
    dropped: int = 0
    cut_off: str | None = None


async def run_streams(
    url: str, speech: Int16, count: int, seconds: float, message: float
) -> list[Stream]:
    """Send speech on ``count`` streams at once, each from another place of it.

    Nothing is sent before all are connected: what a late connection makes up for is not real time.

    Args:
        url: of ``/v1/stream``.
        speech: 16 kHz mono int16, shape ``[n]``.
        count: number of streams.
        seconds: how long.
        message: seconds of audio in one message.
    """
    size = round(message * SAMPLE_RATE)
    blocks = [block.tobytes() for block in _blocks(speech, size)]
    async with contextlib.AsyncExitStack() as opened:
        connecting = (connect(url, compression=None, open_timeout=120) for _ in range(count))
        connections = await asyncio.gather(*map(opened.enter_async_context, connecting))
        began = time.monotonic() + 0.5
        tasks = []
        for number, connection in enumerate(connections):
            place = number * len(blocks) // count
            start = began + number / count  # like callers that know nothing of each other
            turned = blocks[place:] + blocks[:place]
            tasks.append(_stream(connection, turned, start, seconds, size))
        return await asyncio.gather(*tasks)


async def _stream(
    connection: ClientConnection, blocks: list[bytes], start: float, seconds: float, size: int
) -> Stream:
    result = Stream()
    sent: list[float] = []
    count = round(seconds * SAMPLE_RATE / size)
    sending = asyncio.create_task(_send(connection, blocks, count, start, size, sent, result))
    try:
        async for text in connection:
            _clock(json.loads(text), sent, size, result)
        await sending
    except ConnectionClosed as closed:
        result.cut_off = str(closed)
    finally:
        sending.cancel()
    if len(sent) < count:
        result.cut_off = result.cut_off or f"closed with {connection.close_code}"
    return result


async def _send(
    connection: ClientConnection,
    blocks: list[bytes],
    count: int,
    start: float,
    size: int,
    sent: list[float],
    result: Stream,
) -> None:
    """Send ``count`` blocks in real time, and note when."""
    for number in range(count):
        due = start + number * size / SAMPLE_RATE
        await asyncio.sleep(max(due - time.monotonic(), 0))
        now = time.monotonic()
        result.late = max(result.late, now - due)
        sent.append(now)
        await connection.send(blocks[number % len(blocks)])
    await connection.send('{"type": "stop"}')


def _clock(event: dict[str, object], sent: list[float], size: int, result: Stream) -> None:
    """Note how late an event is. The last frame of an utterance waits for its end: left out."""
    now = time.monotonic()
    if event["event"] == "health":
        dropped = event["dropped"]
        assert isinstance(dropped, dict)
        result.dropped = dropped["socket"]
    if event["event"] != "emotion":
        return
    begin, end = event["start"], event["end"]
    assert isinstance(begin, float)
    assert isinstance(end, float)
    if math.isclose(end - begin, FRAME_SECONDS, abs_tol=1e-6):
        result.latencies.append(now - _sent_at(round(end * SAMPLE_RATE), sent, size))
        result.served.append(now - _sent_at(samples_of_event(begin), sent, size))


def _sent_at(samples: int, sent: list[float], size: int) -> float:
    """Return when the message with the last of so many samples was sent."""
    return sent[min(math.ceil(samples / size), len(sent)) - 1]


def _blocks(speech: Int16, size: int) -> list[Int16]:
    whole = len(speech) // size * size
    return list(speech[:whole].reshape(-1, size))


async def hold_idle(url: str, count: int, opened: asyncio.Event, leave: asyncio.Event) -> int:
    """Keep connections open that send nothing, until told to leave; return how many held."""
    at_once = asyncio.Semaphore(OPEN_AT_ONCE)
    waiting = count

    async def hold() -> bool:
        nonlocal waiting
        async with at_once:
            connection = await connect(url, compression=None, open_timeout=120)
        async with connection:
            waiting -= 1
            if not waiting:
                opened.set()
            await leave.wait()
            return connection.close_code is None

    if not count:
        opened.set()
    return sum(await asyncio.gather(*(hold() for _ in range(count))))
