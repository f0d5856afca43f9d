"""The audio that was analyzed, as a WAV file."""

import contextlib
import wave
from collections.abc import Iterator
from pathlib import Path

from realtime_ser.errors import OutputError
from realtime_ser.live.sinks import Sink
from realtime_ser.output.paths import check_ending, create_new, unwritable
from realtime_ser.samples import Int16
from realtime_ser.settings import SAMPLE_RATE

SAMPLES_BETWEEN_UPDATES = SAMPLE_RATE // 2
"""The header is brought up to date after this many samples: a crash loses half a second."""

SAMPLE_BYTES = 2
HEADER_BYTES = 44

MOST_SAMPLES = (2**32 - 1 - HEADER_BYTES) // SAMPLE_BYTES
"""What WAV's 32-bit lengths can count: 37 hours."""


class Recording(Sink):
    """A 16 kHz mono 16-bit WAV file that is always valid up to its last half second.

    For one thread at a time.

    Args:
        path: of the file. What was there is overwritten.
        keep_others: leave a file of that name alone and add a number to this one's.

    Attributes:
        path: the file.

    Raises:
        OutputError: the name does not end in ``.wav``, or the file cannot be written.
    """

    name = "recording"

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
        self._wave = wave.open(self._file, "wb")  # noqa: SIM115 - closed by ``close``
        with self._closed_on_failure():
            self._wave.setparams((1, SAMPLE_BYTES, SAMPLE_RATE, 0, "NONE", "not compressed"))
            self._update()

    @property
    def closed(self) -> bool:
        """Whether the recording has ended, also by a failure."""
        return self._file.closed

    def on_audio(self, samples: Int16) -> None:
        """Append int16 samples, shape ``[n]``.

        Raises:
            OutputError: the disk is full, or the file has reached the 4 GiB of WAV. The recording
                ends there: later calls do nothing.
        """
        if self.closed:
            return
        if self._samples + len(samples) > MOST_SAMPLES:
            self.close()
            raise OutputError(f"{self.path} is full, WAV ends at 4 GiB", "start another recording")
        with self._closed_on_failure():
            self._wave.writeframesraw(samples.tobytes())
            self._samples += len(samples)
            if self._samples - self._samples_in_header >= SAMPLES_BETWEEN_UPDATES:
                self._update()

    def close(self) -> None:
        """Finish the file; safe to call twice.

        Raises:
            OutputError: the last samples could not be written.
        """
        if self.closed:
            return
        with self._closed_on_failure():
            self._file.flush()
            self._wave.close()
            self._file.close()

    def _update(self) -> None:
        """Write the buffered samples, then the header that counts them."""
        self._file.flush()
        self._wave.writeframes(b"")
        self._file.flush()
        self._samples_in_header = self._samples

    @contextlib.contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            for file in (self._wave, self._file):
                with contextlib.suppress(OSError):
                    file.close()
            raise unwritable(self.path, error) from error
