"""Recordings without speech from Debian packages: downloaded, checked, unpacked and indexed.

``debian_sounds.toml`` lists the packages, their checksums and the sounds taken from each. A Debian
package is an ``ar`` archive with a ``data.tar`` of its files, see deb(5).
"""

import csv
import io
import lzma
import tarfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from realtime_ser.errors import AudioInputError
from train.corpora.catalog import CORPORA
from train.corpora.clip import Clip
from train.corpora.download import Archive, DownloadError, downloaded
from train.corpora.index import COLUMNS, INDEX_FILE, UNKNOWN_SPEAKER, read_index
from train.files import write_bytes, write_text

NAME = "debian_sounds"
"""Of the corpus, and of its folder among the other corpora."""

OPTION = "--sounds"
LIST_FILE = Path(__file__).with_name("debian_sounds.toml")
MIRROR = "https://deb.debian.org/debian/pool/main"
SNAPSHOT = "https://snapshot.debian.org/archive/debian/20250520T000000Z/pool/main"
"""Retains the packages when the mirrors no longer have this release of Debian."""

AR_MAGIC = b"!<arch>\n"
AR_HEADER_BYTES = 60

NON_SPEECH = "nonspeech"
"""What the index states as the label, see ``train.corpora.index.LABEL_OF_KIND``."""


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package, and the sounds that are taken from it.

    Attributes:
        name: of the package.
        path: of its file, below ``MIRROR``.
        size: of its file in bytes.
        sha256: of its file, in hexadecimal.
        license: of the sounds, as the package states it.
        folder: that holds the sounds, without a slash in front.
        sounds: paths of the sounds within ``folder``, by what is heard.
    """

    name: str
    path: str
    size: int
    sha256: str
    license: str
    folder: str
    sounds: Mapping[str, Sequence[str]]

    @property
    def files(self) -> dict[str, str]:
        """The path of each sound in the corpus, by its path in the package."""
        return {
            f"{self.folder}/{sound}": self.path_in_corpus(sound)
            for sounds in self.sounds.values()
            for sound in sounds
        }

    @property
    def archive(self) -> Archive:
        """Where the package is downloaded from."""
        return Archive(
            name=self.path.rpartition("/")[2],
            url=f"{MIRROR}/{self.path}",
            page=f"{SNAPSHOT}/{self.path}",
            size=self.size,
            checksum=self.sha256,
            algorithm="sha256",
            option=OPTION,
        )

    def path_in_corpus(self, sound: str) -> str:
        """Return the path of a sound relative to the folder of the corpus."""
        return f"{self.name}/{sound.replace('/', '-')}"


def read_packages() -> list[Package]:
    """Return the packages listed in ``LIST_FILE``."""
    return [Package(**table) for table in tomllib.loads(LIST_FILE.read_text())["package"]]


def prepare_sounds(folder: Path, *, fetch: bool) -> None:
    """Check that a folder holds the sounds, and print their number and licenses.

    Args:
        folder: of the corpus.
        fetch: whether to download the packages that it lacks sounds of, and write its index.

    Raises:
        AudioInputError: sounds are missing, or the index is damaged.
        DownloadError: a package cannot be downloaded, or differs from the published one.
        OutputError: the folder cannot be written, for instance because the disk is full.
    """
    packages = read_packages()
    if fetch:
        download_sounds(packages, folder)
    clips = check_sounds(packages, folder)
    print(f"{folder} holds {len(clips)} sounds:")
    for package in packages:
        print(f"  {len(package.files):4} from {package.name} ({package.license})")


def check_sounds(packages: Sequence[Package], folder: Path) -> list[Clip]:
    """Return the sounds in a folder.

    Raises:
        AudioInputError: sounds are missing, or the index is damaged.
    """
    expected = {folder / path for package in packages for path in package.files.values()}
    missing = sorted(path for path in expected if not path.is_file())
    if missing or not (folder / INDEX_FILE).is_file():
        raise AudioInputError(
            f"{folder} lacks {missing[0] if missing else INDEX_FILE}"
            + (f" and {len(missing) - 1} more sounds" if len(missing) > 1 else ""),
            "run this again with --download",
        )
    return read_index(CORPORA[NAME], folder)


def download_sounds(packages: Sequence[Package], folder: Path) -> None:
    """Download the packages that ``folder`` lacks sounds of, unpack these, and write an index.

    Packages that the user put there are used and left there.

    Raises:
        DownloadError: a package cannot be downloaded, or differs from the published one.
        OutputError: the folder cannot be written, for instance because the disk is full.
    """
    for package in packages:
        if all((folder / path).is_file() for path in package.files.values()):
            continue
        with downloaded(package.archive, folder) as path:
            unpack(package, path, folder)
    write_text(folder / INDEX_FILE, _index(packages))


def unpack(package: Package, path: Path, folder: Path) -> None:
    """Write the sounds of a package file to a folder; nothing else is extracted.

    Raises:
        DownloadError: the file is no package, or lacks a sound.
        OutputError: the folder cannot be written.
    """
    files = package.files
    try:
        for name, content in _members(path):
            if name in files:
                write_bytes(folder / files.pop(name), content.read(), OPTION)
    except (tarfile.TarError, lzma.LZMAError, EOFError, ValueError) as error:
        raise DownloadError(f"{path} cannot be unpacked ({error})", "delete it") from error
    if files:
        raise DownloadError(f"{path} lacks {next(iter(files))}", "delete it")


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the path and content of each file in a Debian package.

    Raises:
        ValueError: the file is no Debian package.
    """
    with path.open("rb") as file:
        if file.read(len(AR_MAGIC)) != AR_MAGIC:
            raise ValueError("it is not a Debian package")
        while header := file.read(AR_HEADER_BYTES):
            size = int(header[48:58])
            if header.startswith(b"data.tar"):
                break
            file.seek(size + size % 2, io.SEEK_CUR)
        else:
            raise ValueError("it has no data.tar")
        with tarfile.open(fileobj=file, mode="r|*") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is not None:
                    yield member.name.removeprefix("./"), content


def _index(packages: Sequence[Package]) -> str:
    """Return the content of the corpus's index: its columns, and license and package."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, "license", "package"))
    for package in packages:
        for heard, sounds in package.sounds.items():
            for sound in sounds:
                path = package.path_in_corpus(sound)
                clip = (path, UNKNOWN_SPEAKER, "", NON_SPEECH, heard, "none")
                writer.writerow((*clip, package.license, package.name))
    return text.getvalue()
