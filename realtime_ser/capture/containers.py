"""Headers of the containers of uncompressed audio: where its samples begin and what they are.

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

LARGEST_HEADER = 1 << 22
"""Bytes in which the samples must begin; longer headers are left to libsndfile."""

UNKNOWN_SIZE = 0x7F00_0000
"""32-bit sizes from here on are what programs write that did not know it when they began."""

UNKNOWN_LONG_SIZE = 1 << 60
"""The same of 64-bit sizes."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How samples are stored, in libsndfile's terms.

    Attributes:
        subtype: such as ``PCM_16``.
        endian: ``LITTLE`` or ``BIG``.
        rate: in hertz.
        channels: their number.
        frame_bytes: bytes of one sample of all channels.
    """

    subtype: str
    endian: str
    rate: int
    channels: int
    frame_bytes: int


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
    """How a chunk's name and size are written.

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
        """Return the name and the size without name and size, ``None`` at the end."""
        if len(content) < self.header_bytes:
            return None
        (size,) = struct.unpack_from(self.size_format, content, self.name_bytes)
        return content[: self.name_bytes], size - self.counts_header * self.header_bytes

    def padded(self, size: int) -> int:
        """Return a size rounded up to where the next chunk begins."""
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
    """Yield name, place and size of the chunks of a header, as far as there are any."""
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
            encoding = _wave_encoding(stream.peek(at + min(size, 40))[at:], endian)
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


_WAVE_SUBTYPES = {
    **{(1, 1): "PCM_U8", (1, 2): "PCM_16", (1, 3): "PCM_24", (1, 4): "PCM_32"},
    **{(3, 4): "FLOAT", (3, 8): "DOUBLE", (6, 1): "ALAW", (7, 1): "ULAW"},
}
"""By format tag and bytes of a sample."""


def _wave_encoding(chunk: bytes, endian: str) -> Encoding | None:
    order = ">" if endian == "BIG" else "<"
    tag, channels, rate, _, frame_bytes, bits = struct.unpack_from(f"{order}HHIIHH", chunk)
    if tag == 0xFFFE:
        (tag,) = struct.unpack_from(f"{order}H", chunk, 24)
    if not channels or frame_bytes % channels or bits > 8 * frame_bytes // channels:
        return None
    subtype = _WAVE_SUBTYPES.get((tag, frame_bytes // channels))
    return Encoding(subtype, endian, rate, channels, frame_bytes) if subtype else None


def _read_w64(stream: ByteStream) -> Layout | None:
    (end,) = struct.unpack("<q", stream.peek(24)[16:])
    encoding = None
    for name, at, size in _chunks(stream, W64, 40):
        if name[:4] == b"fmt ":
            encoding = _wave_encoding(stream.peek(at + min(size, 40))[at:], "LITTLE")
        elif name[:4] == b"data":
            return Layout(encoding, at, _known(size, long=True), _known(end, long=True), W64)
    return None


_AIFF_SUBTYPES = {
    **{b"sowt": ("", "LITTLE"), b"NONE": ("", "BIG"), b"twos": ("", "BIG"), b"in24": ("", "BIG")},
    **{b"in32": ("", "BIG"), b"raw ": ("PCM_U8", "BIG"), b"fl32": ("FLOAT", "BIG")},
    **{b"FL32": ("FLOAT", "BIG"), b"fl64": ("DOUBLE", "BIG"), b"FL64": ("DOUBLE", "BIG")},
    **{b"alaw": ("ALAW", "BIG"), b"ALAW": ("ALAW", "BIG"), b"ulaw": ("ULAW", "BIG")},
    b"ULAW": ("ULAW", "BIG"),
}
"""Subtype, empty for whole numbers as wide as ``COMM`` says, and byte order, by compression."""

_SAMPLE_BYTES = {"PCM_U8": 1, "ALAW": 1, "ULAW": 1, "FLOAT": 4, "DOUBLE": 8}


def _read_aiff(stream: ByteStream) -> Layout | None:
    (form_size,) = struct.unpack(">I", stream.peek(8)[4:])
    end = _known(form_size)
    encoding = None
    for name, at, size in _chunks(stream, RIFX, 12):
        if name == b"COMM":
            encoding = _aiff_encoding(stream.peek(at + min(size, 22))[at:])
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
        elif name == b"SSND":  # before COMM: libsndfile finds it behind the samples
            return None
    return None


def _aiff_encoding(chunk: bytes) -> Encoding | None:
    channels, _, bits, exponent, mantissa = struct.unpack_from(">HIHHQ", chunk)
    rate = round(mantissa * 2.0 ** (exponent - 16383 - 63))
    subtype, endian = _AIFF_SUBTYPES.get(chunk[18:22] or b"NONE", (None, ""))
    if subtype is None or not channels:
        return None
    width = _SAMPLE_BYTES.get(subtype, -(-bits // 8))
    subtype = subtype or {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}.get(width)
    return Encoding(subtype, endian, rate, channels, width * channels) if subtype else None


_AU_ENCODINGS = {
    **{1: ("ULAW", 1), 2: ("PCM_S8", 1), 3: ("PCM_16", 2), 4: ("PCM_24", 3), 5: ("PCM_32", 4)},
    **{6: ("FLOAT", 4), 7: ("DOUBLE", 8), 27: ("ALAW", 1)},
}


def _read_au(stream: ByteStream) -> Layout | None:
    head = stream.peek(24)
    endian = "BIG" if head[:4] == b".snd" else "LITTLE"
    order = ">" if endian == "BIG" else "<"
    start, size, code, rate, channels = struct.unpack_from(f"{order}5I", head, 4)
    subtype, width = _AU_ENCODINGS.get(code, (None, 0))
    encoding = Encoding(subtype, endian, rate, channels, width * channels) if subtype else None
    return Layout(encoding, max(24, start), _known(size), None, None)


def _read_caf(stream: ByteStream) -> Layout | None:
    encoding = None
    for name, at, size in _chunks(stream, CAF, 8):
        if name == b"desc":
            encoding = _caf_encoding(stream.peek(at + 32)[at:])
        elif name == b"data":  # begins with the number of the last edit
            counted = _known(size, long=True)
            counted = None if counted is None else _known(counted - 4, long=True)
            return Layout(encoding, at + 4, counted, None, CAF)
    return None


def _caf_encoding(chunk: bytes) -> Encoding | None:
    rate, kind, flags, frame_bytes, _, channels, bits = struct.unpack_from(">d4sIIIII", chunk)
    if not channels or frame_bytes % channels:
        return None
    width = frame_bytes // channels
    subtype = {
        b"lpcm": _WAVE_SUBTYPES.get((3 if flags & 1 else 1, width)),
        b"alaw": "ALAW",
        b"ulaw": "ULAW",
    }.get(kind)
    if subtype == "PCM_U8":
        subtype = "PCM_S8"
    endian = "LITTLE" if flags & 2 else "BIG"
    if subtype is None or bits > 8 * width:
        return None
    return Encoding(subtype, endian, round(rate), channels, frame_bytes)


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
    """Return whether what follows the samples is another chunk, and not more samples.

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
