"""Room impulse responses: what a room makes of a click, to be convolved with clips."""

from dataclasses import dataclass
from pathlib import Path

from train.corpora.index import read_rows

NAME = "rir"
LICENCE = "Apache-2.0, MIT"


@dataclass(frozen=True, slots=True)
class Room:
    """One room impulse response.

    Attributes:
        path: its audio file, one channel.
        description: what its publisher calls it.
    """

    path: Path
    description: str


def load_rooms(folder: Path) -> list[Room]:
    """Return the room impulse responses listed in ``index.csv``, in the order of their paths.

    Raises:
        AudioInputError: the index is missing, unreadable or empty, lacks a column, or lists a file
            twice, a file that is missing, or one outside the folder.
    """
    rows = read_rows(folder)
    return sorted(
        (Room(folder / row["path"], row["original_label"]) for row in rows),
        key=lambda room: room.path,
    )
