"""A sound file that is repeated: the source of a server without a microphone."""

from pathlib import Path

import numpy as np

from realtime_ser.capture.file_source import FileSource
from realtime_ser.capture.sources import Block, Replayed

PAUSE_SECONDS = 1.0
"""Silence before the file starts again, in which an utterance ends."""


class RepeatedFile(Replayed):
    """Plays a sound file again and again.

    Args:
        path: the file.

    Raises:
        AudioInputError: the file is missing or is no audio.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._source = FileSource(path)
        self._closed = False
        self.name = self._source.name
        self.rate = self._source.rate
        self.channels = self._source.channels

    def read(self) -> Block | None:
        """Return the next 0.1 s, or the pause, shape ``[frames, channels]``; ``None`` once closed.

        Raises:
            AudioInputError: the file is damaged, or has gone.
        """
        block = self._source.read()
        if block is not None or self._closed:
            return block
        self._source.close()
        self._source = FileSource(self._path)
        if self._closed:  # meanwhile, by another thread
            self._source.close()
        return np.zeros((int(PAUSE_SECONDS * self.rate), self.channels), np.int16)

    def close(self) -> None:
        """Close the file; safe to call twice, and while another thread reads."""
        self._closed = True
        self._source.close()
