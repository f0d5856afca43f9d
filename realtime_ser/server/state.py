"""What all connections of one server share."""

from dataclasses import dataclass

from realtime_ser.server.live_source import LiveSource
from realtime_ser.server.metrics import Metrics
from realtime_ser.server.options import ServerOptions
from realtime_ser.server.pool import WorkerPool
from realtime_ser.server.sessions import Sessions


@dataclass(frozen=True, slots=True)
class ServerState:
    """The parts of a running server.

    Attributes:
        options: how it was started.
        metrics: for operators.
        sessions: the open streams and listeners.
        pool: the worker processes.
        live: the server's own microphone or clip, ``None`` where it has none.
    """

    options: ServerOptions
    metrics: Metrics
    sessions: Sessions
    pool: WorkerPool
    live: LiveSource | None = None
