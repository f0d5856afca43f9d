"""Metrics for operators, in Prometheus's text format."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds, in seconds."""


class Metrics:
    """The metrics of one server.

    Attributes:
        sessions: open sessions by kind.
        ended: sessions that have ended, by kind and reason.
        audio_seconds: audio recognized.
        events: events sent.
        dropped: events dropped because their reader was too slow.
        held_back: times that a client was held back because it sent faster than it was served.
        latency: seconds from receiving the last audio of an event to the event.
        lag: age of the oldest audio that is not yet processed, in seconds.
        workers: worker processes that are running.
        restarts: worker processes that ended by themselves.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.sessions = Gauge("realtime_ser_sessions", "Open sessions", ["kind"], registry=registry)
        self.ended = Counter(
            "realtime_ser_sessions_ended", "Ended sessions", ["kind", "reason"], registry=registry
        )
        self.audio_seconds = Counter(
            "realtime_ser_audio_seconds", "Audio recognized, in seconds", registry=registry
        )
        self.events = Counter("realtime_ser_events", "Events sent", registry=registry)
        self.dropped = Counter(
            "realtime_ser_events_dropped", "Events dropped for slow readers", registry=registry
        )
        self.held_back = Counter(
            "realtime_ser_held_back",
            "Times that a client sent faster than it was served",
            registry=registry,
        )
        self.latency = Histogram(
            "realtime_ser_event_latency_seconds",
            "From receiving the last audio of an event to the event",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.lag = Gauge(
            "realtime_ser_lag_seconds", "Age of the oldest unprocessed audio", registry=registry
        )
        self.workers = Gauge("realtime_ser_workers", "Running workers", registry=registry)
        self.restarts = Gauge(
            "realtime_ser_worker_restarts", "Workers that ended by themselves", registry=registry
        )

    def text(self) -> bytes:
        """Return all metrics as Prometheus reads them."""
        return generate_latest(self._registry)
