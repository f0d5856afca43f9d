"""The download of RAVDESS, from a real server."""

import hashlib
import io
import os
import socket
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from file_server import Server, serving
from ravdess_clips import SPEAKER_CLIPS as NAMES
from ravdess_clips import SPEAKER_FOLDER as FOLDER
from ravdess_clips import speaker_wavs

from realtime_ser.errors import OutputError
from train.__main__ import main

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("keras", "parselmouth", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from train.corpora import download  # noqa: E402
from train.corpora.download import RAVDESS_SPEECH, Archive, DownloadError  # noqa: E402
from train.model import prepare  # noqa: E402
from train.model.recipe import load_recipe  # noqa: E402


@pytest.fixture
def sounds() -> dict[str, bytes]:
    return speaker_wavs()


@pytest.fixture(autouse=True)
def one_speaker_and_no_other_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = replace(load_recipe("best"), voices=None)
    monkeypatch.setattr(prepare, "CLIP_NAMES", frozenset(NAMES))
    monkeypatch.setattr(prepare, "load_recipe", lambda name: recipe)


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, list[str]]]:
    """Run prepare with --download; return the exit code and stderr without progress bars."""

    def command(data: Path) -> tuple[int, list[str]]:
        options = ["--data", str(data), "--runs", str(tmp_path / "runs"), "--download"]
        monkeypatch.setattr(sys, "argv", ["train", "prepare", *options])
        code = main()
        lines = [line for line in capsys.readouterr().err.replace("\r", "\n").splitlines() if line]
        return code, [line for line in lines if "%|" not in line]

    return command


@pytest.fixture
def clips_zip(sounds: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, sound in sounds.items():
            archive.writestr(f"{FOLDER}/{name}.wav", sound)
    return content.getvalue()


@pytest.fixture
def offer(
    clips_zip: bytes, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[Server, Archive]]]:
    """Serve the archive instead of Zenodo; return the server and the archive's description."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ExitStack() as servers:

        def start(content: bytes = clips_zip, **options: object) -> tuple[Server, Archive]:
            server = Server(content, **options)  # type: ignore[arg-type]
            servers.enter_context(serving(server))
            archive = Archive(
                "clips.zip",
                server.url,
                "https://example.org/clips",
                len(clips_zip),
                hashlib.md5(clips_zip).hexdigest(),
            )
            monkeypatch.setattr(prepare, "RAVDESS_SPEECH", archive)
            return server, archive

        yield start


Offer = Callable[..., tuple[Server, Archive]]
Run = Callable[[Path], tuple[int, list[str]]]


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def unpacked(sounds: dict[str, bytes]) -> dict[str, bytes]:
    return {str(Path(FOLDER, f"{name}.wav")): content for name, content in sounds.items()}


def test_prepare_downloads_unpacks_and_checks(
    tmp_path: Path, offer: Offer, unpacked: dict[str, bytes], run: Run
) -> None:
    server, _ = offer()
    code, lines = run(tmp_path / "new")
    assert code == 0, lines
    assert files_in(tmp_path / "new") == unpacked, "and the archive is gone"
    assert server.requests == ["bytes=0-"]
    assert run(tmp_path / "new")[0] == 0
    assert server.requests == ["bytes=0-"], "nothing is downloaded twice"


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_is_resumed(
    tmp_path: Path, offer: Offer, clips_zip: bytes, unpacked: dict[str, bytes], ranges: bool
) -> None:
    server, archive = offer(ranges=ranges)
    (tmp_path / "clips.zip.part").write_bytes(clips_zip[:100_000])
    download.download(archive, tmp_path)
    assert server.requests == ["bytes=100000-"]
    assert files_in(tmp_path) == unpacked


def test_a_broken_connection_is_resumed(
    tmp_path: Path, offer: Offer, clips_zip: bytes, unpacked: dict[str, bytes]
) -> None:
    part = len(clips_zip) // 3 + 1
    server, archive = offer(cut_after=part)
    download.download(archive, tmp_path)
    assert server.requests == ["bytes=0-", f"bytes={part}-", f"bytes={2 * part}-"]
    assert files_in(tmp_path) == unpacked


def test_a_connection_that_always_breaks_leaves_a_partial_file(
    tmp_path: Path, offer: Offer, clips_zip: bytes, unpacked: dict[str, bytes]
) -> None:
    server, archive = offer(cut_after=1000)
    with pytest.raises(DownloadError, match=r"\(the connection was cut off\): run this again"):
        download.download(archive, tmp_path)
    assert len(server.requests) == download.CONNECTIONS
    assert files_in(tmp_path) == {"clips.zip.part": clips_zip[: 1000 * download.CONNECTIONS]}
    server.cut_after = None
    download.download(archive, tmp_path)
    assert files_in(tmp_path) == unpacked


def test_a_server_that_cannot_resume_is_given_up(
    tmp_path: Path, offer: Offer, clips_zip: bytes
) -> None:
    server, archive = offer(ranges=False, cut_after=1000)
    with pytest.raises(DownloadError, match="was cut off"):
        download.download(archive, tmp_path)
    assert len(server.requests) == 2
    assert files_in(tmp_path) == {"clips.zip.part": clips_zip[:1000]}


def test_a_wrong_checksum_is_found_and_the_file_deleted(
    tmp_path: Path, offer: Offer, clips_zip: bytes, run: Run
) -> None:
    offer(clips_zip[:-1] + b"!")
    code, lines = run(tmp_path / "new")
    assert code == 1
    (line,) = lines
    assert "clips.zip.part differs from the published file (its MD5 is" in line
    assert line.endswith("or put the file from https://example.org/clips there")
    assert files_in(tmp_path / "new") == {}


@pytest.mark.parametrize("ranges", [True, False])
def test_another_page_instead_of_the_file_is_refused(
    tmp_path: Path, offer: Offer, ranges: bool
) -> None:
    _, archive = offer(b"<html>please log in</html>", ranges=ranges)
    with pytest.raises(DownloadError, match=f"it sends 26 bytes instead of {archive.size}"):
        download.download(archive, tmp_path)
    assert files_in(tmp_path) == {"clips.zip.part": b""}


@pytest.mark.parametrize(
    ("status", "reason"), [(403, "403 Forbidden"), (404, "404 Not Found"), (503, "503 Service")]
)
def test_a_refusal_is_one_line(
    tmp_path: Path, offer: Offer, run: Run, status: int, reason: str
) -> None:
    server, _ = offer(status=status)
    code, lines = run(tmp_path / "new")
    assert code == 1
    (line,) = lines
    assert f"cannot download clips.zip from 127.0.0.1 (it answers {reason}" in line
    assert "run this again to resume, or put the file from https://example.org/clips into" in line
    assert len(server.requests) == 1


def test_no_network_is_one_line(
    tmp_path: Path, offer: Offer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, archive = offer()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # no server listens there
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/clips.zip"
        monkeypatch.setattr(prepare, "RAVDESS_SPEECH", replace(archive, url=url))
        code, lines = run(tmp_path / "new")
    assert code == 1
    (line,) = lines
    assert "cannot download clips.zip from 127.0.0.1 (" in line
    assert "refused" in line


def test_a_server_that_stops_responding_is_one_line(
    tmp_path: Path, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, archive = offer()
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # accepts, and sends nothing
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/clips.zip"
        with pytest.raises(DownloadError, match="timed out"):
            download.download(replace(archive, url=url), tmp_path)


def test_an_archive_that_the_user_provides_is_unpacked_and_left(
    tmp_path: Path, offer: Offer, clips_zip: bytes, unpacked: dict[str, bytes]
) -> None:
    server, archive = offer()
    (tmp_path / "clips.zip").write_bytes(clips_zip)
    download.download(archive, tmp_path)
    assert server.requests == []
    assert files_in(tmp_path) == {**unpacked, "clips.zip": clips_zip}


def test_a_damaged_archive_that_the_user_provides_is_refused_and_left(
    tmp_path: Path, offer: Offer, clips_zip: bytes
) -> None:
    _, archive = offer()
    (tmp_path / "clips.zip").write_bytes(clips_zip[:1000])
    with pytest.raises(DownloadError, match="differs from the published file"):
        download.download(archive, tmp_path)
    assert files_in(tmp_path) == {"clips.zip": clips_zip[:1000]}


def provide(folder: Path, content: bytes) -> Archive:
    """Put an archive with the right checksum into a folder."""
    folder.mkdir()
    (folder / "clips.zip").write_bytes(content)
    return replace(
        RAVDESS_SPEECH,
        name="clips.zip",
        size=len(content),
        checksum=hashlib.md5(content).hexdigest(),
    )


def test_only_clips_are_unpacked_and_only_into_the_folder(tmp_path: Path) -> None:
    content = io.BytesIO()
    inside = f"Actor_01/{NAMES[0]}.wav"
    with zipfile.ZipFile(content, "w") as archive:
        for name in (
            "../outside.wav",
            f"/{tmp_path.name}/outside.wav",
            f"../Actor_02/{NAMES[1]}.wav",
            "Actor_01/../../outside.wav",
            "Actor_01/..\\..\\outside.wav",
            "Actor_01/readme.txt",
            f"speech/{inside}",
        ):
            archive.writestr(name, name)
    provided = provide(tmp_path / "data", content.getvalue())
    download.download(provided, tmp_path / "data")
    assert {*files_in(tmp_path)} == {
        str(Path("data", "clips.zip")),
        str(Path("data", inside)),
        str(Path("data", "Actor_02", f"{NAMES[1]}.wav")),
    }


def test_clips_that_exist_as_flac_are_not_unpacked_again(
    tmp_path: Path, clips_zip: bytes, sounds: dict[str, bytes]
) -> None:
    archive = provide(tmp_path / "data", clips_zip)
    flac = tmp_path / "data" / FOLDER / f"{NAMES[0]}.flac"
    flac.parent.mkdir()
    flac.write_bytes(b"old")
    download.download(archive, tmp_path / "data")
    assert flac.read_bytes() == b"old"
    assert not flac.with_suffix(".wav").exists()
    assert len(list(flac.parent.iterdir())) == len(sounds)


def test_a_published_archive_that_is_no_zip_is_one_line(tmp_path: Path) -> None:
    archive = provide(tmp_path / "data", b"no zip")
    with pytest.raises(DownloadError, match="cannot be unpacked"):
        download.download(archive, tmp_path / "data")


full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@full_disk
def test_a_disk_that_fills_up_while_downloading_is_one_line(
    tmp_path: Path, offer: Offer, run: Run
) -> None:
    offer()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "clips.zip.part").symlink_to("/dev/full")
    code, lines = run(tmp_path / "new")
    assert code == 1
    (line,) = lines
    assert f"cannot write to {tmp_path / 'new'} (No space left on device)" in line
    assert "select another folder with --data" in line


@full_disk
def test_a_disk_that_fills_up_while_unpacking_is_one_line(tmp_path: Path, clips_zip: bytes) -> None:
    archive = provide(tmp_path / "data", clips_zip)
    wanted = tmp_path / "data" / FOLDER / f"{NAMES[5]}.wav"
    wanted.parent.mkdir()
    wanted.with_name(f"{wanted.name}.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left on device"):
        download.download(archive, tmp_path / "data")
    assert not wanted.exists()
    download.download(archive, tmp_path / "data")
    assert wanted.exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, offer: Offer) -> None:
    _, archive = offer()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write to .*--data"):
        download.download(archive, tmp_path / "file" / "data")
