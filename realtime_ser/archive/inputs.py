"""The sound files that the arguments of ``archive`` name, in a fixed order."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from realtime_ser.archive.files import (
    Address,
    AudioFile,
    connect,
    is_address,
    open_file,
    parse_address,
    unreachable,
)
from realtime_ser.archive.lists import is_list, read_list
from realtime_ser.errors import AudioInputError

READABLE_ENDINGS = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".sph", ".voc"),
)
UNREADABLE_ENDINGS = (".m4a", ".aac", ".amr", ".wma", ".webm", ".mka")
"""Files that are audio as well: they are not left out silently, each has a row with its error."""

AUDIO_ENDINGS = (*READABLE_ENDINGS, *UNREADABLE_ENDINGS)
"""What files in folders must end in, in upper or lower case."""

ENTRIES_AT_ONCE = 1000
"""Files of a list whose sizes are asked for together."""


def find_files(arguments: Sequence[str], column: str) -> Iterator[AudioFile]:
    """Yield the sound files that folders, files, patterns, lists and addresses name.

    A file may come more than once. Hidden files in folders are left out, links are followed.

    Args:
        arguments: paths; patterns such as ``talks/**/*.wav``; CSV and Parquet files, which are
            lists of paths; addresses such as ``s3://bucket/folder``.
        column: of lists.

    Raises:
        AudioInputError: there is no such file, or a folder, list or storage cannot be read.
        SettingsError: an address is not one that can be read.
        OutputError: pyarrow is missing, and is needed.
    """
    for argument in arguments:
        if is_address(argument):
            yield from _find_at(parse_address(argument), argument, column)
        else:
            for name in _expanded(argument):
                yield from _find_here(name, column)


def _expanded(argument: str) -> Iterable[str]:
    """Return what a path or pattern names, sorted."""
    if os.path.lexists(argument):
        return [argument]
    matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207
    if not matches:
        raise AudioInputError(f"there is no file {argument}", "check the name and the folder")
    return matches


def _find_here(name: str, column: str) -> Iterator[AudioFile]:
    path = Path(name)
    if path.is_dir():
        yield from _files_below(path, ())
    elif is_list(name):
        try:
            file = path.open("rb")
        except OSError as error:
            raise _unreadable(name, error) from error
        with file:
            yield from _listed(read_list(file, name, column), path.parent)
    else:
        yield _local_file(name, path)


def _files_below(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[AudioFile]:
    """Yield the sound files of a folder and the folders in it, sorted by name.

    Args:
        folder: where to look.
        above: device and inode of the folders that lead here, so that links make no circle.
    """
    try:
        status = folder.stat()
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable(str(folder), error) from error
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files_below(entry, (*above, here))
        elif entry.suffix.lower() in AUDIO_ENDINGS:
            yield _local_file(str(entry), entry)


def _local_file(name: str, path: Path) -> AudioFile:
    source = os.path.abspath(path)  # noqa: PTH100  # ``resolve`` would follow links
    try:
        status = path.stat()
    except (OSError, ValueError):
        return AudioFile(name, source)
    return AudioFile(name, source, "", status.st_size, status.st_mtime_ns)


def _listed(entries: Iterator[str], folder: Path | Address) -> Iterator[AudioFile]:
    """Yield the files of a list; relative paths start at the list's own folder."""
    while some := list(islice(entries, ENTRIES_AT_ONCE)):
        addresses: dict[int, Address] = {}
        for position, entry in enumerate(some):
            if is_address(entry):
                addresses[position] = parse_address(entry)
            elif isinstance(folder, Address) and not entry.startswith("/"):
                addresses[position] = folder.beside(entry)
        found = _stored_files(addresses, some)
        for position, entry in enumerate(some):
            if position in found:
                yield found[position]
            else:
                base = Path() if isinstance(folder, Address) else folder
                yield _local_file(entry, base / entry)


def _stored_files(addresses: dict[int, Address], names: Sequence[str]) -> dict[int, AudioFile]:
    """Return the files at addresses by their position; each storage is asked once."""
    found: dict[int, AudioFile] = {}
    for storage in {address.storage for address in addresses.values()}:
        positions = [at for at, address in addresses.items() if address.storage == storage]
        paths = [addresses[at].path for at in positions]
        for at, info in zip(positions, _information(storage, paths), strict=True):
            found[at] = _stored_file(names[at], storage, info)
    return found


def _information(storage: str, paths: Any) -> Any:
    try:
        return connect(storage).get_file_info(paths)
    except OSError as error:
        raise unreachable(storage.partition("?")[0], error) from error


def _stored_file(name: str, storage: str, info: Any) -> AudioFile:
    size = -1 if info.size is None else info.size
    return AudioFile(name, info.path, storage, size, info.mtime_ns or 0)


def _find_at(address: Address, argument: str, column: str) -> Iterator[AudioFile]:
    from pyarrow.fs import FileType

    (info,) = _information(address.storage, [address.path])
    if info.type == FileType.NotFound:
        raise AudioInputError(f"there is no file {argument}", "check the address")
    if info.type == FileType.Directory:
        yield from _stored_below(address, address.path)
    elif is_list(address.path):
        with open_file(address.storage, address.path, argument) as file:
            yield from _listed(read_list(file, argument.partition("?")[0], column), address)
    else:
        yield _stored_file(address.name(info.path), address.storage, info)


def _stored_below(address: Address, folder: str) -> Iterator[AudioFile]:
    from pyarrow.fs import FileSelector, FileType

    # One folder at a time: a recursive selector would hold the whole archive in memory.
    infos = _information(address.storage, FileSelector(folder))
    for info in sorted(infos, key=lambda info: info.path):
        if info.base_name.startswith("."):
            continue
        if info.type == FileType.Directory:
            yield from _stored_below(address, info.path)
        elif info.base_name.lower().endswith(AUDIO_ENDINGS):
            yield _stored_file(address.name(info.path), address.storage, info)


def _unreadable(name: str, error: OSError) -> AudioInputError:
    reason = (error.strerror or str(error)).lower()
    return AudioInputError(f"{name} cannot be read ({reason})", "check its permissions")
