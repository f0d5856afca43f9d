"""Sound files that may be joined end to end; each of them is called a link."""

import logging
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from realtime_ser.capture import mpeg, ogg
from realtime_ser.capture.byte_stream import READ_BYTES, ByteStream
from realtime_ser.capture.containers import UNKNOWN_SIZE, Layout, read_layout
from realtime_ser.capture.encodings import Encoding
from realtime_ser.capture.payload import Payload
from realtime_ser.capture.sniff import NEXT_FILE, Kind
from realtime_ser.capture.sources import Block
from realtime_ser.capture.virtual_file import ENDLESS, Section, VirtualFile
from realtime_ser.fork_safety import import_native

log = logging.getLogger("realtime_ser")

BLOCKS_PER_SECOND = 10
"""Files and standard input are read in blocks of a tenth of a second."""

NEGLIGIBLE_SECONDS = 0.02
"""Frame counts of complete files may be wrong by this much."""


class DecodingError(Exception):
    """libsndfile cannot continue; the text is its reason."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Missing audio.

    Attributes:
        seconds: how much, ``None`` where nobody can know.
        reason: why, in a few words, empty where there is nothing to add.
    """

    seconds: float | None
    reason: str = ""


class Decoder:
    """Decodes one sound file with libsndfile.

    Delivers int16 where the file holds that, else float32.

    Args:
        file: what libsndfile reads, a ``VirtualFile`` or a seekable binary file.
        encoding: of samples without a header; ``None`` where there is a header.

    Raises:
        DecodingError: libsndfile cannot read it.
    """

    def __init__(self, file: Any, encoding: Encoding | None = None) -> None:
        soundfile = import_native("soundfile")

        self._unreadable: type[Exception] = soundfile.LibsndfileError
        self._source = file
        raw = encoding and {
            "format": "RAW",
            "subtype": encoding.subtype,
            "endian": encoding.endian,
            "samplerate": encoding.rate,
            "channels": encoding.channels,
        }
        try:
            self._file = soundfile.SoundFile(file, **(raw or {}))
        except (soundfile.LibsndfileError, ValueError, TypeError, OverflowError) as error:
            self._raise_failure()
            raise DecodingError(reason_of(error)) from error
        if isinstance(file, VirtualFile):
            file.opened()
        # soundfile seeks after every read where it can. At the end of a FLAC stream of unknown
        # length that fails, and the last block would be lost.
        self._file.seekable = lambda: False
        self.rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames
        self.subtype: str = self._file.subtype
        self.log: str = self._file.extra_info
        self.frames_read = 0
        self._dtype = "int16" if self.subtype == "PCM_16" else "float32"

    def read(self) -> Block:
        """Return the next 0.1 s, shape ``[frames, channels]``, empty at the end.

        Raises:
            DecodingError: what follows cannot be decoded.
        """
        try:
            block: Block = self._file.read(
                max(1, self.rate // BLOCKS_PER_SECOND), dtype=self._dtype, always_2d=True
            )
        except self._unreadable as error:
            self._raise_failure()
            raise DecodingError(reason_of(error)) from error
        self._raise_failure()
        self.frames_read += len(block)
        return block

    def close(self) -> None:
        """Free libsndfile's memory."""
        self._file.close()

    def _raise_failure(self) -> None:
        failure = getattr(self._source, "failure", None)
        if failure is not None:
            raise failure


def reason_of(error: Any) -> str:
    """Return libsndfile's reason for an error."""
    text = str(getattr(error, "error_string", error))
    return text.removeprefix("Error : ").removeprefix("Error in ").rstrip(".")


class Link(Protocol):
    """One sound file, open."""

    decoder: Decoder
    duration: float | None
    """Seconds of audio according to the header, ``None`` where it does not say."""

    def finish(self, problem: DecodingError | None) -> Loss | None:
        """Move the stream to the start of the next file; return the audio that this one lacks."""


class PlainLink:
    """Uncompressed samples in a container."""

    def __init__(self, stream: ByteStream, layout: Layout, encoding: Encoding, label: str) -> None:
        self._payload = Payload(stream, layout, encoding, label)
        bytes_left, byte_rate = stream.left, encoding.rate * encoding.frame_bytes
        size = min((n for n in (layout.size, bytes_left) if n is not None), default=None)
        self.duration = size / byte_rate if size is not None and byte_rate else None
        self.decoder = Decoder(VirtualFile(self._payload.read), encoding)

    def finish(self, problem: DecodingError | None) -> Loss | None:
        """Move the stream to the start of the next file; return the audio that this one lacks."""
        while self._payload.read(16_384):  # as after a part of a sample
            pass
        missing = self._payload.missing_seconds
        return Loss(missing) if missing else None


class CodedLink:
    """FLAC, Ogg or MPEG audio: read until it ends or another file begins.

    Args:
        stream: at its first byte.
        kind: what it is.
        label: what to call the file.
    """

    def __init__(self, stream: ByteStream, kind: Kind, label: str) -> None:
        self._stream = stream
        self._label = label
        self._kind = kind
        self._armed = True
        self._replaced = b""
        self._pages = ogg.PageWatch()
        self._frames_promised: int | None = None
        self._info = mpeg.Info(None, None)
        self._frame: mpeg.FrameHeader | None = None
        prepare: dict[str, Callable[[], None]] = {
            "FLAC": self._prepare_flac,
            "Ogg": self._prepare_ogg,
            "MP3": self._prepare_mpeg,
        }
        self._search_from = stream.position + 4
        prepare[kind.name]()
        self._start = stream.position
        self.decoder = Decoder(VirtualFile(self._read, self._info.size or ENDLESS))
        promised = self._frames_promised or (self.decoder.frames if self._info.frames else None)
        self.duration = promised / self.decoder.rate if promised else None

    def _read(self, count: int) -> bytes:
        content = self._next_bytes(count)
        if self._kind.name == "Ogg":
            self._pages.feed(content)
        return content

    def _next_bytes(self, count: int) -> bytes:
        if self._replaced:
            taken, self._replaced = self._replaced[:count], self._replaced[count:]
            self._stream.skip(len(taken))
            return taken
        if not self._armed:
            content = self._stream.read_until(ogg.LATER_PAGE, count, self._search_from)
            if content:
                return content
            self._armed = True
            self._search_from = self._stream.position + 4
        return self._stream.read_until(NEXT_FILE, count, self._search_from)

    def _prepare_flac(self) -> None:
        """Let libsndfile read past the header's count, which is checked at the end."""
        self._stream.skip(mpeg.id3_size(self._stream.peek(10)))
        head = bytearray(self._stream.peek(42))
        if len(head) == 42 and head[4] & 0x7F == 0:  # STREAMINFO: RFC 9639, 8.2
            counted = (head[21] & 0x0F) << 32 | int.from_bytes(head[22:26])
            self._frames_promised = counted or None
            head[21] &= 0xF0
            head[22:26] = bytes(4)
            self._replaced = bytes(head)
        self._search_from = self._stream.position + 4

    def _prepare_ogg(self) -> None:
        """Read the first pages together, one for each interleaved stream."""
        self._armed = False

    def _prepare_mpeg(self) -> None:
        self._stream.skip(mpeg.id3_size(self._stream.peek(10)))
        head = self._stream.peek(mpeg.LONGEST_FRAME)
        self._info, self._frame = mpeg.read_info(head), mpeg.frame_header(head)
        self._search_from = self._stream.position + (self._frame.size if self._frame else 4)

    def finish(self, problem: DecodingError | None) -> Loss | None:
        """Move the stream to the start of the next file; return the audio that this one lacks."""
        if self._kind.name == "MP3":
            return self._finish_mpeg(problem)
        while self._read(READ_BYTES):
            pass
        if extra := self._pages.bytes_after():
            log.warning("%s: skipped %d bytes that are not audio", self._label, extra)
        rate = self.decoder.rate
        promised = self._pages.seconds(rate) or (self._frames_promised or 0) / rate
        missing = promised - self.decoder.frames_read / rate
        reason = "its last page is incomplete" if self._pages.ends_in_a_page() else ""
        if missing > NEGLIGIBLE_SECONDS:
            return Loss(missing, str(problem or reason))
        if reason or (problem is not None and not promised):
            return Loss(None, str(problem or reason))
        return None

    def _finish_mpeg(self, problem: DecodingError | None) -> Loss | None:
        missing = 0.0
        if self._info.frames is not None:
            missing = (self.decoder.frames - self.decoder.frames_read) / self.decoder.rate
        noted = self._start + (self._info.size or 0)
        while self._stream.position < noted and self._read(noted - self._stream.position):
            pass
        skipped = mpeg.skip_to_frames(self._stream, NEXT_FILE)
        if not missing and problem is not None and skipped and self._frame:
            missing = skipped / self._frame.size * self._frame.seconds
        return Loss(missing) if missing > _MPEG_FRAMES_SECONDS else None


_MPEG_FRAMES_SECONDS = 0.08
"""The longest MPEG frame, or three usual ones: an encoder's count may be wrong by this much."""


class SeekingLink:
    """A file that libsndfile can only decode by seeking.

    Args:
        stream: at the file's first byte; it is moved on to what follows.
        file: where the stream comes from, seekable.
        kind: what it is.
    """

    def __init__(self, stream: ByteStream, file: BinaryIO, kind: Kind | None) -> None:
        assert stream.origin is not None, "a pipe cannot be jumped about in"
        layout = read_layout(stream, kind.name) if kind else None
        start, left = stream.position, stream.left or 0
        end = left
        if layout and layout.size is not None:
            end = min(left, max(layout.start + layout.size, layout.end or 0))
        counts: dict[int, bytes] = {}
        if layout and layout.size is None and layout.size_fields:
            sizes = (left - 8, left - layout.start)
            counts = {
                field: min(size, UNKNOWN_SIZE).to_bytes(4, "little")
                for field, size in zip(layout.size_fields, sizes, strict=True)
            }
        self._stream, self._end = stream, start + end
        self.decoder = Decoder(Section(file, stream.origin + start, end, counts))
        frames = self.decoder.frames
        known = frames < UNKNOWN_SIZE
        self.duration = frames / self.decoder.rate if known else None
        self._frames = frames if known and "MPEG" not in self.decoder.subtype else 0

    def finish(self, problem: DecodingError | None) -> Loss | None:
        """Move the stream to the start of the next file; return the audio that this one lacks."""
        self._stream.skip(self._end - self._stream.position)
        missing = (self._frames - self.decoder.frames_read) / self.decoder.rate
        lost = _cut_share(self.decoder.log) * self.decoder.frames_read / self.decoder.rate
        if max(missing, lost) > NEGLIGIBLE_SECONDS:
            return Loss(max(missing, lost), str(problem or ""))
        return Loss(None, str(problem)) if problem is not None else None


def _cut_share(log: str) -> float:
    """Return how much more audio a header counts than there is, relative to what there is.

    libsndfile cuts the count down to what is there and says so only in its log:
    ``data : 96000 (should be 47979)``, in bytes.
    """
    line = re.search(r"^ *(?:data|SSND) *: (\d+) \(should be (\d+)\)", log, re.MULTILINE)
    counted, present = (int(line[1]), int(line[2])) if line else (0, 0)
    return counted / present - 1 if 64 < present + 64 < counted < 0x7F00_0000 else 0.0


def open_link(stream: ByteStream, kind: Kind, label: str) -> Link | None:
    """Open the sound file that begins here; ``None`` if it can only be read by seeking.

    Raises:
        DecodingError: libsndfile cannot read it.
    """
    if kind.name in ("FLAC", "Ogg", "MP3"):
        return CodedLink(stream, kind, label)
    layout = read_layout(stream, kind.name)
    if layout and layout.encoding:
        return PlainLink(stream, layout, layout.encoding, label)
    return None


def spooled(stream: ByteStream) -> BinaryIO:
    """Return the rest of a stream as a temporary file."""
    file = tempfile.TemporaryFile(prefix="realtime-ser-")  # noqa: SIM115 - the caller closes it
    while content := stream.read(1 << 16):
        file.write(content)
    file.seek(0)
    return file
