"""Sound files, and streams of them, decoded."""

import logging
import os
import threading
import weakref
from pathlib import Path
from typing import BinaryIO

from realtime_ser.capture import mpeg
from realtime_ser.capture.byte_stream import ByteStream
from realtime_ser.capture.links import (
    DecodingError,
    Link,
    Loss,
    SeekingLink,
    open_link,
    spooled,
)
from realtime_ser.capture.payload import skip_rest
from realtime_ser.capture.resampler import check_rate
from realtime_ser.capture.sniff import Kind, Reading, sniff
from realtime_ser.capture.sources import Block, Replayed
from realtime_ser.errors import AudioInputError, DamagedAudioError, printable

log = logging.getLogger("realtime_ser")


class DecodedSource(Replayed):
    """The sound files in a stream, usually one.

    Delivers int16 where a file holds that, else float32. Audio that is missing is named at the end,
    after all that is there. Rate and channels change where the next file has others.

    Args:
        file: binary, read from front to back.
        name: what to call it on the screen.
        label: what to call it in errors, such as its path.
        owned: whether to close it.
        stream: the same, where its beginning was looked at before.

    Attributes:
        duration: seconds of audio by the first file's header, ``None`` where it does not say.

    Raises:
        AudioInputError: empty, without audio, or not a sound file.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        label: str,
        *,
        owned: bool,
        stream: ByteStream | None = None,
    ) -> None:
        self.name = printable(name)
        self._label = label
        self._files = [file] if owned else []
        weakref.finalize(self, _close_all, self._files)
        self._file = file
        self._stream = stream or ByteStream(file, label)
        self._link: Link | None = None
        self._next: Block | None = None
        self._lost_at: float | None = None
        self._losses: list[Loss] = []
        self._seconds = 0.0
        self._reading = threading.Lock()
        self._closed = False
        try:
            self._link = self._first_link()
            self.duration = self._link.duration
            self._take_format(self._link)
            self._next = self._decode()
            if self._next is None and not self._losses:
                raise AudioInputError(f"{label} holds no audio", "record or convert it again")
        except BaseException:
            self.close()
            raise

    def read(self) -> Block | None:
        """Return the next 0.1 s, shape ``[frames, channels]``; ``None`` at the end.

        Raises:
            DamagedAudioError: audio is missing; raised once, after all that is there.
            AudioInputError: the operating system cannot read on.
        """
        with self._reading:
            block, self._next = self._next, None
            if block is None:
                block = self._decode()
        if self._closed:
            self._release()
            return None
        if block is None and self._losses:
            losses, self._losses = self._losses, []
            raise self._damaged(losses)
        return block

    def _decode(self) -> Block | None:
        while self._link is not None and not self._closed:
            problem = None
            try:
                block = self._link.decoder.read()
                if len(block):
                    return block
            except DecodingError as error:
                problem = error
            self._end_link(problem)
        return None

    def close(self) -> None:
        """Close the file; safe to call twice, and while another thread reads."""
        self._closed = True
        self._release()

    def _release(self) -> None:
        if not self._reading.acquire(blocking=False):
            return  # the reader does it
        try:
            if self._link is not None:
                self._link.decoder.close()
                self._link = None
            _close_all(self._files)
        finally:
            self._reading.release()

    def _first_link(self) -> Link:
        kind = sniff(self._stream)
        if kind is not None and kind.reading is Reading.NEVER:
            raise self._unreadable(f"it holds {kind.name}")
        try:
            return self._open(kind)
        except DecodingError as error:
            raise self._unreadable(str(error)) from error

    def _unreadable(self, reason: str) -> AudioInputError:
        return AudioInputError(
            f"{self._label} is not audio that can be read ({reason})",
            "give a WAV, FLAC, OGG or MP3 file, or convert it: `ffmpeg -i FILE OUT.wav`",
        )

    def _open(self, kind: Kind | None) -> Link:
        if not self._stream.peek(1):
            raise AudioInputError(f"{self._label} is empty", "give a file that holds audio")
        if kind is not None and kind.reading is Reading.FORWARD:
            link = open_link(self._stream, kind, self._label)
            if link is not None:
                return link
        if self._stream.origin is None:
            self._store()
        return SeekingLink(self._stream, self._file, kind)

    def _store(self) -> None:
        """Continue with a temporary copy, which can be seeked in."""
        log.warning("%s is stored first: it cannot be decoded as it comes", self._label)
        self._file = spooled(self._stream)
        self._files.append(self._file)
        self._stream = ByteStream(self._file, self._label)

    def _take_format(self, link: Link) -> None:
        rate = link.decoder.rate
        try:
            check_rate(rate)
        except AudioInputError as error:
            raise AudioInputError(f"{self._label} has an {error.problem}", error.remedy) from None
        self.rate, self.channels = rate, link.decoder.channels

    def _end_link(self, problem: DecodingError | None) -> None:
        link = self._link
        assert link is not None
        loss = link.finish(problem)
        self._seconds += link.decoder.frames_read / link.decoder.rate
        if loss is not None:
            self._losses.append(loss)
            self._lost_at = self._lost_at or self._seconds
        link.decoder.close()
        self._link = self._next_link()

    def _next_link(self) -> Link | None:
        """Open the next file, and skip what is not audio."""
        while self._stream.peek(1):
            kind = sniff(self._stream)
            if kind is not None and kind.reading is Reading.FORWARD:
                try:
                    link = self._open(kind)
                    self._take_format(link)
                    return link
                except DecodingError:
                    pass
            self._pass_over()
        return None

    def _pass_over(self) -> None:
        if tag := mpeg.id3_size(self._stream.peek(10)):
            self._stream.skip(tag)
            return
        self._stream.skip(1)
        if lost := skip_rest(self._stream):
            log.warning(
                "%s: skipped %d bytes after %.2f s that are not audio",
                self._label,
                lost,
                self._seconds,
            )

    def _damaged(self, losses: list[Loss]) -> DamagedAudioError:
        known = [loss.seconds for loss in losses if loss.seconds is not None]
        reasons = [loss.reason for loss in losses if loss.reason]
        lost = f"{sum(known):.2f} s are missing" if known else "what followed is lost"
        return DamagedAudioError(
            f"{self._label} is damaged or cut off after {self._lost_at:.2f} s"
            f" ({'; '.join([lost, *reasons[:1]])})",
            "get or convert the file again",
        )


def _close_all(files: list[BinaryIO]) -> None:
    while files:
        files.pop().close()


class FileSource(DecodedSource):
    """A sound file: WAV, FLAC, OGG, MP3 or another that libsndfile reads.

    Args:
        path: of the file, which is opened by its bytes whatever their encoding.

    Raises:
        AudioInputError: no such file, not readable, empty, without audio, or not a sound file.
    """

    def __init__(self, path: str | bytes | os.PathLike[str]) -> None:
        label = os.fsdecode(path)
        super().__init__(_open(Path(label), label), Path(label).name, label, owned=True)


def _open(path: Path, label: str) -> BinaryIO:
    """Open a file, or raise an ``AudioInputError`` that says what is wrong with it."""
    try:
        if path.is_dir():
            raise AudioInputError(f"{label} is a folder", "give a sound file")
        if path.suffix.lower() == ".raw" and path.exists():
            raise AudioInputError(
                f"{label} does not say its rate and format",
                "pipe 16 kHz mono s16le into `--input -`",
            )
        return path.open("rb")
    except PermissionError as error:
        raise AudioInputError(f"{label} may not be read", "change its permissions") from error
    except (OSError, ValueError) as error:  # a name may contain a zero byte
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioInputError(
            f"{label} cannot be opened ({reason})", "check the name and the folder"
        ) from error
