"""Real time for audio that no device paces: when the next samples are due."""

import threading
import time

from realtime_ser.settings import SAMPLE_RATE


class Pace:
    """Tells when samples are due in real time."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Make the next sample due now."""
        self._due = self._last_block = time.monotonic()

    def wait_for_batch(self, block: float, wait: float, stopping: threading.Event) -> None:
        """Let audio accumulate, unless the last block came much faster than real time.

        Args:
            block: length of that block, in seconds.
            wait: how long to wait, in seconds.
            stopping: ends the wait.
        """
        now = time.monotonic()
        passed, self._last_block = now - self._last_block, now
        if wait > 0 and passed > block / 2:
            stopping.wait(wait)

    def wait_until_due(self, samples: int, stopping: threading.Event) -> None:
        """Wait until a microphone would have delivered this many more samples, or ``stopping``."""
        self._due += samples / SAMPLE_RATE
        stopping.wait(max(0.0, self._due - time.monotonic()))
