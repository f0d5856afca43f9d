"""What the arguments of ``archive`` name: folders, patterns, lists, addresses."""

import os
from pathlib import Path

import pytest
from archives import CLIP, make_archive

from realtime_ser.archive.inputs import find_files
from realtime_ser.errors import AudioInputError, RealtimeSerError, SettingsError


def names(*arguments: object, column: str = "path") -> list[str]:
    return [file.name for file in find_files([str(argument) for argument in arguments], column)]


def test_folders_are_searched_in_order(tmp_path: Path) -> None:
    make_archive(tmp_path / "b", 2)
    make_archive(tmp_path / "a" / "deep", 1)
    (tmp_path / "a" / "TALK.WAV").touch()
    (tmp_path / "a" / "notes.txt").touch()
    (tmp_path / "a" / "._TALK.WAV").touch()
    (tmp_path / "a" / "around").symlink_to(tmp_path)
    (tmp_path / "c").symlink_to(tmp_path / "b")
    found = [Path(name).relative_to(tmp_path).as_posix() for name in names(tmp_path)]
    assert found == [
        "a/TALK.WAV",
        "a/deep/clip-000.flac",
        "b/clip-000.flac",
        "b/clip-001.flac",
        "c/clip-000.flac",
        "c/clip-001.flac",
    ]


def test_patterns_name_files_and_folders(tmp_path: Path) -> None:
    make_archive(tmp_path / "a", 2)
    make_archive(tmp_path / "b", 1)
    assert len(names(tmp_path / "*")) == 3
    assert len(names(tmp_path / "**" / "clip-000.*")) == 2
    (tmp_path / "[1].wav").touch()
    assert names(tmp_path / "[1].wav") == [str(tmp_path / "[1].wav")]


def test_sizes_and_times_come_along(tmp_path: Path) -> None:
    (file,) = find_files([str(make_archive(tmp_path, 1))], "path")
    status = (tmp_path / "clip-000.flac").stat()
    assert (file.size, file.modified) == (status.st_size, status.st_mtime_ns)
    assert Path(file.source).is_absolute()


@pytest.mark.parametrize(
    "content",
    [
        "path\n{}\n",
        "id,path\n1,{}\n\n",
        "\ufeffid;path\r\n1;{}\r\n",
        'id\tpath\n1\t"{}"\n',
    ],
)
def test_csv_lists(tmp_path: Path, content: str) -> None:
    list_file = tmp_path / "list.csv"
    list_file.write_text(content.format(CLIP), newline="")
    assert names(list_file) == [str(CLIP)]


def test_relative_paths_start_at_the_list(tmp_path: Path) -> None:
    make_archive(tmp_path / "data", 1)
    (tmp_path / "data" / "list.csv").write_text("file\nclip-000.flac\nmissing.wav\n")
    found = list(find_files([str(tmp_path / "data" / "list.csv")], "file"))
    assert [(file.name, file.size >= 0) for file in found] == [
        ("clip-000.flac", True),
        ("missing.wav", False),
    ]
    assert found[0].source == str(tmp_path / "data" / "clip-000.flac")


def test_parquet_lists(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs the archive extra")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "list.parquet"
    parquet.write_table(pyarrow.table({"path": [str(CLIP)] * 2, "id": [1, 2]}), path)
    assert names(path) == [str(CLIP)] * 2
    with pytest.raises(AudioInputError, match="holds int64, not text"):
        names(path, column="id")
    with pytest.raises(AudioInputError, match=r"no column 'file' .it has: path, id"):
        names(path, column="file")
    path.write_text("no Parquet")
    with pytest.raises(AudioInputError, match="not a Parquet file"):
        names(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file\na.wav\n", "no column 'path' .it has: file"),
        ("a.wav,1\nb.wav,2\n", "must be a header"),
        ("", "it has: none"),
        ("id,path\n1,\n", "no path in row 1"),
        ("id,path\n1,a.wav\n2\n", "no path in row 2"),
        ("path\na\0b\n", "no path in row 1|not a CSV"),
    ],
)
def test_csv_lists_that_cannot_be_used(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(AudioInputError, match=message):
        names(tmp_path / "list.csv")


def test_inputs_that_are_not_there(tmp_path: Path) -> None:
    for argument in ("nothing", "nothing.csv", "*.wav"):
        with pytest.raises(AudioInputError, match="there is no file"):
            names(tmp_path / argument)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(AudioInputError, match="permission denied"):
        names(tmp_path)


def test_names_of_any_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    try:
        Path(name).touch()
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    assert names(tmp_path) == [name]


def test_addresses_are_read_through_pyarrow(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="addresses need the archive extra")
    make_archive(tmp_path / "a b" / "deep", 2)
    (tmp_path / "list.csv").write_text("path\na b/deep/clip-000.flac\nnothing.wav\n")
    here = names(tmp_path)
    there = list(find_files([f"file://{tmp_path}"], "path"))
    assert [file.name for file in there] == [f"file://{name}" for name in here]
    assert all(file.size == CLIP.stat().st_size and file.modified for file in there)
    listed = list(find_files([f"file://{tmp_path}/list.csv"], "path"))
    assert [(file.source, file.size >= 0) for file in listed] == [
        (str(tmp_path / "a b" / "deep" / "clip-000.flac"), True),
        (str(tmp_path / "nothing.wav"), False),
    ]
    with pytest.raises(AudioInputError, match="there is no file"):
        names(f"file://{tmp_path}/nothing")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s3://key:secret@bucket/folder", "holds a password"),
        ("s3://bucket/*.wav", "patterns are not expanded"),
        ("nonsense://bucket/folder", "no address"),
    ],
)
def test_addresses_that_cannot_be_used(address: str, message: str) -> None:
    pytest.importorskip("pyarrow", reason="addresses need the archive extra")
    with pytest.raises(SettingsError, match=message) as refusal:
        names(address)
    assert "secret" not in str(refusal.value)


def test_addresses_without_pyarrow_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RealtimeSerError, match=r"realtime-ser\[archive\]"):
        names("s3://another-bucket/folder")
