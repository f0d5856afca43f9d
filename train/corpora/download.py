"""Downloads published archives: resumes and checks them, and unpacks RAVDESS."""

import contextlib
import hashlib
import itertools
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tqdm import tqdm

from realtime_ser.errors import RealtimeSerError
from train.files import explain_write_errors, write_bytes

BLOCK_BYTES = 1 << 16
TIMEOUT_SECONDS = 30
CONNECTIONS = 20
"""How often an interrupted download is resumed before the error is reported."""

USER_AGENT = "realtime-ser"
"""Zenodo answers 403 to the default user agents of some libraries."""

CLIP_IN_ARCHIVE = re.compile(r"(?:.*/)?(Actor_\d\d/[\d-]+\.wav)", re.ASCII)
"""Only these members of an archive are extracted, to these paths."""


class DownloadError(RealtimeSerError):
    """An archive cannot be downloaded, or differs from the published one."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A published file.

    Attributes:
        name: of the file.
        url: its address.
        page: the web page about it, for people.
        size: in bytes.
        checksum: in hexadecimal.
        algorithm: of the checksum, as ``hashlib`` names it.
        option: the option that selects the folder it is downloaded to, for error messages.
    """

    name: str
    url: str
    page: str
    size: int
    checksum: str
    algorithm: str = "md5"
    option: str = "--data"


RAVDESS_SPEECH = Archive(
    name="Audio_Speech_Actors_01-24.zip",
    url="https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
    page="https://zenodo.org/records/1188976",
    size=208_468_073,
    checksum="bc696df654c87fed845eb13823edef8a",
)
"""The speech of all actors; size and checksum as Zenodo states them."""


def download(archive: Archive, folder: Path) -> None:
    """Download an archive of clips into ``folder`` and unpack it there to ``Actor_*/*.wav``.

    Raises:
        DownloadError: the network fails, or the archive differs from the published one.
        OutputError: the folder cannot be written, for instance because the disk is full.
    """
    with downloaded(archive, folder) as path:
        _unpack(path, folder, archive.option)


@contextlib.contextmanager
def downloaded(archive: Archive, folder: Path) -> Iterator[Path]:
    """Return the path of an archive in ``folder``, downloaded and checked.

    Resumes an earlier, interrupted download. An archive that the user put there is used and left
    there; a downloaded one is deleted at the end of the block, unless the block fails.

    Raises:
        DownloadError: the network fails, or the archive differs from the published one.
        OutputError: the folder cannot be written, for instance because the disk is full.
    """
    provided = folder / archive.name
    if provided.exists():
        _check(archive, provided)
        yield provided
        return
    partial = folder / f"{archive.name}.part"
    with explain_write_errors(folder, archive.option):
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("ab") as file:
            _download_rest(archive, file)
    try:
        _check(archive, partial)
    except DownloadError:
        partial.unlink()  # resuming would not repair it
        raise
    yield partial
    partial.unlink()


def _download_rest(archive: Archive, file: BinaryIO) -> None:
    """Append the missing rest of an archive to a file."""
    with tqdm(
        desc=archive.name, total=archive.size, initial=file.tell(), unit="B", unit_scale=True
    ) as bar:
        for connection in itertools.count(1):
            before = file.tell()
            if before >= archive.size:
                return
            try:
                for block in _blocks(archive, before):
                    file.write(block)
                    bar.update(len(block))
            except DownloadError:
                if file.tell() == before or connection == CONNECTIONS:
                    raise


def _blocks(archive: Archive, start: int) -> Iterator[bytes]:
    """Yield an archive's bytes from ``start`` on, as they arrive."""
    headers = {"User-Agent": USER_AGENT, "Range": f"bytes={start}-"}
    try:
        with urlopen(Request(archive.url, headers=headers), timeout=TIMEOUT_SECONDS) as response:
            _check_size(archive, response.headers)
            position = start if response.status == HTTPStatus.PARTIAL_CONTENT else 0
            while block := response.read(BLOCK_BYTES):
                yield block[max(0, start - position) :]
                position += len(block)
    except HTTPError as error:
        raise _failed(archive, f"it answers {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise _failed(archive, _reason(error)) from error
    if position < archive.size:
        raise _failed(archive, "the connection was cut off")


def _check_size(archive: Archive, headers: Message) -> None:
    """Refuse a response of another size, such as a login page."""
    whole = headers.get("Content-Range", "").rpartition("/")[2]
    size = whole or headers.get("Content-Length", "")
    if size.isdigit() and int(size) != archive.size:
        raise _failed(archive, f"it sends {size} bytes instead of {archive.size}")


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__)


def _failed(archive: Archive, reason: str) -> DownloadError:
    return DownloadError(
        f"cannot download {archive.name} from {urlsplit(archive.url).hostname} ({reason})",
        f"run this again to resume, or put the file from {archive.page} into {archive.option}",
    )


def _check(archive: Archive, path: Path) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(
                file, lambda: hashlib.new(archive.algorithm, usedforsecurity=False)
            ).hexdigest()
    except OSError as error:
        raise DownloadError(f"{path} cannot be read ({error.strerror})", "delete it") from error
    if found != archive.checksum:
        raise DownloadError(
            f"{path} differs from the published file (its {archive.algorithm.upper()} is {found})",
            f"download it again, or put the file from {archive.page} there",
        )


def _unpack(path: Path, folder: Path, option: str) -> None:
    try:
        with (
            zipfile.ZipFile(path) as archive,
            tqdm(archive.infolist(), "unpacking", unit=" files") as bar,
        ):
            for member in bar:
                name = CLIP_IN_ARCHIVE.fullmatch(member.filename)
                if name and not (folder / name[1]).with_suffix(".flac").exists():
                    write_bytes(folder / name[1], archive.read(member), option)
    except (zipfile.BadZipFile, zlib.error) as error:
        raise DownloadError(f"{path} cannot be unpacked ({error})", "delete it") from error
