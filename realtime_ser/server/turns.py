"""Whose audio a worker processes next."""

from dataclasses import dataclass

CATCH_UP = 1.25
"""Audio per second that counts as real time. It is more than 1, so that a stream that was late once
is soon served as promptly as the others: in real time it can never make up for it otherwise."""


@dataclass(slots=True)
class Turn:
    """When a stream's next audio is due: the earliest due comes first.

    It is due when it arrives, but not before the previous audio would have been over in real time.
    So a client that sends faster than real time never delays those that do not.

    Attributes:
        bytes_per_second: of the audio.
        due: in seconds of any clock.
    """

    bytes_per_second: int
    due: float = 0.0

    def audio_came(self, now: float) -> None:
        """Audio has come, and none was waiting."""
        self.due = max(self.due, now)

    def processed(self, size: int) -> None:
        """So many bytes have been processed."""
        self.due += size / self.bytes_per_second / CATCH_UP
