"""A short noise as sound files of many kinds, and what their headers count."""

import io
import struct
from dataclasses import dataclass

import numpy as np
import soundfile

RATE = 16_000
NOISE = np.random.default_rng(8).integers(-9_000, 9_000, 16_000, dtype=np.int16)
BYTES = NOISE.astype("<i2").tobytes()


def encoded(kind: str, subtype: str = "PCM_16", samples: np.ndarray = NOISE) -> bytes:
    """Return samples as a sound file."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, subtype, format=kind)
    return file.getvalue()


@dataclass(frozen=True, slots=True)
class Counted:
    """A sound file of uncompressed samples.

    Attributes:
        content: the file.
        start: the first sample's place.
        counts: places and ``struct`` formats of what its header counts; the audio's size last.
    """

    content: bytes
    start: int
    counts: tuple[tuple[int, str], ...]

    def with_count(self, count: int, which: int = -1) -> bytes:
        """Return the file with another count."""
        place, form = self.counts[which]
        limit = 1 << 8 * struct.calcsize(form)
        content = bytearray(self.content)
        struct.pack_into(form.upper(), content, place, count % limit)
        return bytes(content)

    def count(self, which: int = -1) -> int:
        """Return what the header counts."""
        place, form = self.counts[which]
        return int(struct.unpack_from(form, self.content, place)[0])


def counted(kind: str) -> Counted:
    """Return the noise in a container of uncompressed samples."""
    content = encoded(kind)
    big = kind in ("AIFF", "AU", "CAF")
    start = content.index(NOISE.astype(">i2" if big else "<i2").tobytes()[:64])
    outer, audio = {
        "WAV": ((4, "<I"), (start - 4, "<I")),
        "RF64": ((20, "<Q"), (28, "<Q")),
        "W64": ((16, "<Q"), (start - 8, "<Q")),
        "AIFF": ((4, ">I"), (start - 12, ">I")),
        "AU": ((8, ">I"), (8, ">I")),
        "CAF": ((start - 12, ">Q"), (start - 12, ">Q")),
    }[kind]
    return Counted(content, start, (outer, audio))


COUNTED = ("WAV", "RF64", "W64", "AIFF", "AU", "CAF")
CODED = (("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"))
