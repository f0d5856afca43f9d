"""The uncompressed samples of a container, to their real end, whatever the header counts."""

import logging

from realtime_ser.capture.byte_stream import ByteStream
from realtime_ser.capture.containers import Layout, is_chunk
from realtime_ser.capture.encodings import Encoding
from realtime_ser.capture.sniff import BEGINNING_BYTES, NEXT_FILE, sniff

NEGLIGIBLE_BYTES = 64
"""Header counts of complete files may be wrong by this much: 2 ms at 16 kHz."""

log = logging.getLogger("realtime_ser")


class Payload:
    """Reads the bytes of the samples, and skips what follows them.

    Args:
        stream: at the container's first byte.
        layout: what its header says.
        encoding: of the samples.
        label: what to call the file.

    Attributes:
        bytes_read: bytes of samples so far.
    """

    def __init__(self, stream: ByteStream, layout: Layout, encoding: Encoding, label: str) -> None:
        self._stream = stream
        self._layout = layout
        self._label = label
        self._offset = stream.position
        self._byte_rate = encoding.rate * encoding.frame_bytes
        self._count = layout.size or 0  # until more samples are found behind it
        self._open_ended = False
        self._ended = False
        self.bytes_read = 0
        stream.skip(layout.start)

    @property
    def missing_seconds(self) -> float:
        """Audio that the header counts and the file lacks; known once the end was read."""
        missing = self._count - self.bytes_read if self._ended and not self._open_ended else 0
        end = self._layout.end
        place = self._layout.start + self.bytes_read
        contradicted = end is not None and end <= place + NEGLIGIBLE_BYTES
        header_counted = contradicted and missing <= self._layout.start
        return 0.0 if missing <= NEGLIGIBLE_BYTES or header_counted else missing / self._byte_rate

    def read(self, count: int) -> bytes:
        """Return the next 1 to ``count`` bytes of samples, none at their end."""
        if self._ended:
            return b""
        if self._open_ended:
            content = self._stream.read_until(NEXT_FILE, count)
        elif left := self._count - self.bytes_read:
            content = self._stream.read(min(count, left))
        elif self._goes_on():
            self._open_ended = True
            return self.read(count)
        else:
            content = b""
            self._skip_trailer()
        self.bytes_read += len(content)
        self._ended = not content
        return content

    def _goes_on(self) -> bool:
        """Return whether there are more samples than the header counts."""
        if self._layout.size is None and self._layout.end is None:
            return True
        ahead = self._stream.peek(NEGLIGIBLE_BYTES + 1)
        followed = len(ahead) <= NEGLIGIBLE_BYTES or self._chunk_at(0) or self._chunk_at(self._pad)
        if followed or ahead.startswith(b"TAG") or sniff(self._stream) is not None:
            return False
        if self._count:
            seconds = self._count / self._byte_rate
            log.warning(
                "%s: the header counts %.2f s, but all that follows is read",
                self._label,
                seconds,
            )
        return True

    @property
    def _pad(self) -> int:
        style = self._layout.chunks
        return style.padded(self._count) - self._count if style else 0

    def _chunk_at(self, offset: int) -> bool:
        style = self._layout.chunks
        if style is None:
            return False
        content = self._stream.peek(offset + style.header_bytes)[offset:]
        place = self._stream.position - self._offset + offset
        return is_chunk(style, content, place, self._layout.end)

    def _skip_trailer(self) -> None:
        style = self._layout.chunks
        if style is None:
            return
        if not self._chunk_at(0) and (self._chunk_at(self._pad) or len(self._stream.peek(2)) == 1):
            self._stream.skip(self._pad)
        while self._chunk_at(0):
            chunk = style.read(self._stream.peek(style.header_bytes))
            assert chunk is not None
            self._stream.skip(style.header_bytes + style.padded(chunk[1]))


def skip_rest(stream: ByteStream) -> int:
    """Skip what is not a sound file; return how many bytes it may have lost."""
    lost = 0
    while content := stream.read_until(NEXT_FILE, 16_384):
        lost += len(content) if content.strip(b"\0") else 0
    return lost if lost > 2 * BEGINNING_BYTES else 0
