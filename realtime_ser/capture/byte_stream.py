"""Bytes of a file or a pipe, read once from start to end, with a way to peek ahead."""

import os
import re
import select
import stat
from collections.abc import Callable
from typing import BinaryIO

from realtime_ser.errors import AudioInputError

READ_BYTES = 16_384
LONGEST_MATCH = 64
"""Bytes that the longest pattern given to ``read_until`` may match."""


class ByteStream:
    """Reads a binary stream forward only, and never more than was asked for.

    Args:
        file: what to read from; it stays open, because it belongs to the caller.
        label: what to call it in errors.

    Attributes:
        origin: where in a regular file it began, ``None`` for a pipe.
        position: bytes that were read or skipped so far.
    """

    def __init__(self, file: BinaryIO, label: str) -> None:
        self._file = file
        # ``read`` of a buffered stream waits for all it was asked for.
        self._read: Callable[[int], bytes | None] = getattr(file, "read1", file.read)
        self._label = label
        size = _size(file)
        self.origin = None if size is None else file.tell()
        self._size = None if size is None else max(0, size - file.tell())
        self._buffer = bytearray()
        self._ended = False
        self.position = 0

    @property
    def left(self) -> int | None:
        """Bytes that are left, ``None`` for a pipe that has not ended."""
        if self._ended:
            return len(self._buffer)
        return None if self._size is None else max(0, self._size - self.position)

    def peek(self, count: int) -> bytes:
        """Return the next bytes without consuming them: fewer only at the end.

        Raises:
            AudioInputError: the operating system cannot read on.
        """
        while len(self._buffer) < count and self._fill():
            pass
        return bytes(self._buffer[:count])

    def read(self, count: int) -> bytes:
        """Return the next 1 to ``count`` bytes as soon as there are any, none at the end.

        Raises:
            AudioInputError: the operating system cannot read on.
        """
        if not self._buffer:
            self._fill()
        return self._take(count)

    def read_until(self, pattern: re.Pattern[bytes], count: int, start: int = 0) -> bytes:
        """Return the next 1 to ``count`` bytes, none at the end or at the pattern.

        Args:
            pattern: matches at most ``LONGEST_MATCH`` bytes.
            count: bytes to return at most.
            start: position from which on the pattern counts.
        """
        ahead = self.peek(count + LONGEST_MATCH)
        match = pattern.search(ahead, min(len(ahead), max(0, start - self.position)))
        return self._take(min(count, match.start() if match else count))

    def skip(self, count: int) -> int:
        """Skip this many bytes; return how many there were."""
        left = count
        while left and (passed := self.read(min(left, READ_BYTES))):
            left -= len(passed)
        return count - left

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        self.position += len(taken)
        return taken

    def _fill(self) -> bool:
        if self._ended:
            return False
        try:
            new = self._read(READ_BYTES)
        except OSError as error:
            raise AudioInputError(
                f"{self._label} cannot be read any further ({error.strerror})",
                "check the disk or the program that writes it",
            ) from error
        if new is None:  # a non-blocking pipe has nothing yet
            select.select([self._file], [], [])
            return True
        self._ended = not new
        self._buffer += new
        return bool(new)


def _size(file: BinaryIO) -> int | None:
    """Return the size of a regular file, ``None`` of a pipe or a device."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, ValueError, AttributeError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
