"""Sources of audio: a microphone, a sound file, raw samples on standard input."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32] | NDArray[np.int16]


class Source(Protocol):
    """Where audio comes from, already open.

    Attributes:
        name: what to call it on the screen.
        rate: samples per second and channel.
        channels: number of channels.
        live: whether it delivers in real time of its own accord, as a microphone does.
    """

    name: str
    rate: int
    channels: int
    live: bool

    @property
    def overflows(self) -> int:
        """Blocks the sound system dropped before the program saw them, so far."""

    def read(self) -> Block | None:
        """Return the next block, shape ``[frames, channels]``; ``None`` at the end.

        A live source waits at most 0.1 s and returns an empty block when nothing came.

        Raises:
            AudioDeviceError: the device failed.
            AudioInputError: the file or stream is damaged.
        """

    def close(self) -> None:
        """Release the device or file; safe to call twice."""
