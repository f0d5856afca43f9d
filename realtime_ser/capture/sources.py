"""The interface of all sources of audio: a microphone, a sound file, standard input."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32] | NDArray[np.int16]

WAIT_SECONDS = 0.1
"""How long a live source waits for audio before it returns an empty block."""


class Source(Protocol):
    """Where audio comes from, already open.

    Attributes:
        name: shown on the screen.
        rate: samples per second and channel, of the block last read.
        channels: number of channels, of the block last read.
        live: whether it sets the pace itself, as a microphone does.
        problem: why the block last read is silence, ``None`` in normal operation.
    """

    name: str
    rate: int
    channels: int
    live: bool
    problem: str | None

    @property
    def overflows(self) -> int:
        """Blocks that the sound system dropped before the program received them, so far."""

    @property
    def lost_frames(self) -> int:
        """Frames that were overwritten before ``read``, so far; the next block follows them."""

    def read(self) -> Block | None:
        """Return the next block, shape ``[frames, channels]``; ``None`` at the end.

        A live source waits at most 0.1 s and returns an empty block if nothing came.

        Raises:
            AudioDeviceError: the device failed.
            AudioInputError: the file or stream is damaged.
        """

    def close(self) -> None:
        """Release the device or file; safe to call twice."""


class Replayed:
    """Base of files and streams, which never lose audio."""

    live = False
    problem: str | None = None
    overflows = 0
    lost_frames = 0
