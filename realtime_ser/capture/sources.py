"""Sources of audio: what they have in common, sound files, raw samples on standard input."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from realtime_ser.capture.resampler import check_rate
from realtime_ser.errors import AudioInputError
from realtime_ser.settings import SAMPLE_RATE

Block = NDArray[np.float32] | NDArray[np.int16]

BLOCKS_PER_SECOND = 10
"""Blocks a file or standard input is read in."""

WAIT_SECONDS = 0.1
"""How long a live source waits for audio before it returns an empty block."""


class Source(Protocol):
    """Where audio comes from, already open.

    Attributes:
        name: what to call it on the screen.
        rate: samples per second and channel.
        channels: number of channels.
        live: whether it delivers in real time of its own accord, as a microphone does.
        problem: why the block last read is silence in place of audio, ``None`` in normal operation.
            Rate and channels may change when it does, and only then.
    """

    name: str
    rate: int
    channels: int
    live: bool
    problem: str | None

    @property
    def overflows(self) -> int:
        """Blocks the sound system dropped before the program saw them, so far."""

    @property
    def lost_frames(self) -> int:
        """Frames that ``read`` came too late for, so far; the next block comes after them."""

    def read(self) -> Block | None:
        """Return the next block, shape ``[frames, channels]``; ``None`` at the end.

        A live source waits at most 0.1 s and returns an empty block when nothing came.

        Raises:
            AudioDeviceError: the device failed.
            AudioInputError: the file or stream is damaged.
        """

    def close(self) -> None:
        """Release the device or file; safe to call twice."""


class Replayed:
    """What sources that are no microphone have in common: none of their audio is ever lost."""

    live = False
    problem: str | None = None
    overflows = 0
    lost_frames = 0


class FileSource(Replayed):
    """A WAV, FLAC or OGG file (or what else libsndfile reads).

    Delivers int16 where the file holds that, else float32. A file that holds less than it promises
    gives all it has before it raises.

    Args:
        path: of the file.

    Attributes:
        duration: seconds of audio, ``None`` where the file does not say.

    Raises:
        AudioInputError: no such file, not readable, empty, without audio, or not a sound file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = Path(path).name
        self._path = os.fspath(path)
        _check_file(Path(path), self._path)
        import soundfile

        self._unreadable: type[Exception] = soundfile.LibsndfileError
        try:
            self._file = soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path)
        except soundfile.LibsndfileError as error:
            raise AudioInputError(
                f"{self._path} is not audio that can be read ({_reason(error)})",
                "give a WAV, FLAC or OGG file",
            ) from error
        # soundfile seeks after every read where it can; at the end of a FLAC stream of unknown
        # length that fails, and the last block would be lost.
        self._file.seekable = lambda: False
        self.rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        try:
            check_rate(self.rate)
        except AudioInputError as error:
            self.close()
            raise AudioInputError(f"{self._path} has an {error.problem}", error.remedy) from None
        known = self._file.frames < UNKNOWN_LENGTH
        self.duration = self._file.frames / self.rate if known else None
        self._promised = _promised_frames(self._file)
        self._frames_read = 0
        self._dtype = "int16" if self._file.subtype == "PCM_16" else "float32"
        if not self._file.frames:
            self.close()
            raise AudioInputError(f"{self._path} holds no audio", "record or convert it again")

    def read(self) -> Block | None:
        """Return the next 0.1 s; ``None`` at the end.

        Raises:
            AudioInputError: the file is damaged or ends too early.
        """
        if self._file.closed:
            return None
        try:
            block: Block = self._file.read(
                self.rate // BLOCKS_PER_SECOND, dtype=self._dtype, always_2d=True
            )
        except self._unreadable as error:
            raise self._damaged(_reason(error)) from error
        self._frames_read += len(block)
        if len(block):
            return block
        if self._frames_read < self._promised:
            raise self._damaged(f"it promises {self._promised / self.rate:.2f} s")
        return None

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()

    def _damaged(self, reason: str) -> AudioInputError:
        second = self._frames_read / self.rate
        return AudioInputError(
            f"{self._path} is damaged or cut off after {second:.2f} s ({reason})",
            "get or convert the file again",
        )


def _check_file(path: Path, name: str) -> None:
    """Raise an ``AudioInputError`` for what libsndfile would only call an unrecognised format."""
    try:
        status = path.stat()
    except OSError as error:
        raise AudioInputError(
            f"{name} cannot be opened ({error.strerror})", "check the name and the folder"
        ) from error
    if stat.S_ISDIR(status.st_mode):
        raise AudioInputError(f"{name} is a folder", "give a sound file")
    if not os.access(path, os.R_OK):
        raise AudioInputError(f"{name} may not be read", "change its permissions")
    if stat.S_ISREG(status.st_mode) and not status.st_size:
        raise AudioInputError(f"{name} is empty", "give a file that holds audio")
    if path.suffix.lower() == ".raw":
        raise AudioInputError(
            f"{name} does not say its rate and format", "pipe 16 kHz mono s16le into `--input -`"
        )


UNKNOWN_LENGTH = 0x7FFF_0000
"""Lengths from here on are what programs write that did not know it when they began."""


def _promised_frames(file: Any) -> int:
    """Return how many frames a sound file must hold to be whole, 0 where it does not say.

    libsndfile cuts the count of a WAV or AIFF file down to what is there and says so only in its
    log: ``data : 96000 (should be 47979)``, in bytes. An MP3 file's count is an estimate.
    """
    if file.format == "MP3" or file.frames >= UNKNOWN_LENGTH:
        return 0
    log = re.search(r"^ *(?:data|SSND) *: (\d+) \(should be (\d+)\)", file.extra_info, re.M)
    promised, present = (int(log[1]), int(log[2])) if log else (0, 0)
    if not 0 < present < promised < UNKNOWN_LENGTH:
        return int(file.frames)
    frames = int(file.frames)
    return max(frames + 1, round(frames * promised / present))


def _reason(error: Any) -> str:
    return str(error.error_string).removeprefix("Error : ").rstrip(".")


class RawSource(Replayed):
    """Raw 16 kHz mono s16le samples from a binary stream, such as ``sys.stdin.buffer``.

    Blocks come as the stream delivers them. ``close`` leaves the stream open: it belongs to the
    caller, and another thread may be reading.

    Args:
        stream: what to read from.

    Raises:
        AudioInputError: the stream is a terminal.
    """

    name = "standard input"
    rate = SAMPLE_RATE
    channels = 1

    def __init__(self, stream: BinaryIO) -> None:
        if stream.isatty():
            raise AudioInputError(f"{self.name} is a terminal", HOW_TO_PIPE)
        # ``read`` of a buffered stream waits for all it was asked for.
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._odd_byte = b""
        self._bytes = 0
        self._closed = False

    def read(self) -> NDArray[np.int16] | None:
        """Return what has come, at most 0.1 s, shape ``[frames, 1]``; ``None`` at the end.

        Raises:
            AudioInputError: nothing came at all, or half a sample last, or no raw samples.
        """
        while not self._closed:
            new = self._read(2 * self.rate // BLOCKS_PER_SECOND)
            if not new:
                self._check_end()
                return None
            if not self._bytes and new.startswith(FILE_BEGINNINGS):
                raise AudioInputError(
                    f"{self.name} holds a sound file, not raw samples",
                    "give the file itself to `--input`, or pipe 16 kHz mono s16le",
                )
            self._bytes += len(new)
            received = self._odd_byte + new
            whole = len(received) // 2 * 2
            self._odd_byte = received[whole:]
            if whole:
                samples = np.frombuffer(received[:whole], "<i2").astype(np.int16, copy=False)
                return samples.reshape(-1, 1)
        return None

    def close(self) -> None:
        """End the source; safe to call twice."""
        self._closed = True

    def _check_end(self) -> None:
        if not self._bytes:
            raise AudioInputError(f"{self.name} is empty", HOW_TO_PIPE)
        if self._odd_byte:
            raise AudioInputError(
                f"{self.name} held an odd number of bytes, {self._bytes}",
                "pipe 16-bit samples (s16le), two bytes each",
            )


HOW_TO_PIPE = "pipe raw 16 kHz mono s16le samples into it"
FILE_BEGINNINGS = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"FORM", b"ID3")
"""What WAV, FLAC, OGG, AIFF and MP3 files begin with."""
