"""Finished results on disk: parts that are whole or absent, and their merge into one table.

A part holds the rows of many files, with the key of its file beside each row. Parts of a Parquet
table are Parquet, others JSON Lines.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from realtime_ser.archive.analyzer import AnalyzedFile
from realtime_ser.errors import OutputError
from realtime_ser.output.table import COLUMNS
from realtime_ser.output.table_file import ParquetTable, Table, arrow_table, new_file, new_table

KEY = "file_key"
"""Column of a part: the key of the row's file."""

ROWS_IN_PART = 50_000
FILES_IN_PART = 5_000
SECONDS_IN_PART = 30.0
"""A part is written as soon as one of these is reached: less is lost, or held in memory."""


class _Format(Protocol):
    ending: str

    def write(self, path: Path, files: Sequence[AnalyzedFile]) -> None: ...

    def keys(self, path: Path) -> list[str]: ...

    def copy(self, path: Path, keys: Sequence[str], table: Table) -> None: ...


class Parts:
    """The folder of a job's parts.

    Args:
        folder: of the job, which exists.
        out: the table that they become.
        clock: seconds that go on steadily.
    """

    def __init__(
        self, folder: Path, out: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._out = out
        self._clock = clock
        self._format: _Format = _Parquet() if out.suffix.lower() == ".parquet" else _JsonLines()
        self._files: list[AnalyzedFile] = []
        self._rows = 0
        self._since = clock()

    def paths(self) -> list[Path]:
        """Return the parts that are finished, in the order in which they were."""
        return sorted(self._folder.glob(f"part-*{self._format.ending}"))

    def keys(self) -> Iterator[str]:
        """Yield the keys of all files in finished parts.

        Raises:
            OutputError: a part cannot be read.
        """
        for path in self.paths():
            with _explained(path):
                yield from self._format.keys(path)

    def add(self, file: AnalyzedFile) -> None:
        """Take the result of a file, and write a part when it is time to.

        Raises:
            OutputError: the part cannot be written.
        """
        self._files.append(file)
        self._rows += len(file.rows)
        if (
            self._rows >= ROWS_IN_PART
            or len(self._files) >= FILES_IN_PART
            or self._clock() - self._since >= SECONDS_IN_PART
        ):
            self.flush()

    def flush(self) -> None:
        """Write what is held in memory as a part.

        Raises:
            OutputError: the part cannot be written.
        """
        self._since = self._clock()
        if not self._files:
            return
        last = self.paths()[-1:]
        number = int(last[0].stem.removeprefix("part-")) + 1 if last else 1
        self._format.write(self._folder / f"part-{number:08}{self._format.ending}", self._files)
        self._files, self._rows = [], 0

    def merge(self, claim: Callable[[Iterable[str]], list[str]]) -> None:
        """Write the table from all parts.

        Args:
            claim: returns those of the keys whose rows belong into the table, each key once.

        Raises:
            OutputError: the table cannot be written, or a part cannot be read.
        """
        with new_table(self._out) as table:
            for path in self.paths():
                with _explained(path):
                    self._format.copy(path, claim(self._format.keys(path)), table)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what an unreadable part raises into an ``OutputError``."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:  # pyarrow's are ValueErrors
        raise OutputError(
            f"{path} cannot be read ({type(error).__name__})",
            "delete it and run the same command with --resume",
        ) from error


class _JsonLines:
    """A line for each file: its key and its rows."""

    ending = ".jsonl"

    def write(self, path: Path, files: Sequence[AnalyzedFile]) -> None:
        with new_file(path) as output:
            for file in files:
                rows = [dict(zip(COLUMNS, row, strict=True)) for row in file.rows]
                output.write(json.dumps({KEY: file.key, "rows": rows}).encode() + b"\n")

    def keys(self, path: Path) -> list[str]:
        return [line[KEY] for line in self._lines(path)]

    def copy(self, path: Path, keys: Sequence[str], table: Table) -> None:
        wanted = set(keys)
        for line in self._lines(path):
            if line[KEY] in wanted:
                wanted.remove(line[KEY])
                table.write(tuple(row[name] for name in COLUMNS) for row in line["rows"])

    @staticmethod
    def _lines(path: Path) -> Iterator[dict[str, Any]]:
        with path.open("rb") as file:
            for line in file:
                yield json.loads(line)


class _Parquet:
    """The table's columns and the key."""

    ending = ".parquet"

    def write(self, path: Path, files: Sequence[AnalyzedFile]) -> None:
        import pyarrow
        from pyarrow import parquet

        rows = [row for file in files for row in file.rows]
        keys = [file.key for file in files for _ in file.rows]
        table = arrow_table(rows).append_column(KEY, pyarrow.array(keys, pyarrow.string()))
        with new_file(path) as output:
            parquet.write_table(table, output, compression="zstd")

    def keys(self, path: Path) -> list[str]:
        from pyarrow import parquet

        with path.open("rb") as file:
            keys: list[str] = parquet.read_table(file, columns=[KEY])[KEY].unique().to_pylist()
        return keys

    def copy(self, path: Path, keys: Sequence[str], table: Table) -> None:
        import pyarrow
        from pyarrow import compute, parquet

        assert isinstance(table, ParquetTable)
        with path.open("rb") as file:
            rows = parquet.read_table(file)
        wanted = compute.is_in(rows[KEY], pyarrow.array(keys, pyarrow.string()))
        table.write_arrow(rows.filter(wanted).drop_columns([KEY]))
