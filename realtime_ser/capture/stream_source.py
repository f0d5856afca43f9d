"""Standard input: raw samples, or a sound file that another program writes."""

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from realtime_ser.capture.byte_stream import ByteStream
from realtime_ser.capture.file_source import DecodedSource
from realtime_ser.capture.links import BLOCKS_PER_SECOND
from realtime_ser.capture.sniff import Reading, sniff
from realtime_ser.capture.sources import Replayed, Source
from realtime_ser.errors import AudioInputError
from realtime_ser.settings import SAMPLE_RATE

NAME = "standard input"
HOW_TO_PIPE = "pipe a sound file or raw 16 kHz mono s16le samples into it"
HOW_TO_CONVERT = (
    "put `ffmpeg -i FILE -f wav - |` in front, or give the file itself converted to WAV"
)


def open_stream(stream: BinaryIO) -> Source:
    """Return a source for what a binary stream, such as ``sys.stdin.buffer``, delivers.

    Sound files that can be read from front to back are decoded as they come; others that libsndfile
    knows are stored first. What begins like no known file is taken for raw 16 kHz mono s16le.
    The stream is left open by ``close``: it belongs to the caller.

    Raises:
        AudioInputError: a terminal, nothing at all, or a file that cannot be decoded.
    """
    if stream.isatty():
        raise AudioInputError(f"{NAME} is a terminal", HOW_TO_PIPE)
    content = ByteStream(stream, NAME)
    kind = sniff(content)
    if kind is None:
        return RawSource(stream, content)
    if kind.reading is Reading.NEVER:
        raise AudioInputError(f"{NAME} holds {kind.name}, which cannot be decoded", HOW_TO_CONVERT)
    return DecodedSource(stream, NAME, NAME, owned=False, stream=content)


class RawSource(Replayed):
    """Raw 16 kHz mono s16le samples from a binary stream, such as ``sys.stdin.buffer``.

    Blocks come as the stream delivers them. ``close`` leaves the stream open: it belongs to the
    caller, and another thread may be reading.

    Args:
        stream: what to read from.
        content: the same, where its beginning was looked at before.

    Raises:
        AudioInputError: the stream is a terminal.
    """

    name = NAME
    rate = SAMPLE_RATE
    channels = 1

    def __init__(self, stream: BinaryIO, content: ByteStream | None = None) -> None:
        if stream.isatty():
            raise AudioInputError(f"{NAME} is a terminal", HOW_TO_PIPE)
        self._content = content or ByteStream(stream, NAME)
        self._odd_byte = b""
        self._bytes = 0
        self._closed = False

    def read(self) -> NDArray[np.int16] | None:
        """Return what has arrived, at most 0.1 s, shape ``[frames, 1]``; ``None`` at the end.

        Raises:
            AudioInputError: nothing came at all, or half a sample last.
        """
        while not self._closed:
            new = self._content.read(2 * self.rate // BLOCKS_PER_SECOND)
            if not new:
                self._check_end()
                return None
            self._bytes += len(new)
            received = self._odd_byte + new
            whole = len(received) // 2 * 2
            self._odd_byte = received[whole:]
            if whole:
                samples = np.frombuffer(received[:whole], "<i2").astype(np.int16, copy=False)
                return samples.reshape(-1, 1)
        return None

    def close(self) -> None:
        """End the source; safe to call twice."""
        self._closed = True

    def _check_end(self) -> None:
        if not self._bytes:
            raise AudioInputError(f"{NAME} is empty", HOW_TO_PIPE)
        if self._odd_byte:
            raise AudioInputError(
                f"{NAME} held an odd number of bytes, {self._bytes}",
                "pipe 16-bit samples (s16le), two bytes each",
            )
