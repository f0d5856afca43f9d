"""How uncompressed samples are stored, by the format chunk of each container.

Encodings are named as libsndfile names them.

The specifications are those that ``containers`` names.
"""

import struct
from dataclasses import dataclass


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


_WAVE_SUBTYPES = {
    **{(1, 1): "PCM_U8", (1, 2): "PCM_16", (1, 3): "PCM_24", (1, 4): "PCM_32"},
    **{(3, 4): "FLOAT", (3, 8): "DOUBLE", (6, 1): "ALAW", (7, 1): "ULAW"},
}
"""Encodings by format tag and bytes per sample."""


def wave_encoding(chunk: bytes, endian: str) -> Encoding | None:
    """Return what a ``fmt`` chunk says, ``None`` where the samples are compressed."""
    order = ">" if endian == "BIG" else "<"
    tag, channels, rate, _, frame_bytes, bits = struct.unpack_from(f"{order}HHIIHH", chunk)
    if tag == 0xFFFE:
        (tag,) = struct.unpack_from(f"{order}H", chunk, 24)
    if not channels or frame_bytes % channels or bits > 8 * frame_bytes // channels:
        return None
    subtype = _WAVE_SUBTYPES.get((tag, frame_bytes // channels))
    return Encoding(subtype, endian, rate, channels, frame_bytes) if subtype else None


_AIFF_SUBTYPES = {
    **{b"sowt": ("", "LITTLE"), b"NONE": ("", "BIG"), b"twos": ("", "BIG"), b"in24": ("", "BIG")},
    **{b"in32": ("", "BIG"), b"raw ": ("PCM_U8", "BIG"), b"fl32": ("FLOAT", "BIG")},
    **{b"FL32": ("FLOAT", "BIG"), b"fl64": ("DOUBLE", "BIG"), b"FL64": ("DOUBLE", "BIG")},
    **{b"alaw": ("ALAW", "BIG"), b"ALAW": ("ALAW", "BIG"), b"ulaw": ("ULAW", "BIG")},
    b"ULAW": ("ULAW", "BIG"),
}
"""Subtype and byte order by compression; integers as wide as ``COMM`` says have no subtype."""

_SAMPLE_BYTES = {"PCM_U8": 1, "ALAW": 1, "ULAW": 1, "FLOAT": 4, "DOUBLE": 8}


def aiff_encoding(chunk: bytes) -> Encoding | None:
    """Return what a ``COMM`` chunk says, ``None`` where the samples are compressed."""
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


def au_encoding(head: bytes) -> Encoding | None:
    """Return what an AU header of 24 bytes says, ``None`` where its samples are compressed."""
    endian = "BIG" if head[:4] == b".snd" else "LITTLE"
    order = ">" if endian == "BIG" else "<"
    code, rate, channels = struct.unpack_from(f"{order}3I", head, 12)
    subtype, width = _AU_ENCODINGS.get(code, (None, 0))
    return Encoding(subtype, endian, rate, channels, width * channels) if subtype else None


def caf_encoding(chunk: bytes) -> Encoding | None:
    """Return what a ``desc`` chunk says, ``None`` where the samples are compressed."""
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
