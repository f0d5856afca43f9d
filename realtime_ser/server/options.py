"""How a server is run: its limits, and who may connect."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from realtime_ser.settings import Settings

MIB = 1 << 20


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server takes at most.

    Attributes:
        sessions: open streams and listeners.
        message_bytes: of one WebSocket message.
        idle_seconds: without a message from the client of a stream; 0 for no limit.
        events: that wait for one slow reader.
        drain_seconds: to send the last events of all sessions when the server is told to end.
        ping_seconds: between pings, and until an unanswered one ends the connection.
    """

    sessions: int = 1024
    message_bytes: int = MIB
    idle_seconds: float = 300.0
    events: int = 256
    drain_seconds: float = 10.0
    ping_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Access:
    """Who may connect.

    Attributes:
        token: secret of every client, ``None`` for none.
        origins: allowed ``Origin`` headers besides the server's own.
        loopback: whether only this machine reaches the server.
        profiles: whether clients may name profiles.
    """

    token: str | None = None
    origins: tuple[str, ...] = ()
    loopback: bool = True
    profiles: bool = False


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Everything a server is started with.

    Attributes:
        model: model folder, ``None`` for the usual one.
        settings: defaults of every stream, and those of the server's microphone.
        workers: processes that recognize.
        limits: what it takes at most.
        access: who may connect.
        log_addresses: whether the log names the clients' addresses.
    """

    model: Path | None = None
    settings: Settings = field(default_factory=Settings)
    workers: int = field(default_factory=cores)
    limits: Limits = Limits()
    access: Access = Access()
    log_addresses: bool = False
