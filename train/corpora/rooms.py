"""Room impulse responses: what a room makes of a click, to be convolved with clips."""

from dataclasses import dataclass
from pathlib import Path

from realtime_ser.errors import AudioInputError
from train.corpora.index import INDEX_FILE, read_rows

NAME = "rir"
LICENSE = "Apache-2.0, MIT"


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
            twice, a file that is missing, one outside the folder, or one that is something else.
    """
    rows = read_rows(folder)
    if others := [row for row in rows if row["label"] != NAME]:
        raise AudioInputError(
            f"{folder / INDEX_FILE} gives {others[0]['path']} the label {others[0]['label']!r}",
            f"room impulse responses have {NAME}",
        )
    return sorted(
        (Room(folder / row["path"], row["original_label"]) for row in rows),
        key=lambda room: room.path,
    )
