"""From bytes of interleaved samples to arrays, however the bytes are split."""

import numpy as np

from realtime_ser.capture.sources import Block
from realtime_ser.server.faults import Fault
from realtime_ser.server.messages import ENCODINGS, Start


class SampleDecoder:
    """Turns the bytes of one stream into blocks; what ends within a sample waits for its rest.

    Args:
        start: the encoding and the number of channels.
    """

    def __init__(self, start: Start) -> None:
        self._type = np.dtype(ENCODINGS[start.encoding])
        self._native = self._type.newbyteorder("=")
        self._channels = start.channels
        self._frame_bytes = start.frame_bytes
        self._rest = b""

    def decode(self, data: bytes) -> Block:
        """Return the samples that ``data`` completes, shape ``[frames, channels]``."""
        if self._rest:
            data = self._rest + data
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        samples = np.frombuffer(data, self._type, whole // self._type.itemsize)
        block: Block = samples.astype(self._native, copy=False).reshape(-1, self._channels)
        return block

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            Fault: the audio ended within a sample of its channels.
        """
        if self._rest:
            raise Fault(
                "bad_audio",
                f"the audio ends within a frame, after {len(self._rest)} of {self._frame_bytes}"
                " bytes: check encoding and channels",
            )
