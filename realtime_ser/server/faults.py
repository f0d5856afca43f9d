"""Faults that end a connection: an ``error`` event, then a WebSocket close code."""

import json

STOPPED = 1000
GOING_AWAY = 1001
BAD_DATA = 1003
REFUSED = 1008
TOO_LARGE = 1009
INTERNAL = 1011
RESTARTING = 1012
FULL = 1013
"""WebSocket close codes (RFC 6455, section 7.4.1, and the IANA registry for 1012 and 1013)."""

CLOSE_CODES = {
    "bad_start": BAD_DATA,
    "bad_audio": BAD_DATA,
    "bad_message": BAD_DATA,
    "bad_correction": BAD_DATA,
    "unauthorized": REFUSED,
    "refused": REFUSED,
    "no_source": REFUSED,
    "idle": REFUSED,
    "too_large": TOO_LARGE,
    "source_ended": INTERNAL,
    "internal": INTERNAL,
    "full": FULL,
    "draining": FULL,
}
"""The close code that follows each fault."""


class Fault(Exception):  # noqa: N818, the word of the protocol
    """A reason to end a connection.

    Args:
        code: one of ``CLOSE_CODES``.
        message: what was wrong and what to do, for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    @property
    def close_code(self) -> int:
        """The WebSocket close code that follows the event."""
        return CLOSE_CODES[self.code]

    def event(self) -> str:
        """Return the ``error`` event as JSON."""
        return json.dumps({"event": "error", "code": self.code, "message": self.message})
