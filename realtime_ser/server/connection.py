"""What all WebSockets of the server have in common: access, sending events, closing."""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from realtime_ser.server.access import has_token, is_own_origin
from realtime_ser.server.faults import GOING_AWAY, RESTARTING, STOPPED, TOO_LARGE, Fault
from realtime_ser.server.messages import Message, parse_message
from realtime_ser.server.outbox import Outbox
from realtime_ser.server.sessions import Counts, Session
from realtime_ser.server.state import ServerState

LAST_EVENTS_SECONDS = 10.0
"""How long a worker may take to send the last events, and a client to read them."""

log = logging.getLogger("realtime_ser.server")


class Connection(ABC):
    """One WebSocket, from its handshake to its end.

    Args:
        websocket: not yet accepted.
        server: the server's state.

    Attributes:
        outbox: what is put into it is sent.
        failed: a subclass sets its result when the connection must end.
    """

    kind: ClassVar[str]

    def __init__(self, websocket: WebSocket, server: ServerState) -> None:
        self.websocket = websocket
        self.server = server
        self.outbox = Outbox(server.options.limits.events, self.health)
        self.failed: asyncio.Future[Fault] = asyncio.get_running_loop().create_future()
        self.session: Session

    @abstractmethod
    async def converse(self) -> None:
        """Take what the client sends, until it wants to end.

        Raises:
            Fault: the connection must be closed.
            WebSocketDisconnect: the client has gone.
        """

    @abstractmethod
    async def finish(self) -> None:
        """Put the last events into the outbox.

        Raises:
            Fault: there are none.
        """

    @abstractmethod
    def health(self, dropped: int) -> str:
        """Return the ``health`` event that reports dropped events, as JSON."""

    @abstractmethod
    def close(self) -> None:
        """Release everything."""

    def count(self) -> Counts:
        """Return what this session has done so far, for the metrics and the log."""
        return Counts(events=self.outbox.sent, dropped=self.outbox.dropped)

    async def run(self) -> None:
        """Serve the client to the end."""
        if not is_own_origin(self.websocket, self.server.options.access):
            self._count_refusal("foreign_origin")
            refusal = "pages of this origin may not connect: name it with --origin\n"
            await self.websocket.send_denial_response(PlainTextResponse(refusal, 403))
            return
        await self.websocket.accept()
        try:
            if not has_token(self.websocket, self.server.options.access):
                raise Fault("unauthorized", "the token is missing or wrong: ask whoever runs this")
            self.session = self.server.sessions.enter(self.kind, self.websocket, self.count)
        except Fault as fault:
            self._count_refusal(fault.code)
            with contextlib.suppress(WebSocketDisconnect):
                await self.websocket.send_text(fault.event())
                await self.websocket.close(fault.close_code, fault.code)
            return
        try:
            await self._talk()
        except asyncio.CancelledError:  # the server ends, and waits no longer
            self._ends("cut_off", RESTARTING)
        finally:
            self.close()
            self.server.sessions.leave(self.session)

    async def receive(self) -> bytes | Message:
        """Return the next audio or message.

        Raises:
            Fault: it is too large, or is no message.
            WebSocketDisconnect: the client has gone.
        """
        received = await self.websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received["code"], received.get("reason"))
        text = received.get("text")
        content: bytes | str = received["bytes"] if text is None else text
        limit = self.server.options.limits.message_bytes
        if len(content) > limit:
            size = f"a message of {len(content)} bytes"
            raise Fault("too_large", f"{size} is too large: send at most {limit}")
        return parse_message(content) if isinstance(content, str) else content

    def _count_refusal(self, reason: str) -> None:
        self.server.metrics.ended.labels(self.kind, reason).inc()

    async def _talk(self) -> None:
        """Converse and send events at the same time, then say why it ends."""
        sending = asyncio.create_task(self.outbox.send_all(self.websocket.send_text))
        talking = asyncio.create_task(self._talk_until_the_end())
        try:
            await asyncio.wait({sending, talking}, return_when=asyncio.FIRST_COMPLETED)
            if talking.done():
                await self._conclude(talking, sending)
            else:  # the client has gone while events were sent
                self._ends("disconnected", 1006)
        finally:
            await _cancel(sending, talking)

    async def _talk_until_the_end(self) -> str:
        """Converse until the client, the worker or the server ends it; return why."""
        conversing = asyncio.create_task(self.converse())
        draining = asyncio.create_task(self.session.draining.wait())
        try:
            ends: tuple[asyncio.Future[Any], ...] = (conversing, draining, self.failed)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self.failed.done():
                raise self.failed.result()
            if conversing.done():
                await self._check_conversation(conversing)
                return "stopped"
        finally:
            await _cancel(conversing, draining)
        await self.finish()
        return "drained"

    async def _check_conversation(self, conversing: "asyncio.Task[None]") -> None:
        """Raise what ended a conversation; before a fault come the last events."""
        try:
            conversing.result()
        except Fault:
            with contextlib.suppress(Fault, TimeoutError):
                async with asyncio.timeout(LAST_EVENTS_SECONDS):
                    await self.finish()
            raise

    async def _conclude(self, talking: "asyncio.Task[str]", sending: "asyncio.Task[None]") -> None:
        """Note why the conversation ended, and tell the client unless it has gone."""
        last = []
        try:
            reason = talking.result()
            self._ends(reason, STOPPED if reason == "stopped" else GOING_AWAY)
        except WebSocketDisconnect as gone:
            self._ends("too_large" if gone.code == TOO_LARGE else "disconnected", gone.code)
            return
        except Exception as error:
            fault = error if isinstance(error, Fault) else self._internal_fault()
            self._ends(fault.code, fault.close_code)
            last.append(fault.event())
        self.outbox.close(*last)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            try:
                async with asyncio.timeout(LAST_EVENTS_SECONDS):
                    await sending
            except TimeoutError:
                self.session.reason = "slow_reader"
            await self.websocket.close(self.session.close_code, self.session.reason)

    @staticmethod
    def _internal_fault() -> Fault:
        log.exception("a session failed")
        return Fault("internal", "internal error: please report it")

    def _ends(self, reason: str, close_code: int) -> None:
        self.session.reason, self.session.close_code = reason, close_code


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
