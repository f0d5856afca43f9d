"""The files of a job and which of them are done, in a database beside the result.

Memory stays the same however many files there are. The database also locks the job: a second run
on it is refused. It is made anew at each start; what lasts are the parts with the results.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.archive.files import AudioFile
from realtime_ser.errors import OutputError

_TABLE = """
CREATE TABLE files(
    number INTEGER PRIMARY KEY, place BLOB UNIQUE, key TEXT, name BLOB, source BLOB, storage TEXT,
    size INTEGER, done INTEGER DEFAULT 0, stored INTEGER DEFAULT 0
)
"""


@dataclass(frozen=True, slots=True)
class Task:
    """A file to analyze.

    Attributes:
        key: identifies the file in this state, the model and the settings.
        name: what the rows call it.
        source: absolute path, or path within ``storage``.
        storage: address of the storage, empty for this machine.
        size: in bytes.
    """

    key: str
    name: str
    source: str
    storage: str
    size: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How many files a job has, and how large they are."""

    files: int
    bytes: int


class Worklist:
    """The tasks of a job.

    Args:
        path: of the database.
        configuration: everything but the file itself that decides about its rows.

    Raises:
        OutputError: another run uses the database, or it cannot be written.
    """

    def __init__(self, path: Path, configuration: str) -> None:
        self._configuration = configuration
        try:
            # Only this connection exists, so what it wrote is never rolled back.
            self._database = sqlite3.connect(path, timeout=0.5, isolation_level=None)
            for command in (
                "PRAGMA locking_mode = EXCLUSIVE",
                "PRAGMA journal_mode = OFF",
                "PRAGMA synchronous = OFF",
                "DROP TABLE IF EXISTS files",
                _TABLE,
            ):
                self._database.execute(command)
        except sqlite3.Error as error:
            raise OutputError(
                f"cannot use {path.parent} ({error})",
                "wait for the other run of this job to end, or give another --out",
            ) from error

    def close(self) -> None:
        """Release the job."""
        self._database.close()

    def add(self, files: Iterable[AudioFile]) -> Iterator[int]:
        """Add files, each once, and yield after each how many there are."""
        self._database.execute("BEGIN")
        count = 0
        for file in files:
            place = f"{file.storage}\0{file.source}"
            state = f"{place}\0{file.name}\0{file.size}\0{file.modified}\0{self._configuration}"
            cursor = self._database.execute(
                "INSERT OR IGNORE INTO files(place, key, name, source, storage, size)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    hashlib.sha256(os.fsencode(place)).digest()[:16],
                    hashlib.sha256(os.fsencode(state)).hexdigest()[:32],
                    os.fsencode(file.name),
                    os.fsencode(file.source),
                    file.storage,
                    max(0, file.size),
                ),
            )
            count += cursor.rowcount
            yield count
        self._database.execute("COMMIT")
        self._database.execute("CREATE UNIQUE INDEX keys ON files(key)")

    def mark_done(self, keys: Iterable[str]) -> None:
        """Note that files are done; keys of other files, models or settings are ignored."""
        self._database.execute("BEGIN")
        self._database.executemany(
            "UPDATE files SET done = 1 WHERE key = ?", ((key,) for key in keys)
        )
        self._database.execute("COMMIT")

    def pending(self, most: int) -> list[Task]:
        """Return the first tasks that are not done, in the order of their files."""
        rows = self._database.execute(
            "SELECT key, name, source, storage, size FROM files WHERE NOT done"
            " ORDER BY number LIMIT ?",
            (most,),
        )
        return [
            Task(key, os.fsdecode(name), os.fsdecode(source), storage, size)
            for key, name, source, storage, size in rows
        ]

    def totals(self, *, done: bool = False) -> Totals:
        """Return how much there is, or how much of it is done."""
        condition = " WHERE done" if done else ""
        (row,) = self._database.execute(
            f"SELECT count(*), coalesce(sum(size), 0) FROM files{condition}"
        )
        return Totals(*row)

    def claim(self, keys: Iterable[str]) -> list[str]:
        """Return those of the keys that belong to this job and were never claimed before."""
        claimed = []
        self._database.execute("BEGIN")
        for key in keys:
            cursor = self._database.execute(
                "UPDATE files SET stored = 1 WHERE key = ? AND NOT stored", (key,)
            )
            if cursor.rowcount:
                claimed.append(key)
        self._database.execute("COMMIT")
        return claimed

    def unclaimed(self) -> int:
        """Return how many files have not been claimed."""
        (row,) = self._database.execute("SELECT count(*) FROM files WHERE NOT stored")
        return int(row[0])
