"""Headers of MPEG audio (MP3): where frames begin, and the encoder's counts for the whole file.

Frame header: ISO/IEC 11172-3, 2.4.2.3. Info tag: Xing's, as LAME writes it.
ID3v2 tag: id3.org, 2.4.0, section 3.1.
"""

import re
from dataclasses import dataclass

from realtime_ser.capture.byte_stream import ByteStream

_KILOBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates by version (2 is also 2.5) and layer (2 of version 2 is also its 3)."""

_RATES = (44_100, 48_000, 32_000)
LONGEST_FRAME = 2_881
FRAME_START = re.compile(rb"\xff[\xe2-\xff]")


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """One frame's header.

    Attributes:
        size: bytes of the frame.
        seconds: duration of the frame.
        kind: what all frames of a file have in common: version, layer and sample rate.
    """

    size: int
    seconds: float
    kind: tuple[int, int, int]


def frame_header(content: bytes) -> FrameHeader | None:
    """Return the header in these four bytes, ``None`` if they are not one."""
    if len(content) < 4 or not FRAME_START.match(content):
        return None
    version = {3: 1, 2: 2, 0: 4}.get(content[1] >> 3 & 3, 0)  # 4 is version 2.5
    layer = 4 - (content[1] >> 1 & 3)
    bit_rate, sample_rate, padding = content[2] >> 4, content[2] >> 2 & 3, content[2] >> 1 & 1
    if not version or layer == 4 or bit_rate in (0, 15) or sample_rate == 3:
        return None
    table = _KILOBITS[(1, layer) if version == 1 else (2, min(layer, 2))]
    rate = _RATES[sample_rate] // version
    samples = 384 if layer == 1 else 576 if layer == 3 and version > 1 else 1152
    slot = 4 if layer == 1 else 1
    size = (samples // 8 // slot * table[bit_rate - 1] * 1000 // rate + padding) * slot
    return FrameHeader(size, samples / rate, (version, layer, rate))


def starts_with_frames(content: bytes) -> bool:
    """Return whether a frame begins here that another one of its kind follows."""
    first = frame_header(content)
    second = first and frame_header(content[first.size : first.size + 4])
    return bool(first and second and first.kind == second.kind)


def skip_to_frames(stream: ByteStream, stop: re.Pattern[bytes]) -> int | None:
    """Skip what is not MPEG audio, up to the next frames or a match of ``stop``.

    Returns:
        The bytes that were passed over, ``None`` where nothing more was found.
    """
    skipped = 0
    while len(ahead := stream.peek(4 * LONGEST_FRAME)) >= 4:
        stopped = stop.search(ahead, 0, 3 * LONGEST_FRAME)
        end = stopped.start() if stopped else 3 * LONGEST_FRAME
        for match in FRAME_START.finditer(ahead, 0, end):
            if starts_with_frames(ahead[match.start() :]):
                return skipped + stream.skip(match.start())
        skipped += stream.skip(end)
        if stopped:
            return skipped
    return None


def id3_size(content: bytes) -> int:
    """Return the size of the ID3v2 tag that begins with these ten bytes, 0 without one."""
    if len(content) < 10 or content[:3] != b"ID3" or max(content[6:10]) > 127:
        return 0
    size = content[6] << 21 | content[7] << 14 | content[8] << 7 | content[9]
    return size + (20 if content[5] & 0x10 else 10)


@dataclass(frozen=True, slots=True)
class Info:
    """The counts that the encoder stored in the first frame; ``None`` where it did not.

    Attributes:
        frames: MPEG frames after this one.
        size: bytes from this frame to the end of the last.
    """

    frames: int | None
    size: int | None


def read_info(content: bytes) -> Info:
    """Return the counts in the first frame; ``content`` begins with that frame."""
    tag = re.compile(rb"Xing|Info").search(content, 0, 48)
    if not tag or len(content) < tag.end() + 12:
        return Info(None, None)
    flags, first, second = (
        int.from_bytes(content[tag.end() + at : tag.end() + at + 4]) for at in (0, 4, 8)
    )
    frames = first if flags & 1 else None
    size = second if flags & 3 == 3 else first if flags & 3 == 2 else None
    return Info(frames or None, size or None)
