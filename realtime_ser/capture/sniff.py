"""The kind of a file, by its first bytes: a container, text, or unknown, such as raw samples."""

import re
from dataclasses import dataclass
from enum import Enum

from realtime_ser.capture.byte_stream import ByteStream
from realtime_ser.capture.mpeg import (
    FRAME_START,
    LONGEST_FRAME,
    frame_header,
    id3_size,
    starts_with_frames,
)


class Reading(Enum):
    """How a kind of file can be read."""

    FORWARD = "from start to end, so through a pipe as well"
    SEEKING = "by seeking: a pipe is stored first"
    NEVER = "not by libsndfile"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.

    Attributes:
        name: what people call it.
        reading: how it can be read.
    """

    name: str
    reading: Reading


BEGINNING_BYTES = 64
"""Bytes that tell the kind; MP3 without a tag takes two frames."""

_MPEG = Kind("MP3", Reading.FORWARD)
_FLAC = Kind("FLAC", Reading.FORWARD)
_TEXT = Kind("text", Reading.NEVER)

_KINDS = [
    (re.compile(pattern, re.DOTALL), Kind(name, reading))
    for pattern, name, reading in [
        (rb"(RIFF|RIFX|RF64|BW64).{4}WAVE", "WAV", Reading.FORWARD),
        (rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", "W64", Reading.FORWARD),
        (rb"FORM.{4}AIF[FC]", "AIFF", Reading.FORWARD),
        (rb"\.snd\x00.{7}\x00\x00\x00[\x01-\x1b]", "AU", Reading.FORWARD),
        (rb"dns\..{3}\x00.{4}[\x01-\x1b]\x00\x00\x00", "AU", Reading.FORWARD),
        (rb"caff\x00\x01", "CAF", Reading.FORWARD),
        (rb"fLaC", "FLAC", Reading.FORWARD),
        (rb"OggS\x00", "Ogg", Reading.FORWARD),
        (rb"FORM.{4}(8SVX|16SV)", "SVX", Reading.SEEKING),
        (rb"Creative Voice File", "VOC", Reading.SEEKING),
        (rb"NIST_1A\n", "NIST SPHERE", Reading.SEEKING),
        (rb" paf|fap ", "PAF", Reading.SEEKING),
        (rb"PVF1\n", "PVF", Reading.SEEKING),
        (rb"2BIT", "AVR", Reading.SEEKING),
        (rb"Extended Instrument:", "XI", Reading.SEEKING),
        (rb"MATLAB 5.0 MAT-file", "MAT", Reading.SEEKING),
        (rb"\x64\xa3[\x01-\x04]\x00|\x00[\x01-\x04]\xa3\x64", "IRCAM", Reading.SEEKING),
        (rb".{4}ftyp", "M4A or MP4", Reading.NEVER),
        (rb".{4}(moov|mdat|wide|free)", "QuickTime", Reading.NEVER),
        (rb"\x1a\x45\xdf\xa3", "WebM or Matroska", Reading.NEVER),
        (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA", Reading.NEVER),
        (rb"RIFF.{4}[\x20-\x7e]{4}", "RIFF without audio", Reading.NEVER),
        (rb"FORM.{4}[\x20-\x7e]{4}", "IFF without audio", Reading.NEVER),
        (rb"#!AMR", "AMR", Reading.NEVER),
        (rb"#!SILK|\x02#!SILK", "SILK", Reading.NEVER),
        (rb"wvpk", "WavPack", Reading.NEVER),
        (rb"MAC ", "Monkey's Audio", Reading.NEVER),
        (rb"MPCK|MP\+", "Musepack", Reading.NEVER),
        (rb"TTA[12]", "TTA", Reading.NEVER),
        (rb"DSD .{8}|FRM8", "DSD", Reading.NEVER),
        (rb"ADIF", "AAC", Reading.NEVER),
        (rb"FLV\x01", "FLV", Reading.NEVER),
        (rb"\.RMF|\.ra\xfd", "RealAudio", Reading.NEVER),
        (rb"MThd\x00\x00\x00\x06", "MIDI", Reading.NEVER),
        (rb"PK\x03\x04", "ZIP", Reading.NEVER),
        (rb"\x1f\x8b\x08", "gzip", Reading.NEVER),
        (rb"BZh[1-9]1AY&SY", "bzip2", Reading.NEVER),
        (rb"\xfd7zXZ\x00", "XZ", Reading.NEVER),
        (rb"\x28\xb5\x2f\xfd", "Zstandard", Reading.NEVER),
        (rb"7z\xbc\xaf\x27\x1c", "7-Zip", Reading.NEVER),
        (
            rb"\x89PNG\r\n|\xff\xd8\xff[\xe0\xe1\xdb]..(JFIF|Exif)|GIF8[79]a",
            "picture",
            Reading.NEVER,
        ),
        (rb"%PDF-", "PDF", Reading.NEVER),
        (rb"\x7fELF", "a program", Reading.NEVER),
        (rb"SQLite format 3\x00", "a database", Reading.NEVER),
    ]
]

NEXT_FILE = re.compile(
    rb"(?:RIFF|RF64|BW64).{4}WAVE|FORM.{4}AIF[FC]|caff\x00\x01\x00\x00|fLaC[\x00\x80]\x00\x00\x22"
    rb"|OggS\x00[\x02\x06]\x00{8}|ID3[\x02-\x04]\x00.[\x00-\x7f]{4}[A-Z][A-Z0-9]{2}"
    rb"|\xff[\xe2-\xff][^\xff].(?:\x00{9}|\x00{17}|\x00{32})(?:Xing|Info)"
    rb"|riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00",
    re.DOTALL,
)
"""Where another file begins in the middle of audio: long enough that samples never look like it."""

_ADTS = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")
_PRINTABLE = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xf4]*")


def sniff(stream: ByteStream) -> Kind | None:
    """Return the kind of file that begins here, ``None`` if it is unknown.

    Consumes nothing. Waits for as many bytes as it needs: a pipe may deliver only two at first.
    """
    head = stream.peek(BEGINNING_BYTES)
    if size := id3_size(head):
        return _FLAC if stream.peek(min(size, 1 << 20) + 4).endswith(b"fLaC") else _MPEG
    for pattern, kind in _KINDS:
        if pattern.match(head):
            return kind
    if FRAME_START.match(head) and frame_header(head):
        return _MPEG if starts_with_frames(stream.peek(LONGEST_FRAME + 4)) else None
    if _ADTS.match(head):
        return Kind("AAC", Reading.NEVER) if _is_adts(stream.peek(8192 + 7)) else None
    if head[:1] == b"G" and stream.peek(377)[::188] == b"GGG":
        return Kind("MPEG transport stream", Reading.NEVER)
    return _TEXT if is_text(head) else None


def _is_adts(content: bytes) -> bool:
    """Return whether two AAC frames begin here (ISO/IEC 13818-7, 6.2)."""
    size = (content[3] & 3) << 11 | content[4] << 3 | content[5] >> 5
    follows = content[size : size + 2]
    return size > 7 and follows == content[:2]


def is_text(content: bytes) -> bool:
    """Return whether bytes are text: 16-bit samples contain other bytes as well."""
    if len(content) < BEGINNING_BYTES or not _PRINTABLE.fullmatch(content):
        return False
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(content) - 3
    return True
