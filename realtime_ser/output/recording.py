"""The audio that was analysed, as a WAV file."""

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.errors import OutputError
from realtime_ser.output.paths import check_ending, create_new, unwritable
from realtime_ser.settings import SAMPLE_RATE

SAMPLES_BETWEEN_UPDATES = SAMPLE_RATE // 2
"""The file is brought up to date after this many samples, so a crash costs half a second."""

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_SAMPLE_BYTES = 2

MOST_SAMPLES = (2**32 - 1 - _HEADER.size) // _SAMPLE_BYTES
"""What WAV's 32-bit lengths can count: 37 hours."""

_SILENCE = np.zeros(SAMPLE_RATE, np.int16)


class Recording:
    """A 16 kHz mono 16-bit WAV file that is valid up to its last half second at any time.

    The header is our own: soundfile writes its lengths only when a file is closed, so a killed
    program would leave a file of length zero. For one thread at a time.

    Args:
        path: of the file. What was there is overwritten.
        keep_others: leave a file of that name alone and add a number to this one's.

    Attributes:
        path: the file.

    Raises:
        OutputError: the name does not end in ``.wav``, or the file cannot be written.
    """

    def __init__(self, path: Path, *, keep_others: bool = False) -> None:
        check_ending(path, (".wav",))
        self.path = path
        self._samples = 0
        self._samples_in_header = 0
        try:
            if keep_others:
                self.path, self._file = create_new(path)
            else:
                self._file = path.open("wb")
        except OSError as error:
            raise unwritable(path, error) from error
        with self._explained():
            self._update()

    def write(self, samples: NDArray[np.int16]) -> None:
        """Append int16 samples, shape ``[n]``.

        Raises:
            OutputError: the disk or the format is full. That is said once: the recording ends
                there, and what is written later is dropped.
        """
        if self._file.closed:
            return
        if self._samples + len(samples) > MOST_SAMPLES:
            self.close()
            raise OutputError(f"{self.path} is full, WAV ends at 4 GiB", "start another recording")
        with self._explained():
            self._file.write(samples.astype("<i2", copy=False).tobytes())
            self._samples += len(samples)
            if self._samples - self._samples_in_header >= SAMPLES_BETWEEN_UPDATES:
                self._update()

    def write_silence(self, count: int) -> None:
        """Append ``count`` zeros in place of lost samples, so that time stays true.

        Raises:
            OutputError: as ``write``.
        """
        for start in range(0, count, len(_SILENCE)):
            self.write(_SILENCE[: count - start])

    def close(self) -> None:
        """Finish the file; safe to call twice.

        Raises:
            OutputError: what was written last did not reach the disk.
        """
        if self._file.closed:
            return
        with self._explained():
            self._update()
            self._file.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """End the recording when writing fails, and say why in one line."""
        try:
            yield
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.close()
            raise unwritable(self.path, error) from error

    def _update(self) -> None:
        """Bring the file up to date: the samples first, then the header that counts them."""
        self._file.flush()
        self._file.seek(0)
        self._file.write(_header(self._samples))
        self._file.flush()
        self._file.seek(0, 2)
        self._samples_in_header = self._samples


def _header(samples: int) -> bytes:
    size = samples * _SAMPLE_BYTES
    pcm, mono, bytes_a_second = 1, 1, SAMPLE_RATE * _SAMPLE_BYTES
    layout = (16, pcm, mono, SAMPLE_RATE, bytes_a_second, _SAMPLE_BYTES, 8 * _SAMPLE_BYTES)
    return _HEADER.pack(b"RIFF", _HEADER.size - 8 + size, b"WAVE", b"fmt ", *layout, b"data", size)
