"""What sources of audio have in common: a microphone, a sound file, standard input."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32] | NDArray[np.int16]

WAIT_SECONDS = 0.1
"""How long a live source waits for audio before it returns an empty block."""


class Source(Protocol):
    """Where audio comes from, already open.

    Attributes:
        name: what to call it on the screen.
        rate: samples per second and channel, of the block last read.
        channels: number of channels, of the block last read.
        live: whether it delivers in real time of its own accord, as a microphone does.
        problem: why the block last read is silence in place of audio, ``None`` in normal operation.
    """

    name: str
    rate: int
    channels: int
    live: bool
    problem: str | None

    @property
    def overflows(self) -> int:
        """Blocks the sound system dropped before the program saw them, so far."""

    @property
    def lost_frames(self) -> int:
        """Frames that ``read`` came too late for, so far; the next block comes after them."""

    def read(self) -> Block | None:
        """Return the next block, shape ``[frames, channels]``; ``None`` at the end.

        A live source waits at most 0.1 s and returns an empty block when nothing came.

        Raises:
            AudioDeviceError: the device failed.
            AudioInputError: the file or stream is damaged.
        """

    def close(self) -> None:
        """Release the device or file; safe to call twice."""


class Replayed:
    """What sources that are no microphone have in common: none of their audio is ever lost."""

    live = False
    problem: str | None = None
    overflows = 0
    lost_frames = 0
