"""Sounds from Debian packages, from a real server and real packages."""

import hashlib
import io
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile
from file_server import Server, serving

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

pytest.importorskip("tqdm", reason="the train extra is not installed", exc_type=ImportError)

from train.__main__ import main  # noqa: E402
from train.corpora import debian_sounds  # noqa: E402
from train.corpora.check import check_corpora  # noqa: E402
from train.corpora.debian_sounds import Package, read_packages, unpack  # noqa: E402
from train.corpora.download import DownloadError  # noqa: E402
from train.corpora.registry import load_corpus  # noqa: E402

FOLDER = "usr/share/farm"
SOUNDS = {"animal": ["dog.wav", "cats/cat.wav"], "door": ["door.wav"]}


def wav(seed: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(
        file, np.random.default_rng(seed).uniform(-0.5, 0.5, 4000), 16_000, format="WAV"
    )
    return file.getvalue()


def member(name: str, content: bytes) -> bytes:
    """Return a member of an ar archive, see ar(5)."""
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
    return header.encode() + content + b"\n" * (len(content) % 2)


Compression = Literal["xz", "gz"]


def tar(files: Mapping[str, bytes], compression: Compression) -> bytes:
    file = io.BytesIO()
    mode: Literal["w:xz", "w:gz"] = "w:xz" if compression == "xz" else "w:gz"
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def deb(files: Mapping[str, bytes], compression: Compression = "xz") -> bytes:
    """Return a Debian package with these files, see deb(5)."""
    return b"!<arch>\n" + b"".join(
        [
            member("debian-binary", b"2.0\n"),
            member("control.tar.xz", tar({"control": b"Package: farm\n"}, "xz")),
            member(f"data.tar.{compression}", tar(files, compression)),
        ]
    )


FILES = {
    f"{FOLDER}/dog.wav": wav(1),
    f"{FOLDER}/cats/cat.wav": wav(2),
    f"{FOLDER}/door.wav": wav(3),
    f"{FOLDER}/song.wav": wav(4),
    "etc/passwd": b"root",
}


def farm(content: bytes) -> Package:
    sha256 = hashlib.sha256(content).hexdigest()
    path = "f/farm/farm_1.0-1_all.deb"
    return Package("farm", path, len(content), sha256, "CC0", FOLDER, SOUNDS)


@contextmanager
def offered(
    monkeypatch: pytest.MonkeyPatch, package: Package, content: bytes, status: int = 200
) -> Iterator[Server]:
    """Serve a package instead of Debian's mirror."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server(content, status=status)
    with serving(server):
        monkeypatch.setattr(debian_sounds, "MIRROR", server.url.rpartition("/")[0])
        monkeypatch.setattr(debian_sounds, "read_packages", lambda: [package])
        yield server


def prepare(monkeypatch: pytest.MonkeyPatch, folder: Path, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["train", "prepare", "--sounds", str(folder), *options])
    return main()


@pytest.mark.parametrize("compression", ["xz", "gz"])
def test_sounds_are_downloaded_unpacked_and_indexed_once(
    compression: Compression,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = deb(FILES, compression)
    folder = tmp_path / "debian_sounds"
    with offered(monkeypatch, farm(content), content) as server:
        assert prepare(monkeypatch, folder) == 1
        assert "run this again with --download" in capsys.readouterr().err
        assert prepare(monkeypatch, folder, "--download") == 0
        assert prepare(monkeypatch, folder, "--download") == 0
        assert prepare(monkeypatch, folder) == 0
        assert len(server.requests) == 1
    assert "3 from farm (CC0)" in capsys.readouterr().out
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written == {"index.csv", "farm/dog.wav", "farm/cats-cat.wav", "farm/door.wav"}
    assert (folder / "farm" / "cats-cat.wav").read_bytes() == FILES[f"{FOLDER}/cats/cat.wav"]
    clips = load_corpus("debian_sounds", folder)
    assert [clip.path.name for clip in clips] == ["cats-cat.wav", "dog.wav", "door.wav"]
    assert {(clip.label, clip.language) for clip in clips} == {(None, "zxx")}
    assert (
        "farm/dog.wav,unknown,,nonspeech,animal,none,CC0,farm"
        in (folder / "index.csv").read_text().splitlines()
    )
    check_corpora(tmp_path)
    assert "debian_sounds  " in capsys.readouterr().out


def test_a_package_that_the_user_put_there_is_used_and_left_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = deb(FILES)
    package = farm(content)
    provided = tmp_path / package.archive.name
    provided.write_bytes(content)
    with offered(monkeypatch, package, content, status=404) as server:
        assert prepare(monkeypatch, tmp_path, "--download") == 0
        assert server.requests == []
    assert provided.read_bytes() == content


@pytest.mark.parametrize(
    ("status", "served", "said"),
    [
        (404, "whole", "it answers 404 Not Found"),
        (200, "half", "bytes instead of"),
        (200, "changed", "differs from the published file (its SHA256 is"),
    ],
)
def test_a_failed_download_is_one_line(
    status: int,
    served: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = deb(FILES)
    sent = {"whole": content, "half": content[:500], "changed": content[:-1] + b"!"}[served]
    with offered(monkeypatch, farm(content), sent, status):
        assert prepare(monkeypatch, tmp_path / "new", "--download") == 1
    *_, line = capsys.readouterr().err.replace("\r", "\n").splitlines()
    assert said in line
    assert not list((tmp_path / "new").rglob("*.wav"))


def test_a_sound_that_is_gone_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = deb(FILES)
    with offered(monkeypatch, farm(content), content):
        assert prepare(monkeypatch, tmp_path, "--download") == 0
        (tmp_path / "farm" / "dog.wav").unlink()
        assert prepare(monkeypatch, tmp_path) == 1
        assert f"lacks {tmp_path / 'farm' / 'dog.wav'}" in capsys.readouterr().err
        assert prepare(monkeypatch, tmp_path, "--download") == 0
    assert (tmp_path / "farm" / "dog.wav").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04", "it is not a Debian package"),
        (b"!<arch>\n" + member("debian-binary", b"2.0\n"), "it has no data.tar"),
        (b"!<arch>\n" + member("data.tar.xz", b"\xfd7zXZ\x00" + b"x" * 100), "cannot be unpacked"),
        (deb(FILES)[:1500], "cannot be unpacked"),
        (deb({"etc/passwd": b"root"}), "lacks usr/share/farm/dog.wav"),
    ],
)
def test_a_damaged_package_is_explained(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "farm.deb"
    path.write_bytes(content)
    with pytest.raises(DownloadError) as caught:
        unpack(farm(content), path, tmp_path / "corpus")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_listed_packages_can_be_taken_from_debian() -> None:
    packages = read_packages()
    paths = [path for package in packages for path in package.files.values()]
    assert len(paths) == len(set(paths))
    assert len(paths) > 400
    for package in packages:
        assert package.archive.url.startswith("https://deb.debian.org/debian/pool/main/")
        assert len(package.sha256) == 64
        assert package.license
        assert replace(package, sounds={}).files == {}
    names = {path.rpartition("/")[2].lower() for path in paths}
    assert not [name for name in names if "laugh" in name or "voice" in name or "music" in name]
