"""Headers of containers of uncompressed audio: where the samples begin, and their format.

libsndfile decodes the samples. Their number is not taken from the header alone: a recorder that was
killed leaves a placeholder there, a pipe lets nobody fill it in, and some programs count too much.

RIFF and WAVE: Microsoft, "New Multimedia Data Types and Data Techniques", 1994. RF64: EBU Tech
3306. W64: Sony, "Wave64". AIFF and AIFF-C: Apple, 1989 and 1991. AU: Sun's ``audio.h``. CAF: Apple,
"Core Audio Format Specification 1.0".
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from realtime_ser.capture.byte_stream import ByteStream
from realtime_ser.capture.encodings import (
    Encoding,
    aiff_encoding,
    au_encoding,
    caf_encoding,
    wave_encoding,
)

LARGEST_HEADER = 1 << 22
"""The samples must begin within this many bytes; longer headers are left to libsndfile."""

UNKNOWN_SIZE = 0x7F00_0000
"""32-bit sizes from here on are placeholders, from programs that did not know the size."""

UNKNOWN_LONG_SIZE = 1 << 60
"""The same for 64-bit sizes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a header says.

    Attributes:
        encoding: of the samples; ``None`` where they are compressed, or make no sense.
        start: bytes before the first sample.
        size: bytes of audio by the header's count, ``None`` where it does not know.
        end: bytes of the whole file by the header's count, ``None`` where it does not know.
        chunks: how what follows the samples is divided, ``None`` where nothing can follow.
        size_fields: where the header counts audio or file, as offsets of 32-bit fields; only known
            of WAV, for compressed audio.
    """

    encoding: Encoding | None
    start: int
    size: int | None
    end: int | None
    chunks: "ChunkStyle | None"
    size_fields: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkStyle:
    """How the name and size of a chunk are stored.

    Attributes:
        name_bytes: 4, or 16 of W64.
        size_format: of the size, for ``struct``.
        counts_header: whether the size includes name and size.
        alignment: of chunks, in bytes.
    """

    name_bytes: int
    size_format: str
    counts_header: bool = False
    alignment: int = 2

    @property
    def header_bytes(self) -> int:
        """Bytes of name and size."""
        return self.name_bytes + struct.calcsize(self.size_format)

    def read(self, content: bytes) -> tuple[bytes, int] | None:
        """Return the name and the size of the content, ``None`` at the end."""
        if len(content) < self.header_bytes:
            return None
        (size,) = struct.unpack_from(self.size_format, content, self.name_bytes)
        return content[: self.name_bytes], size - self.counts_header * self.header_bytes

    def padded(self, size: int) -> int:
        """Return a size rounded up to the start of the next chunk."""
        return -(-size // self.alignment) * self.alignment


RIFF = ChunkStyle(4, "<I")
RIFX = ChunkStyle(4, ">I")
W64 = ChunkStyle(16, "<q", counts_header=True, alignment=8)
CAF = ChunkStyle(4, ">q", alignment=1)


def read_layout(stream: ByteStream, container: str) -> Layout | None:
    """Return what the header of a container says, without consuming it.

    Args:
        stream: at the container's first byte.
        container: its name, as ``sniff`` gives it.

    Returns:
        ``None`` where the header makes no sense or the container is another.
    """
    reader = _READERS.get(container)
    try:
        return reader(stream) if reader else None
    except (struct.error, ValueError, OverflowError):
        return None


def _chunks(stream: ByteStream, style: ChunkStyle, at: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position and size of the chunks of a header."""
    while at < LARGEST_HEADER:
        chunk = style.read(stream.peek(at + style.header_bytes)[at:])
        if chunk is None:
            return
        name, size = chunk
        at += style.header_bytes
        yield name, at, size
        at += style.padded(max(0, size))


def _known(size: int, *, long: bool = False) -> int | None:
    return size if 0 < size < (UNKNOWN_LONG_SIZE if long else UNKNOWN_SIZE) else None


def _read_wav(stream: ByteStream) -> Layout | None:
    head = stream.peek(8)
    style = RIFX if head[:4] == b"RIFX" else RIFF
    endian = "BIG" if style is RIFX else "LITTLE"
    encoding, long_sizes = None, (0, 0)
    for name, at, size in _chunks(stream, style, 12):
        if name == b"ds64":
            long_sizes = struct.unpack("<qq", stream.peek(at + 16)[at:])
        elif name == b"fmt ":
            encoding = wave_encoding(stream.peek(at + min(size, 40))[at:], endian)
        elif name == b"data":
            (riff_size,) = struct.unpack(style.size_format, head[4:])
            long = 0xFFFF_FFFF in (size, riff_size) and max(long_sizes) > 0
            end = _known(long_sizes[0] if long else riff_size, long=long)
            return Layout(
                encoding,
                at,
                _known(long_sizes[1] if long else size, long=long),
                None if end is None else end + 8,
                style,
                (4, at - 4),
            )
    return None


def _read_w64(stream: ByteStream) -> Layout | None:
    (end,) = struct.unpack("<q", stream.peek(24)[16:])
    encoding = None
    for name, at, size in _chunks(stream, W64, 40):
        if name[:4] == b"fmt ":
            encoding = wave_encoding(stream.peek(at + min(size, 40))[at:], "LITTLE")
        elif name[:4] == b"data":
            return Layout(encoding, at, _known(size, long=True), _known(end, long=True), W64)
    return None


def _read_aiff(stream: ByteStream) -> Layout | None:
    (form_size,) = struct.unpack(">I", stream.peek(8)[4:])
    end = _known(form_size)
    encoding = None
    for name, at, size in _chunks(stream, RIFX, 12):
        if name == b"COMM":
            encoding = aiff_encoding(stream.peek(at + min(size, 22))[at:])
        elif name == b"SSND" and encoding:
            (offset,) = struct.unpack(">I", stream.peek(at + 4)[at:])
            counted = _known(size)
            return Layout(
                encoding,
                at + 8 + offset,
                None if counted is None else _known(counted - 8 - offset),
                None if end is None else end + 8,
                RIFX,
            )
        elif name == b"SSND":  # before COMM, which libsndfile then finds after the samples
            return None
    return None


def _read_au(stream: ByteStream) -> Layout | None:
    head = stream.peek(24)
    order = ">" if head[:4] == b".snd" else "<"
    start, size = struct.unpack_from(f"{order}2I", head, 4)
    encoding = au_encoding(head)
    return Layout(encoding, max(24, start), _known(size), None, None)


def _read_caf(stream: ByteStream) -> Layout | None:
    encoding = None
    for name, at, size in _chunks(stream, CAF, 8):
        if name == b"desc":
            encoding = caf_encoding(stream.peek(at + 32)[at:])
        elif name == b"data":  # begins with the number of the last edit
            counted = _known(size, long=True)
            counted = None if counted is None else _known(counted - 4, long=True)
            return Layout(encoding, at + 4, counted, None, CAF)
    return None


_READERS: dict[str, Callable[[ByteStream], Layout | None]] = {
    **{"WAV": _read_wav, "W64": _read_w64, "AIFF": _read_aiff, "AU": _read_au, "CAF": _read_caf}
}

_TRAILERS = frozenset(
    re.findall(
        rb".{4}",
        b"LIST"
        b"INFO"
        b"id3 "
        b"ID3 "
        b"bext"
        b"fact"
        b"cue "
        b"smpl"
        b"inst"
        b"PEAK"
        b"JUNK"
        b"junk"
        b"PAD "
        b"FLLR"
        b"iXML"
        b"_PMX"
        b"aXML"
        b"chna"
        b"axml"
        b"cart"
        b"afsp"
        b"plst"
        b"note"
        b"DISP"
        b"MD5 "
        b"minf"
        b"elm1"
        b"regn"
        b"umid"
        b"levl"
        b"acid"
        b"strc"
        b"LGWV"
        b"COMM"
        b"MARK"
        b"INST"
        b"MIDI"
        b"AESD"
        b"APPL"
        b"COMT"
        b"NAME"
        b"AUTH"
        b"(c) "
        b"ANNO"
        b"FVER"
        b"uuid"
        b"info"
        b"strg"
        b"mark"
        b"free"
        b"chan"
        b"pakt"
        b"kuki"
        b"ovvw"
        b"peak"
        b"edct"
        b"midi"
        b"SAUR",
    )
)
"""Names of the chunks that programs write after the samples."""


def is_chunk(style: ChunkStyle, content: bytes, at: int, end: int | None) -> bool:
    """Return whether another chunk follows the samples, rather than more samples.

    Args:
        style: of the container.
        content: what follows.
        at: its place in the file.
        end: bytes of the whole file by the header's count.
    """
    chunk = style.read(content)
    if chunk is None:
        return False
    name, size = chunk
    if style is W64:
        return name[4:] == b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a" and size >= 0
    if name in _TRAILERS:
        return 0 <= size < UNKNOWN_SIZE
    counted = end is not None and at + style.header_bytes + size <= end
    return counted and all(0x20 <= byte < 0x7F for byte in name)
