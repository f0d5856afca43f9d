"""Tables as files: CSV, JSON Lines and Parquet, written beside their name and renamed at the end.

Parquet needs pyarrow, the ``archive`` extra, and imports it only when it is asked for.
"""

import contextlib
import csv
import importlib.util
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from realtime_ser.errors import OutputError
from realtime_ser.output.paths import check_ending, check_writable, create_new, unwritable
from realtime_ser.output.table import COLUMNS, TEXT_COLUMNS, Row

TABLE_ENDINGS = (".csv", ".jsonl", ".parquet")

ROWS_IN_GROUP = 50_000
"""Rows of a row group of Parquet, which are held in memory until it is written."""


class Table(Protocol):
    """A table that is being written."""

    def write(self, rows: Iterable[Row]) -> None:
        """Append rows."""

    def close(self) -> None:
        """Write what is left; the file stays open."""


def check_table_path(path: Path, inputs: Iterable[str] = ()) -> None:
    """Check before the analysis that its table can be written.

    Args:
        path: of the table.
        inputs: files that are read, none of which may be overwritten.

    Raises:
        OutputError: the name's ending is unknown, the file cannot be written or is one of the
            inputs, or pyarrow is missing.
    """
    check_ending(path, TABLE_ENDINGS)
    check_writable(path)
    if path.exists() and any(_is_same_file(path, name) for name in inputs):
        raise OutputError(f"--out would overwrite {path}, which is read", "give another name")
    if path.suffix.lower() == ".parquet":
        require_pyarrow("Parquet needs pyarrow")


def require_pyarrow(problem: str) -> None:
    """Raise an ``OutputError`` with this problem where pyarrow is not installed."""
    if importlib.util.find_spec("pyarrow") is None:
        raise OutputError(problem, 'pip install "realtime-ser[archive]"')


def _is_same_file(path: Path, name: str) -> bool:
    try:
        return path.samefile(name)
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def new_table(path: Path) -> Iterator[Table]:
    """Write a table; the file appears under its name when the block ends without an error.

    Until then it is a hidden file beside it, which is deleted after an error. An older file of the
    same name is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    with new_file(path) as file:
        table = _table(path.suffix.lower(), file)
        try:
            yield table
        except BaseException:
            with contextlib.suppress(Exception):
                table.close()
            raise
        table.close()


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces ``path`` when the block ends without an error.

    Raises:
        OutputError: the file cannot be written.
    """
    target = path.resolve()
    try:
        temporary, file = create_new(target.with_name(f".{target.name}.partial"))
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _table(ending: str, file: BinaryIO) -> Table:
    kinds: dict[str, type[CsvTable | JsonLinesTable | ParquetTable]] = {
        ".csv": CsvTable,
        ".jsonl": JsonLinesTable,
        ".parquet": ParquetTable,
    }
    return kinds[ending](file)


class CsvTable:
    """Comma-separated values in UTF-8 with a header line; a missing value is an empty cell."""

    def __init__(self, file: BinaryIO) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def write(self, rows: Iterable[Row]) -> None:
        """Append rows."""
        self._writer.writerows(rows)

    def close(self) -> None:
        """Write what is left; the file stays open."""
        self._text.detach()


class JsonLinesTable:
    """A JSON object a line, with every column; a missing value is ``null``."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, rows: Iterable[Row]) -> None:
        """Append rows."""
        for row in rows:
            line = json.dumps(dict(zip(COLUMNS, row, strict=True)), allow_nan=False)
            self._file.write(line.encode() + b"\n")

    def close(self) -> None:
        """Write what is left; the file stays open."""


class ParquetTable:
    """Parquet with Zstandard compression: strings and float64."""

    def __init__(self, file: BinaryIO) -> None:
        import pyarrow.parquet

        self._writer = pyarrow.parquet.ParquetWriter(file, schema(), compression="zstd")
        self._rows: list[Row] = []

    def write(self, rows: Iterable[Row]) -> None:
        """Append rows."""
        self._rows.extend(rows)
        if len(self._rows) >= ROWS_IN_GROUP:
            self._flush()

    def write_arrow(self, table: Any) -> None:
        """Append a ``pyarrow.Table`` with the columns of ``COLUMNS``."""
        self._flush()
        self._writer.write_table(table)

    def close(self) -> None:
        """Write what is left; the file stays open."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(arrow_table(self._rows))
            self._rows = []


def arrow_table(rows: Sequence[Row]) -> Any:
    """Return rows as a ``pyarrow.Table``."""
    import pyarrow

    columns = [list(values) for values in zip(*rows, strict=True)]
    return pyarrow.table(dict(zip(COLUMNS, columns, strict=True)), schema=schema())


def schema() -> Any:
    """Return the columns as a ``pyarrow.Schema``."""
    import pyarrow

    return pyarrow.schema(
        [
            (name, pyarrow.string() if name in TEXT_COLUMNS else pyarrow.float64())
            for name in COLUMNS
        ]
    )
