"""Length of Ogg audio, from the headers of its pages (RFC 3533, RFC 7845, Vorbis I)."""

import re

LARGEST_PAGE = 65_307
"""Bytes of the largest page."""

LATER_PAGE = re.compile(rb"OggS\x00[\x00\x01\x04\x05]")
"""A page that does not begin a stream."""

_PAGE = re.compile(rb"OggS\x00[\x00-\x07]")
_POSITION_BYTES = 18
"""Bytes of a page up to the end of its position and serial number."""

OPUS_RATE = 48_000
LARGEST_TAG = 128
"""Bytes of an ID3v1 tag, which some programs append to any file."""

LATEST_START = 5.0
"""The positions of a file start at 0; those of a radio stream start anywhere."""


class PageWatch:
    """Tracks the positions of the first stream."""

    def __init__(self) -> None:
        self._tail = bytearray()
        self._seen = 0
        self._serial: bytes | None = None
        self._opus_delay: int | None = None
        self._first: int | None = None
        self._last: int | None = None

    def feed(self, content: bytes) -> None:
        """Take the next bytes."""
        self._tail += content
        for page in _PAGE.finditer(self._tail, self._seen):
            if page.start() + LARGEST_HEAD > len(self._tail):
                break
            self._note(bytes(self._tail[page.start() : page.start() + LARGEST_HEAD]))
            self._seen = page.end()
        if len(self._tail) > 3 * LARGEST_PAGE:
            dropped = len(self._tail) - LARGEST_PAGE
            del self._tail[:dropped]
            self._seen = max(0, self._seen - dropped)

    def _note(self, page: bytes) -> None:
        serial = page[14:_POSITION_BYTES]
        if self._serial is None:
            self._serial = serial
            if b"OpusHead" in page:
                at = page.index(b"OpusHead") + 10
                self._opus_delay = int.from_bytes(page[at : at + 2], "little")
        position = int.from_bytes(page[6:14], "little", signed=True)
        if serial != self._serial or position <= 0:
            return
        if self._first is None:
            self._first = position
        self._last = position

    def seconds(self, rate: int) -> float:
        """Return how much audio there should have been, 0 where the pages do not say.

        Args:
            rate: of the decoded audio, in hertz.
        """
        if self._first is None or self._last is None:
            return 0.0
        per_second = rate if self._opus_delay is None else OPUS_RATE
        from_start = self._first < LATEST_START * per_second
        start = (self._opus_delay or 0) if from_start else self._first
        return max(0, self._last - start) / per_second

    def ends_in_a_page(self) -> bool:
        """Return whether the bytes end before the end of the last page."""
        return self._beyond_last_page() < 0

    def bytes_after(self) -> int:
        """Return how many bytes came after the last page, 0 for no more than a tag has."""
        beyond = self._beyond_last_page()
        return beyond if beyond > LARGEST_TAG else 0

    def _beyond_last_page(self) -> int:
        at = self._tail.rfind(b"OggS\x00")
        page = self._tail[at:] if at >= 0 else b""
        if len(page) < 27 or len(page) < 27 + page[26]:
            return -1 if at >= 0 else 0
        return len(page) - 27 - page[26] - sum(page[27 : 27 + page[26]])


LARGEST_HEAD = 27 + 1 + 19
"""Bytes of a stream's first page, as Opus has it; all later pages of audio have as many."""
