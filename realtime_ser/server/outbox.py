"""The events that wait for one client: bounded, so that a slow reader loses the oldest."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence


class Outbox:
    """A queue of JSON objects for one client.

    When events were dropped, the next thing that the client gets is a ``health`` event that says
    how many.

    Args:
        most: how many may wait.
        health: returns a ``health`` event for a number of dropped events.

    Attributes:
        sent: events sent so far.
        dropped: events dropped so far.
    """

    def __init__(self, most: int, health: Callable[[int], str]) -> None:
        self._waiting: deque[str] = deque()
        self._most = most
        self._health = health
        self._changed = asyncio.Event()
        self._closed = False
        self._reported = 0
        self.sent = 0
        self.dropped = 0

    def put(self, events: Sequence[str]) -> None:
        """Add events; the oldest give way."""
        self._waiting.extend(events)
        while len(self._waiting) > self._most:
            self._waiting.popleft()
            self.dropped += 1
        self._changed.set()

    def close(self, *last: str) -> None:
        """Add the last events, which nothing drops; ``send_all`` ends after them."""
        self._waiting.extend(last)
        self._closed = True
        self._changed.set()

    async def send_all(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send events as they come, until ``close``."""
        while await self._wait():
            await self._report_drops(send)
            if self._waiting:  # another one may have pushed it out meanwhile
                await send(self._waiting.popleft())
                self.sent += 1
        await self._report_drops(send)

    async def _report_drops(self, send: Callable[[str], Awaitable[None]]) -> None:
        if self.dropped > self._reported:
            self._reported = self.dropped
            await send(self._health(self.dropped))

    async def _wait(self) -> bool:
        """Wait for an event; return whether there is one."""
        while not self._waiting:
            if self._closed:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True
