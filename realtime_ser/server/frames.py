"""What passes between the server and its workers: frames of a kind, a stream and a payload."""

import struct
from enum import IntEnum
from typing import NamedTuple

PIECE_SECONDS = 0.24
"""Most audio that a worker processes at once: half a hop, so that other streams come soon."""


class Kind(IntEnum):
    """What a frame says. The first ones go to a worker, the last ones come from it."""

    OPEN = 1
    """A new stream; the payload is its ``Start`` message as JSON."""
    AUDIO = 2
    """Bytes of audio; they may end within a sample."""
    CORRECT = 3
    """A correction; the payload is the label."""
    FINISH = 4
    """No more audio comes: send the last events, then ``DONE``."""
    DROP = 5
    """The client has gone: end the stream and send nothing."""

    READY = 10
    """The model is loaded."""
    EVENTS = 11
    """One JSON object or more, a line each."""
    ACK = 12
    """So many bytes of audio have been processed, as a 32-bit number."""
    FAULT = 13
    """The stream failed and is gone; the payload is a JSON array of code and message."""
    DONE = 14
    """The stream has ended."""
    FAILED = 15
    """The worker cannot start; the payload is a JSON array of problem and remedy."""


HEADER = struct.Struct("<IIB")
"""Length of the payload, number of the stream, kind."""

NUMBER = struct.Struct("<I")


class Frame(NamedTuple):
    """One frame; ``stream`` is 0 where it concerns none."""

    kind: Kind
    stream: int
    payload: bytes


def pack(kind: Kind, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame as bytes."""
    return HEADER.pack(len(payload), stream, kind) + payload


def unpack_header(header: bytes) -> tuple[int, int, Kind]:
    """Return the payload's length, the stream and the kind."""
    length, stream, kind = HEADER.unpack(header)
    return length, stream, Kind(kind)
