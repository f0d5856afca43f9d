"""BYOL-S: weights read without unpickling, their encoder, the download from a real server."""

import hashlib
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime_ser.errors import ModelError, OutputError

pytestmark = pytest.mark.train

pytest.importorskip("tqdm", reason="the train extra is not installed", exc_type=ImportError)

from train.__main__ import main  # noqa: E402
from train.corpora.download import DownloadError  # noqa: E402
from train.model import byols  # noqa: E402
from train.model.byols import ByolsWeights, read_byols  # noqa: E402

Float32 = NDArray[np.float32]

SHAPES = {
    **{
        member: shape
        for first, inputs in ((0, 1), (7, 64), (14, 64))
        for member, shape in (
            (first, (64, inputs, 3, 3)),
            *((first + step, (64,)) for step in range(1, 6)),
        )
    },
    21: (512, 512),
    22: (512,),
    23: (512, 512),
    24: (512,),
}
"""Of every member, in PyTorch's order of the dimensions; the rest are counters of steps."""

VARIANCES = (5, 12, 19)


@pytest.fixture(scope="module")
def tensors() -> dict[int, Float32]:
    random = np.random.default_rng(3)
    values = {}
    for member, shape in SHAPES.items():
        scale = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.3
        values[member] = random.normal(0, scale, shape).astype(np.float32)
    for member in VARIANCES:
        values[member] = np.abs(values[member]) + np.float32(0.1)
    return values


def save(path: Path, tensors: dict[int, Float32]) -> str:
    """Write a file as PyTorch does, whose pickle would end the process, and return its SHA-256."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"cos\n_exit\n(I3\ntR.")
        for member, values in tensors.items():
            archive.writestr(f"archive/data/{member}", values.astype("<f4").tobytes())
        for member in (6, 13, 20):
            archive.writestr(f"archive/data/{member}", np.int64(1).tobytes())
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def weights(tmp_path: Path, tensors: dict[int, Float32]) -> ByolsWeights:
    path = tmp_path / "weights.pth"
    return read_byols(path, save(path, tensors))


def test_every_tensor_is_read(weights: ByolsWeights, tensors: dict[int, Float32]) -> None:
    for block, first in zip(weights.blocks, (0, 7, 14), strict=True):
        arrays = (block.kernel, block.bias, block.gamma, block.beta, block.mean, block.variance)
        for step, array in enumerate(arrays):
            np.testing.assert_array_equal(array, tensors[first + step])
            assert array.dtype == np.float32
    for layer, first in zip(weights.dense, (21, 23), strict=True):
        np.testing.assert_array_equal(layer.weights, tensors[first])
        np.testing.assert_array_equal(layer.bias, tensors[first + 1])


def test_another_file_is_refused(tmp_path: Path, tensors: dict[int, Float32]) -> None:
    path = tmp_path / "weights.pth"
    save(path, tensors)
    with pytest.raises(ModelError, match=r"differs from the published file \(its SHA-256 is "):
        read_byols(path)
    with pytest.raises(ModelError, match=r"cannot be read \(No such file .*: get it from https:"):
        read_byols(tmp_path / "absent.pth")


def test_a_file_with_other_tensors_is_refused(tmp_path: Path, tensors: dict[int, Float32]) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(ModelError, match=r"archive/data/24 has 511 values instead of 512"):
        read_byols(path, save(path, {**tensors, 24: tensors[24][1:]}))
    without = {member: values for member, values in tensors.items() if member != 17}
    with pytest.raises(ModelError, match="does not hold the weights of BYOL-S"):
        read_byols(path, save(path, without))
    path.write_bytes(b"no zip")
    with pytest.raises(ModelError, match="does not hold the weights of BYOL-S"):
        read_byols(path, hashlib.sha256(b"no zip").hexdigest())


def reference(tensors: dict[int, Float32], maps: Float32) -> NDArray[np.float64]:
    """The encoder in PyTorch's layout: map ``[mel, time]`` to features ``[time / 8, 512]``."""
    values = maps[None].astype(np.float64)
    for first in (0, 7, 14):
        kernel, bias, gamma, beta, mean, variance = (tensors[first + step] for step in range(6))
        padded = np.pad(values, ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        values = np.einsum("oihw,imthw->omt", kernel, windows) + bias[:, None, None]
        norm = (values - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
        values = np.maximum(norm * gamma[:, None, None] + beta[:, None, None], 0)
        channels, bands, steps = values.shape[0], values.shape[1] // 2, values.shape[2] // 2
        halves = values[:, : 2 * bands, : 2 * steps].reshape(channels, bands, 2, steps, 2)
        values = halves.max(axis=(2, 4))
    flat = np.array([values[:, :, step].T.ravel() for step in range(values.shape[2])])
    for first in (21, 23):
        flat = np.maximum(flat @ tensors[first].T.astype(np.float64) + tensors[first + 1], 0)
    return np.asarray(flat)


def torch_reference(tensors: dict[int, Float32], maps: Float32) -> NDArray[np.float64]:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)
    functional, tensor = torch.nn.functional, torch.from_numpy
    values = tensor(maps)[None, None]
    for first in (0, 7, 14):
        kernel, bias, gamma, beta, mean, variance = (
            tensor(tensors[first + step]) for step in range(6)
        )
        values = functional.conv2d(values, kernel, bias, padding=1)
        values = functional.batch_norm(values, mean, variance, gamma, beta)
        values = functional.max_pool2d(functional.relu(values), 2)
    values = values.permute(0, 3, 2, 1).flatten(2)
    for first in (21, 23):
        linear = functional.linear(values, tensor(tensors[first]), tensor(tensors[first + 1]))
        values = functional.relu(linear)
    return np.asarray(values[0].numpy(), np.float64)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("compute", [reference, torch_reference], ids=["NumPy", "PyTorch"])
@pytest.mark.parametrize("steps", [96, 101])
def test_the_encoder_computes_what_the_published_one_does(
    weights: ByolsWeights, tensors: dict[int, Float32], compute: object, steps: int
) -> None:
    pytest.importorskip("keras", reason="the train extra is not installed", exc_type=ImportError)
    maps = np.random.default_rng(5).normal(size=(2, 64, steps)).astype(np.float32)
    assert callable(compute)
    expected = np.array([compute(tensors, item) for item in maps])
    found = np.asarray(byols.build_encoder(weights)(maps.transpose(0, 2, 1), training=False))
    assert found.shape == (2, steps // 8, 512)
    assert expected.std() > 0.01, "the comparison would mean nothing"
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(
    "REALTIME_SER_BYOLS" not in os.environ, reason="REALTIME_SER_BYOLS names no copy of BYOL-S"
)
def test_the_published_file_is_read() -> None:
    path = Path(os.environ["REALTIME_SER_BYOLS"]) / byols.FILE_NAME
    assert path.stat().st_size == byols.SIZE
    published = read_byols(path)
    for block in published.blocks:
        assert (block.variance > 0).all(), "where a variance is read, no mean is"
        assert (block.mean < 0).any() or (block.beta < 0).any()
        assert np.isfinite(block.kernel).all()
        assert 0 < block.kernel.std() < 1


@pytest.fixture
def url(
    tmp_path: Path, tensors: dict[int, Float32], monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Serve the made-up weights under ``/weights``, half of them under ``/half``."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    save(tmp_path / "served.pth", tensors)
    content = (tmp_path / "served.pth").read_bytes()
    pages = {
        "/weights": content,
        "/half": content[: len(content) // 2],
        "/longer": content + b"!",
        "/other": content[:-1] + b"!",
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in pages:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(pages[self.path])))
            self.end_headers()
            self.wfile.write(pages[self.path])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def download(folder: Path, tmp_path: Path, address: str) -> Path:
    content = (tmp_path / "served.pth").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / byols.FILE_NAME
    byols.download_byols(path, "--byols", address, len(content), sha256)
    return path


def test_weights_are_downloaded_once(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "new"
    path = download(folder, tmp_path, f"{url}/weights")
    assert path == folder / byols.FILE_NAME
    assert path.read_bytes() == (tmp_path / "served.pth").read_bytes()
    assert download(folder, tmp_path, f"{url}/gone") == path, "what is there is not fetched again"
    path.write_bytes(b"other")
    with pytest.raises(ModelError, match="differs from the published file"):
        download(folder, tmp_path, f"{url}/weights")


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("gone", r"\(it answers 404 Not Found\): run this again, or put the file from https://"),
        ("half", r"\(it sends \d+ bytes instead of \d+\)"),
        ("longer", r"\(it sends more than \d+ bytes instead of \d+\)"),
        ("other", "not the published one"),
    ],
)
def test_a_failed_download_is_one_line_and_leaves_nothing(
    tmp_path: Path, url: str, page: str, reason: str
) -> None:
    with pytest.raises(DownloadError, match=reason) as caught:
        download(tmp_path / "new", tmp_path, f"{url}/{page}")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_no_server_is_one_line(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match=r"from 127\.0\.0\.1 \(.*refused"):
        download(tmp_path / "new", tmp_path, "http://127.0.0.1:9/weights")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, url: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="with --byols"):
        download(tmp_path / "file", tmp_path, f"{url}/weights")


def test_prepare_downloads_and_checks_the_weights(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (tmp_path / "served.pth").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    pytest.importorskip("parselmouth", reason="the train extra is not installed")
    fetch = partial(byols.download_byols, url=f"{url}/weights", size=len(content), sha256=sha256)
    monkeypatch.setattr(byols, "download_byols", fetch)
    monkeypatch.setattr(byols, "read_byols", partial(byols.read_byols, sha256=sha256))
    path = tmp_path / "new" / "byols.pth"

    def prepare(*options: str) -> int:
        monkeypatch.setattr(sys, "argv", ["train", "prepare", "--byols", str(path), *options])
        return main()

    assert prepare() == 1
    assert f"{path} cannot be read" in capsys.readouterr().err
    assert prepare("--download") == 0
    assert path.read_bytes() == content
    assert "MIT license" in capsys.readouterr().out
    path.write_bytes(content[:-1])
    for options in ([], ["--download"]):
        assert prepare(*options) == 1
        assert "differs from the published file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "one of --data, --corpora, --byols and --sounds"),
        (["--corpora", ".", "--download"], "--download"),
    ],
)
def test_prepare_without_anything_to_prepare_is_wrong_usage(
    options: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["train", "prepare", *options])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert said in capsys.readouterr().err
