"""Where the audio of an archive lies: this machine's folders, or storage that pyarrow reaches."""

import functools
import io
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from realtime_ser.errors import AudioInputError, SettingsError
from realtime_ser.output.table_file import require_pyarrow

READ_BYTES = 1 << 20
"""Bytes that are fetched at once from storage that is reached through a network."""

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

RETRY_SECONDS = 15
"""How long Google's client tries again by itself; its own limit is 15 minutes."""


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file of the archive.

    Attributes:
        name: what the rows call it.
        source: absolute path on this machine, or path within ``storage``.
        storage: address of the storage, such as ``s3://bucket/``; empty for this machine.
        size: in bytes, -1 where there is no such file.
        modified: time of the last change in nanoseconds, 0 where it is unknown.
    """

    name: str
    source: str
    storage: str = ""
    size: int = -1
    modified: int = 0


@dataclass(frozen=True, slots=True)
class Address:
    """An address such as ``s3://bucket/folder/talk.wav?region=eu-west-1``.

    Attributes:
        storage: scheme, host and options: ``s3://bucket/?region=eu-west-1``.
        path: within the storage, as pyarrow writes it: ``bucket/folder/talk.wav``.
        prefix: what makes an address, for people, of a path: ``s3://``.
    """

    storage: str
    path: str
    prefix: str

    def name(self, path: str) -> str:
        """Return what the rows call a path of this storage."""
        return self.prefix + path

    def beside(self, entry: str) -> "Address":
        """Return the address of a file named relative to the folder of this one."""
        folder = PurePosixPath(self.path).parent
        return Address(self.storage, str(folder / entry), self.prefix)


def is_address(path: str) -> bool:
    """Whether this is an address such as ``s3://bucket/folder``, and not a path."""
    return ADDRESS.match(path) is not None


def parse_address(address: str) -> Address:
    """Return the parts of an address.

    Raises:
        SettingsError: it holds a password or a pattern, or pyarrow knows no such storage.
        AudioInputError: the storage cannot be reached.
    """
    parts = urlsplit(address)
    if "@" in parts.netloc and parts.scheme != "abfs" and not parts.netloc.startswith("anonymous@"):
        raise SettingsError(
            f"the address {parts.scheme}://…@… holds a password",
            "give it in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    if re.search(r"[*\[]", parts.path):
        raise SettingsError(f"patterns are not expanded in {address}", "give the folder")
    query = parts.query
    if parts.scheme == "gs" and "retry_limit_seconds" not in query:
        query = "&".join(filter(None, (query, f"retry_limit_seconds={RETRY_SECONDS}")))
    storage = urlunsplit((parts.scheme, parts.netloc, "/", query, ""))
    connect(storage)
    path = unquote(parts.path) if "%" in parts.path else parts.path
    if parts.scheme == "file":
        return Address(storage, path, "file://")
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme in ("s3", "gs", "gcs", "abfs"):
        return Address(storage, host + path.rstrip("/"), f"{parts.scheme}://")
    return Address(storage, path, f"{parts.scheme}://{host}")


@functools.cache
def connect(storage: str) -> Any:
    """Return the ``pyarrow.fs.FileSystem`` of a storage.

    Raises:
        SettingsError: pyarrow knows no such storage.
        AudioInputError: the storage cannot be reached.
        OutputError: pyarrow is not installed.
    """
    require_pyarrow(f"{storage} needs pyarrow")
    import pyarrow
    from pyarrow import fs

    try:
        file_system, _ = fs.FileSystem.from_uri(quote(storage, safe=":/?&=@%+,;~"))
    except pyarrow.ArrowInvalid as error:
        raise SettingsError(
            f"{storage} is no address that can be read ({_first_line(error)})",
            "give s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or a path",
        ) from error
    except OSError as error:
        raise unreachable(storage, error) from error
    return file_system


def unreachable(name: str, error: Exception) -> AudioInputError:
    """Return what to tell the user when a storage does not answer, or refuses."""
    return AudioInputError(
        f"{name} cannot be reached ({_first_line(error)})",
        "check the address, the network and your credentials",
    )


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:200]}…"


def open_file(storage: str, source: str, name: str) -> BinaryIO:
    """Open a file of a storage for reading.

    Raises:
        AudioInputError: there is no such file, or the storage does not answer.
    """
    try:
        stream = connect(storage).open_input_file(source)
    except FileNotFoundError as error:
        raise AudioInputError(
            f"{name} cannot be opened (no such file)", "check the name and the folder"
        ) from error
    except OSError as error:
        raise unreachable(name, error) from error
    return cast(BinaryIO, io.BufferedReader(stream, READ_BYTES))
