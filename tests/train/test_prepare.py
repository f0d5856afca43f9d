"""``python -m train prepare``: faults of the data, the download from a real server, the cache."""

import hashlib
import io
import os
import shutil
import socket
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser import AudioInputError
from realtime_ser.errors import OutputError
from train.__main__ import main
from train.data.ravdess import CLIP_NAMES, ONE_RECORDING, list_clips

pytestmark = pytest.mark.train

for module in ("librosa", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from train.data import download, prepare  # noqa: E402
from train.data.download import RAVDESS_SPEECH, Archive, DownloadError  # noqa: E402
from train.data.features import load_log_mel  # noqa: E402
from train.data.preprocess import PreprocessSettings  # noqa: E402

RATE = 48_000
ACTOR = 7
NAMES = sorted(name for name in CLIP_NAMES if name.endswith(f"-{ACTOR:02}"))
FOLDER = f"Actor_{ACTOR:02}"


def wav(seed: int, seconds: float = 1.1) -> bytes:
    """Return a WAV file of quiet noise, another one for every seed."""
    noise = np.random.default_rng(seed).normal(0, 300, round(RATE * seconds)).astype(np.int16)
    content = io.BytesIO()
    soundfile.write(content, noise, RATE, format="WAV")
    return content.getvalue()


@pytest.fixture(scope="module")
def sounds() -> dict[str, bytes]:
    """The clips of one actor, one of them under two names, as RAVDESS has it."""
    clips = {name: wav(seed) for seed, name in enumerate(NAMES)}
    return clips | {ONE_RECORDING[1]: clips[ONE_RECORDING[0]]}


@pytest.fixture(autouse=True)
def one_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one actor be all of RAVDESS, and no recipe ask for more than the paper's features."""
    monkeypatch.setattr(prepare, "CLIP_NAMES", frozenset(NAMES))
    monkeypatch.setattr(prepare, "recipe_names", list)


@pytest.fixture
def ravdess(tmp_path: Path, sounds: dict[str, bytes]) -> Path:
    folder = tmp_path / "ravdess" / FOLDER
    folder.mkdir(parents=True)
    for name, content in sounds.items():
        (folder / f"{name}.wav").write_bytes(content)
    return folder.parent


@dataclass
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    lines: list[str]
    """Of stderr, without progress bars."""


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    def command(data: Path, *options: str) -> Outcome:
        arguments = ["prepare", "--data", str(data), "--runs", str(tmp_path / "runs"), *options]
        monkeypatch.setattr(sys, "argv", ["train", *arguments])
        code = main()
        out, err = capsys.readouterr()
        lines = [line for line in err.replace("\r", "\n").splitlines() if line.strip()]
        return Outcome(code, out, [line for line in lines if "%|" not in line])

    return command


def test_whole_data_is_summed_up_and_its_features_kept(
    ravdess: Path, tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    outcome = run(ravdess)
    assert outcome.code == 0
    assert outcome.lines == []
    assert outcome.out.startswith(
        "60 clips of 1 actors, all sound: neutral 4, calm 8, happy 8, sad 8, angry 8"
    )
    entries = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "cache").iterdir()}
    assert len(entries) == 3 * 59, "the maps, coefficients and patches of every recording"
    assert all(path.suffix == ".npz" for path in entries)
    assert run(ravdess).code == 0
    assert entries == {path: path.stat().st_mtime_ns for path in entries}, "nothing is done twice"


@pytest.mark.filterwarnings("default")
def test_the_bundled_recipe_finds_its_spectra(
    ravdess: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("keras", reason="the train extra is not installed", exc_type=ImportError)
    from train.data.utterances import UNCHANGED, load_utterances
    from train.methods.window_recipe import load_window_recipe

    recipe = load_window_recipe("best")
    monkeypatch.setattr(prepare, "recipe_names", lambda: ["best"])
    clips, cache = list_clips(ravdess, [ACTOR])[:2], tmp_path / "cache"
    prepare.compute_features(clips, cache)
    entries = {*cache.iterdir()}
    for variations in (recipe.variations, UNCHANGED):
        assert len(load_utterances(clips, recipe.feature_maps, variations, cache)) == 2
    assert {*cache.iterdir()} == entries


Break = Callable[[Path], None]


def changed(name: str, content: bytes) -> Break:
    def apply(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return apply


def renamed(name: str, new: str) -> Break:
    def apply(folder: Path) -> None:
        target = folder / new
        target.parent.mkdir(exist_ok=True)
        (folder / name).rename(target)

    return apply


def copied(name: str, new: str) -> Break:
    def apply(folder: Path) -> None:
        shutil.copy(folder / name, folder / new)

    return apply


def as_flac_too(folder: Path) -> None:
    samples, rate = soundfile.read(folder / f"{NAMES[3]}.wav", dtype="int16")
    soundfile.write(folder / f"{NAMES[3]}.flac", samples, rate)


def silent(folder: Path) -> None:
    soundfile.write(folder / f"{NAMES[3]}.wav", np.zeros(2 * RATE, np.int16), RATE)


@pytest.mark.parametrize(
    ("apply", "line", "count"),
    [
        (lambda folder: (folder / f"{NAMES[3]}.wav").unlink(), NAMES[3], "1 missing"),
        (
            renamed(f"{NAMES[3]}.wav", f"{NAMES[3]} (1).wav"),
            f"{FOLDER}/{NAMES[3]} (1).wav",
            "1 missing, 1 misnamed",
        ),
        (
            renamed(f"{NAMES[3]}.wav", f"../Actor_08/{NAMES[3]}.wav"),
            f"Actor_08/{NAMES[3]}.wav",
            "1 in another actor's folder",
        ),
        (as_flac_too, NAMES[3], "1 there more than once"),
        (
            copied(f"{NAMES[3]}.wav", f"{NAMES[5]}.wav"),
            f"{NAMES[5]} (is {NAMES[3]})",
            "1 like another",
        ),
        (silent, NAMES[3], "1 silent"),
        (changed(f"{NAMES[3]}.wav", wav(99, seconds=0.5)), NAMES[3], "1 too short"),
        (changed(f"{NAMES[3]}.wav", b""), f"{NAMES[3]}.wav is empty)", "1 unreadable"),
        (changed(f"{NAMES[3]}.wav", b"<html>"), "is not audio", "1 unreadable"),
        (changed(f"{NAMES[3]}.wav", wav(99)[:60_000]), "cut off", "1 unreadable"),
    ],
)
def test_faults_are_named(
    ravdess: Path, run: Callable[..., Outcome], apply: Break, line: str, count: str
) -> None:
    apply(ravdess / FOLDER)
    outcome = run(ravdess)
    assert outcome.code == 1
    *named, last = outcome.lines
    assert any(line in each for each in named)
    assert len(named) == count.count(",") + 1
    assert last.startswith(f"train: {ravdess} does not hold RAVDESS as it was published ({count}):")
    assert last.endswith("run this again with --download")


def test_many_faults_are_counted(ravdess: Path, run: Callable[..., Outcome]) -> None:
    for name in NAMES[:35]:
        (ravdess / FOLDER / f"{name}.wav").unlink()
    outcome = run(ravdess)
    assert len(outcome.lines) == 2
    assert outcome.lines[0] == f"missing (35): {', '.join(NAMES[:10])} and 25 more"


def test_a_missing_or_empty_folder_is_one_line(tmp_path: Path, run: Callable[..., Outcome]) -> None:
    for folder, problem in (("absent", "there is no folder"), ("", "holds no clips of RAVDESS")):
        outcome = run(tmp_path / folder)
        assert outcome.code == 1
        (line,) = outcome.lines
        assert problem in line
        assert "python -m train prepare --download" in line


@pytest.mark.skipif(
    "REALTIME_SER_RAVDESS" not in os.environ, reason="REALTIME_SER_RAVDESS names no copy of RAVDESS"
)
def test_ravdess_itself_has_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "CLIP_NAMES", CLIP_NAMES)
    clips = prepare.checked_clips(Path(os.environ["REALTIME_SER_RAVDESS"]))
    assert prepare.summary(clips).startswith("1440 clips of 24 actors, all sound: neutral 96, calm")


@dataclass
class Server:
    """A server of one file.

    Attributes:
        content: of the file.
        ranges: whether it can send a part.
        cut_after: bytes after which it breaks off, ``None`` for never.
        status: what it answers.
        asked: the ranges it was asked for.
    """

    content: bytes
    ranges: bool = True
    cut_after: int | None = None
    status: int = 200
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(server: Server) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            server.asked.append(asked)
            if server.status != 200:
                self.send_error(server.status)
                return
            whole = len(server.content)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if server.ranges else 0
            if start >= whole:
                self.send_error(416)
                return
            self.send_response(206 if server.ranges else 200)
            if server.ranges:
                self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
            self.send_header("Content-Length", str(whole - start))
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked may give up meanwhile
                self.wfile.write(server.content[start:][: server.cut_after])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}/clips.zip"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            listening.shutdown()
            thread.join()


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
    """Serve the archive in place of Zenodo, and return the server and what is expected of it."""
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
            monkeypatch.setattr(download, "RAVDESS_SPEECH", archive)
            return server, archive

        yield start


Offer = Callable[..., tuple[Server, Archive]]


def held(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def unpacked(sounds: dict[str, bytes]) -> dict[str, bytes]:
    return {str(Path(FOLDER, f"{name}.wav")): content for name, content in sounds.items()}


def test_prepare_downloads_unpacks_and_checks(
    tmp_path: Path, offer: Offer, unpacked: dict[str, bytes], run: Callable[..., Outcome]
) -> None:
    server, _ = offer()
    outcome = run(tmp_path / "new", "--download")
    assert outcome.code == 0, outcome.lines
    assert held(tmp_path / "new") == unpacked, "and the archive is gone"
    assert server.asked == ["bytes=0-"]
    assert run(tmp_path / "new", "--download").code == 0
    assert server.asked == ["bytes=0-"], "what is there is not fetched again"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_goes_on_where_an_earlier_one_stopped(
    tmp_path: Path, offer: Offer, clips_zip: bytes, unpacked: dict[str, bytes], ranges: bool
) -> None:
    server, archive = offer(ranges=ranges)
    (tmp_path / "clips.zip.part").write_bytes(clips_zip[:100_000])
    download.download(archive, tmp_path)
    assert server.asked == ["bytes=100000-"]
    assert held(tmp_path) == unpacked


def test_a_connection_that_breaks_is_taken_up_again(
    tmp_path: Path, offer: Offer, clips_zip: bytes, unpacked: dict[str, bytes]
) -> None:
    part = len(clips_zip) // 3 + 1
    server, archive = offer(cut_after=part)
    download.download(archive, tmp_path)
    assert server.asked == ["bytes=0-", f"bytes={part}-", f"bytes={2 * part}-"]
    assert held(tmp_path) == unpacked


def test_a_connection_that_always_breaks_keeps_what_came(
    tmp_path: Path, offer: Offer, clips_zip: bytes, unpacked: dict[str, bytes]
) -> None:
    server, archive = offer(cut_after=1000)
    with pytest.raises(DownloadError, match=r"\(the connection was cut off\): run this again"):
        download.download(archive, tmp_path)
    assert len(server.asked) == download.CONNECTIONS
    assert held(tmp_path) == {"clips.zip.part": clips_zip[: 1000 * download.CONNECTIONS]}
    server.cut_after = None
    download.download(archive, tmp_path)
    assert held(tmp_path) == unpacked


def test_a_server_that_cannot_go_on_is_given_up(
    tmp_path: Path, offer: Offer, clips_zip: bytes
) -> None:
    server, archive = offer(ranges=False, cut_after=1000)
    with pytest.raises(DownloadError, match="was cut off"):
        download.download(archive, tmp_path)
    assert len(server.asked) == 2
    assert held(tmp_path) == {"clips.zip.part": clips_zip[:1000]}


def test_a_wrong_checksum_is_found_and_nothing_kept(
    tmp_path: Path, offer: Offer, clips_zip: bytes, run: Callable[..., Outcome]
) -> None:
    offer(clips_zip[:-1] + b"!")
    outcome = run(tmp_path / "new", "--download")
    assert outcome.code == 1
    (line,) = outcome.lines
    assert "clips.zip.part is not the file that was published (its MD5 is" in line
    assert line.endswith("or put the file from https://example.org/clips there")
    assert held(tmp_path / "new") == {}


@pytest.mark.parametrize("ranges", [True, False])
def test_another_page_in_place_of_the_file_is_not_taken(
    tmp_path: Path, offer: Offer, ranges: bool
) -> None:
    _, archive = offer(b"<html>please log in</html>", ranges=ranges)
    with pytest.raises(DownloadError, match=f"it sends 26 bytes in place of {archive.size}"):
        download.download(archive, tmp_path)
    assert held(tmp_path) == {"clips.zip.part": b""}


@pytest.mark.parametrize(
    ("status", "reason"), [(403, "403 Forbidden"), (404, "404 Not Found"), (503, "503 Service")]
)
def test_a_refusal_is_one_line(
    tmp_path: Path, offer: Offer, run: Callable[..., Outcome], status: int, reason: str
) -> None:
    server, _ = offer(status=status)
    outcome = run(tmp_path / "new", "--download")
    assert outcome.code == 1
    (line,) = outcome.lines
    assert f"cannot fetch clips.zip from 127.0.0.1 (it answers {reason}" in line
    assert "run this again to go on, or put the file from https://example.org/clips into" in line
    assert len(server.asked) == 1


def test_no_network_is_one_line(
    tmp_path: Path, offer: Offer, run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, archive = offer()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens there
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/clips.zip"
        monkeypatch.setattr(download, "RAVDESS_SPEECH", replace(archive, url=url))
        outcome = run(tmp_path / "new", "--download")
    assert outcome.code == 1
    (line,) = outcome.lines
    assert "cannot fetch clips.zip from 127.0.0.1 (" in line
    assert "refused" in line


def test_a_server_that_falls_silent_is_one_line(
    tmp_path: Path, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, archive = offer()
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # accepts, and says nothing
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/clips.zip"
        with pytest.raises(DownloadError, match="timed out"):
            download.download(replace(archive, url=url), tmp_path)


def test_an_archive_put_there_by_hand_is_unpacked_and_stays(
    tmp_path: Path, offer: Offer, clips_zip: bytes, unpacked: dict[str, bytes]
) -> None:
    server, archive = offer()
    (tmp_path / "clips.zip").write_bytes(clips_zip)
    download.download(archive, tmp_path)
    assert server.asked == []
    assert held(tmp_path) == {**unpacked, "clips.zip": clips_zip}


def test_a_damaged_archive_put_there_by_hand_is_refused_and_stays(
    tmp_path: Path, offer: Offer, clips_zip: bytes
) -> None:
    _, archive = offer()
    (tmp_path / "clips.zip").write_bytes(clips_zip[:1000])
    with pytest.raises(DownloadError, match="is not the file that was published"):
        download.download(archive, tmp_path)
    assert held(tmp_path) == {"clips.zip": clips_zip[:1000]}


def by_hand(folder: Path, content: bytes) -> Archive:
    """Put an archive with a fitting checksum into a folder."""
    folder.mkdir()
    (folder / "clips.zip").write_bytes(content)
    return replace(
        RAVDESS_SPEECH, name="clips.zip", size=len(content), md5=hashlib.md5(content).hexdigest()
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
    archive_by_hand = by_hand(tmp_path / "data", content.getvalue())
    download.download(archive_by_hand, tmp_path / "data")
    assert {*held(tmp_path)} == {
        str(Path("data", "clips.zip")),
        str(Path("data", inside)),
        str(Path("data", "Actor_02", f"{NAMES[1]}.wav")),
    }


def test_clips_that_are_there_as_flac_are_not_doubled(
    tmp_path: Path, clips_zip: bytes, sounds: dict[str, bytes]
) -> None:
    archive = by_hand(tmp_path / "data", clips_zip)
    flac = tmp_path / "data" / FOLDER / f"{NAMES[0]}.flac"
    flac.parent.mkdir()
    flac.write_bytes(b"kept")
    download.download(archive, tmp_path / "data")
    assert flac.read_bytes() == b"kept"
    assert not flac.with_suffix(".wav").exists()
    assert len(list(flac.parent.iterdir())) == len(sounds)


def test_a_published_archive_that_is_no_zip_is_one_line(tmp_path: Path) -> None:
    archive = by_hand(tmp_path / "data", b"no zip")
    with pytest.raises(DownloadError, match="cannot be unpacked"):
        download.download(archive, tmp_path / "data")


full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@full_disk
def test_a_disk_that_fills_up_while_fetching_is_one_line(
    tmp_path: Path, offer: Offer, run: Callable[..., Outcome]
) -> None:
    offer()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "clips.zip.part").symlink_to("/dev/full")
    outcome = run(tmp_path / "new", "--download")
    assert outcome.code == 1
    (line,) = outcome.lines
    assert f"cannot write to {tmp_path / 'new'} (No space left on device)" in line
    assert "give a folder on another disk with --data" in line


@full_disk
def test_a_disk_that_fills_up_while_unpacking_is_one_line(tmp_path: Path, clips_zip: bytes) -> None:
    archive = by_hand(tmp_path / "data", clips_zip)
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


@full_disk
def test_a_disk_that_fills_up_while_computing_is_one_line(
    ravdess: Path, tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    clips, cache = list_clips(ravdess, [ACTOR]), tmp_path / "runs" / "cache"
    load_log_mel(clips[:1], PreprocessSettings(), cache)
    (entry,) = cache.iterdir()
    entry.unlink()
    entry.with_name(f"{entry.name}.{os.getpid()}.part").symlink_to("/dev/full")
    outcome = run(ravdess)
    assert outcome.code == 1
    (line,) = outcome.lines
    assert line.startswith(f"train: cannot write to {cache} (No space left on device): make room")
    assert line.endswith("with --runs")


def test_only_complete_data_passes(ravdess: Path) -> None:
    assert len(prepare.checked_clips(ravdess)) == len(NAMES)
    (ravdess / FOLDER / f"{NAMES[0]}.wav").unlink()
    with pytest.raises(AudioInputError, match="1 missing"):
        prepare.checked_clips(ravdess)
