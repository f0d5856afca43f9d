"""File objects for libsndfile: over a stream that only moves forward, and over part of a file."""

from collections.abc import Callable, Mapping
from typing import BinaryIO

ENDLESS = 1 << 40
"""Size that is declared where the true one is unknown: longer than any audio."""

FARTHEST_JUMP = 1 << 26
"""Shorter seeks ahead are read through; longer ones search for the end of the file."""

HISTORY_BYTES = 1 << 17
"""How many bytes decoding can seek back; opening a file can seek back to its start."""


class VirtualFile:
    """A file object over a function that reads forward.

    libsndfile and its codecs go back only over a header, and look at the end only for tags and
    lengths. There they find zeros, as in a file without either.

    Exceptions cannot pass through C code: the first one is stored in ``failure``.

    Args:
        read: returns 1 to n bytes, none at the end.
        size: what to declare as the size.
    """

    def __init__(self, read: Callable[[int], bytes], size: int = ENDLESS) -> None:
        self._read = read
        self._size = size
        self._history = bytearray()
        self._history_start = 0
        self._position = 0
        self._at_tail = False
        self._refused = False
        self._opened = False
        self.failure: BaseException | None = None

    def opened(self) -> None:
        """Free the bytes that only opening seeks back to."""
        self._opened = True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as ``io.IOBase.seek`` does, except where an Ogg decoder looks for the last page.

        It would go back through the whole file; so it is told that this is impossible.
        """
        position = offset + (0, self._position, self._size)[whence]
        end = self._history_start + len(self._history)
        self._refused = whence == 0 and position > end + FARTHEST_JUMP
        if not self._refused:
            self._at_tail = whence == 2
            self._position = position
        return self.tell()

    def tell(self) -> int:
        """Return the position in bytes, -1 if the last seek was refused."""
        return -1 if self._refused else self._position

    def readinto(self, target: memoryview) -> int:
        """Fill a buffer, and return how many bytes there were: fewer only at the end."""
        self._refused = False
        try:
            content = self._content(len(target))
        except BaseException as failure:
            self.failure = self.failure or failure
            return 0
        target[: len(content)] = content
        self._position += len(content)
        return len(content)

    def _content(self, count: int) -> bytes:
        if self._at_tail:
            return bytes(min(count, max(0, self._size - self._position)))
        end = self._history_start + len(self._history)
        if self.failure or not self._history_start <= self._position <= end + FARTHEST_JUMP:
            return b""
        while end < self._position + count and (new := self._read(self._position + count - end)):
            self._history += new
            end += len(new)
            self._forget(self._position)
        start = self._position - self._history_start
        return bytes(self._history[start : start + count])

    def _forget(self, position: int) -> None:
        old = position - HISTORY_BYTES // 2 - self._history_start
        if self._opened and old > HISTORY_BYTES // 2:
            del self._history[:old]
            self._history_start += old

    def read(self, count: int) -> bytes:
        """Return the next bytes: fewer only at the end."""
        target = bytearray(count)
        return bytes(target[: self.readinto(memoryview(target))])

    def write(self, content: bytes) -> int:
        """Refuse to write: audio is only read."""
        raise OSError("a virtual file is read only")


class Section:
    """A part of a seekable file as a file of its own, some of its bytes replaced.

    Args:
        file: its position is left as it was.
        start: first byte of the part.
        size: bytes of the part.
        replaced: new bytes by their place in the part.
    """

    def __init__(
        self, file: BinaryIO, start: int, size: int, replaced: Mapping[int, bytes]
    ) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._replaced = replaced
        self._position = 0
        self.failure: BaseException | None = None

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as ``io.IOBase.seek`` does."""
        self._position = max(0, offset + (0, self._position, self._size)[whence])
        return self._position

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def read(self, count: int) -> bytes:
        """Return the next bytes: fewer only at the end."""
        count = max(0, min(count, self._size - self._position))
        try:
            before = self._file.tell()
            self._file.seek(self._start + self._position)
            content = bytearray(self._file.read(count))
            self._file.seek(before)
        except BaseException as failure:
            self.failure = self.failure or failure
            return b""
        for place, new in self._replaced.items():
            for at, byte in enumerate(new, place - self._position):
                if 0 <= at < len(content):
                    content[at] = byte
        self._position += len(content)
        return bytes(content)

    def readinto(self, target: memoryview) -> int:
        """Fill a buffer, and return how many bytes there were: fewer only at the end."""
        content = self.read(len(target))
        target[: len(content)] = content
        return len(content)

    def write(self, content: bytes) -> int:
        """Refuse to write: audio is only read."""
        raise OSError("a section is read only")
