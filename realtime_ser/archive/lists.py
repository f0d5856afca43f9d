"""Lists of sound files: a column of paths in a CSV or Parquet file."""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from realtime_ser.errors import AudioInputError
from realtime_ser.output.table_file import require_pyarrow

LIST_ENDINGS = (".csv", ".tsv", ".parquet")

DELIMITERS = ",;\t"


def is_list(name: str) -> bool:
    """Whether a file of this name is a list of sound files, and not one itself."""
    return name.lower().endswith(LIST_ENDINGS)


def read_list(file: BinaryIO, name: str, column: str) -> Iterator[str]:
    """Yield the paths of a list, as they stand in it.

    Args:
        file: the list, open for reading.
        name: of the list; its ending tells the format.
        column: that holds the paths.

    Raises:
        AudioInputError: the list is unreadable, lacks the column, or has a row without a path.
        OutputError: pyarrow is not installed, and the list is Parquet.
    """
    read = _read_parquet if name.lower().endswith(".parquet") else _read_csv
    for number, path in enumerate(read(file, name, column), 1):
        if not path or not path.strip() or "\0" in path:
            raise AudioInputError(f"{name} has no path in row {number}", "fill it in or remove it")
        yield path


def _read_csv(file: BinaryIO, name: str, column: str) -> Iterator[str | None]:
    # A path may hold any bytes; a byte order mark is what spreadsheets write.
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    try:
        header = text.readline()
        delimiter = next((mark for mark in DELIMITERS if column in _cells(header, mark)), ",")
        names = _cells(header, delimiter)
        if column not in names:
            raise _no_column(name, column, names)
        position = names.index(column)
        for row in csv.reader(text, delimiter=delimiter):
            if row:
                yield row[position] if position < len(row) else None
    except csv.Error as error:
        raise AudioInputError(f"{name} is not a CSV file ({error})", "save it again") from error
    finally:
        text.detach()  # the file belongs to the caller


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.strip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return []


def _read_parquet(file: BinaryIO, name: str, column: str) -> Iterator[str | None]:
    require_pyarrow(f"{name} needs pyarrow")
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(file)
        names = table.schema_arrow.names
        if column not in names:
            raise _no_column(name, column, names)
        kind = table.schema_arrow.field(column).type
        if not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
            raise AudioInputError(
                f"the column {column!r} of {name} holds {kind}, not text",
                "name the column of paths with --column",
            )
        for batch in table.iter_batches(columns=[column]):
            yield from batch.column(0).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise AudioInputError(
            f"{name} is not a Parquet file that can be read ({reason})", "write it again"
        ) from error


def _no_column(name: str, column: str, names: list[str]) -> AudioInputError:
    found = ", ".join(names[:8]) or "none"
    return AudioInputError(
        f"{name} has no column {column!r} (it has: {found})",
        "name the column of paths with --column; the first line of a CSV file must be a header",
    )
