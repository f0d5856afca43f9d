"""Tables as files: whole or absent, whatever happens while they are written."""

from pathlib import Path

import pytest

from realtime_ser.errors import OutputError
from realtime_ser.output.table import COLUMNS, Row, as_text
from realtime_ser.output.table_file import TABLE_ENDINGS, check_table_path, new_table

ROW: Row = ("a,b\n.wav", 1.5, *(None,) * (len(COLUMNS) - 3), "hash")


def needs(ending: str) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs the archive extra")


def interrupted(path: Path) -> None:
    with new_table(path) as table:
        table.write([ROW])
        raise KeyboardInterrupt


@pytest.mark.parametrize("ending", TABLE_ENDINGS)
def test_a_table_that_fails_leaves_what_was_there(tmp_path: Path, ending: str) -> None:
    needs(ending)
    path = tmp_path / f"out{ending}"
    path.write_text("an older table")
    with pytest.raises(KeyboardInterrupt):
        interrupted(path)
    assert path.read_text() == "an older table"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", TABLE_ENDINGS)
def test_a_table_appears_at_the_end(tmp_path: Path, ending: str) -> None:
    needs(ending)
    path = tmp_path / f"out{ending}"
    with new_table(path) as table:
        table.write([ROW] * 3)
        assert not path.exists()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", TABLE_ENDINGS)
def test_an_empty_table_is_one(tmp_path: Path, ending: str) -> None:
    needs(ending)
    path = tmp_path / f"out{ending}"
    with new_table(path):
        pass
    assert path.read_bytes() == {".csv": ",".join(COLUMNS).encode() + b"\n", ".jsonl": b""}.get(
        ending, path.read_bytes()
    )
    assert ending != ".parquet" or path.read_bytes().startswith(b"PAR1")


def test_csv_quotes_what_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with new_table(path) as table:
        table.write([ROW])
    header, rest = path.read_text().split("\n", 1)
    assert header == ",".join(COLUMNS)
    assert rest == f'"a,b\n.wav",1.5{"," * (len(COLUMNS) - 2)}hash\n'


@pytest.mark.parametrize("ending", TABLE_ENDINGS)
def test_a_link_goes_on_pointing_to_the_table(tmp_path: Path, ending: str) -> None:
    needs(ending)
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / f"out{ending}"
    path.symlink_to(tmp_path / "elsewhere" / path.name)
    with new_table(path) as table:
        table.write([ROW])
    assert path.is_symlink()
    assert path.stat().st_size > 0


def test_paths_of_tables_are_checked(tmp_path: Path) -> None:
    for name in ("out", "out.xlsx", "out.json"):
        with pytest.raises(OutputError, match=r"\.csv or \.jsonl or \.parquet"):
            check_table_path(tmp_path / name)
    (tmp_path / "null.csv").symlink_to("/dev/null")
    with pytest.raises(OutputError, match="not a regular file"):
        check_table_path(tmp_path / "null.csv")
    check_table_path(tmp_path / "OUT.CSV", ["-", "nothing", "\0"])


def test_bytes_that_are_no_text_are_escaped() -> None:
    assert as_text("caf\udce9 \n ü.wav") == "caf\\xe9 \n ü.wav"
