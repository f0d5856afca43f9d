"""BYOL-S, a speech encoder trained without labels, that training can start from.

BYOL-S is the encoder of BYOL-A (D. Niizumi et al., arXiv:2103.06695), trained by itself on the
speech of AudioSet (N. Scheidwasser-Clow et al., SERAB, arXiv:2110.03414); the weights are under the
MIT license. They come as a PyTorch file, a zip whose members ``archive/data/K`` hold one tensor
each as raw little-endian float32. Only these are read: nothing is unpickled.
"""

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import numpy as np
from numpy.typing import NDArray

from realtime_ser.errors import ModelError
from train.corpora.download import TIMEOUT_SECONDS, USER_AGENT, DownloadError
from train.files import write_bytes

FILE_NAME = "default512_BYOLAs64x96-2107281850-e100-bs256-lr0003-rs42.pth"
SHA256 = "449f5d0dc6b6fa8433d5e43769097520d3bc0fdae88977a7ac29e2e72ca51b52"
SIZE = 2_409_434
PAGE = "https://github.com/Neclow/SERAB"
URL = f"{PAGE}/raw/8023cb75dc6f32a6f211bfbc83efe9491c41d8b7/SERAB/checkpoints/{FILE_NAME}"

BANDS = 64
"""Mel bands of the input: log power, HTK mel scale, 60-7800 Hz, FFT 1024, Hann window 400."""

CHANNELS = 64
UNITS = 512
POOLING = 2
"""Each block halves bands and steps, so that a time step of the output covers 8 of the input."""

NORM_EPSILON = 1e-5
"""PyTorch's default of ``BatchNorm2d``."""

BLOCK_MEMBERS = (
    (0, 1, 2, 3, 4, 5),
    (7, 8, 9, 10, 11, 12),
    (14, 15, 16, 17, 18, 19),
)
"""Members of each convolution block: kernel, bias, gamma, beta, mean, variance.

The numbers left out are counters of training steps.
"""

DENSE_MEMBERS = ((21, 22), (23, 24))
"""Members of each dense layer: weights, bias."""

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ConvolutionBlock:
    """A convolution with a batch normalization, before ReLU and pooling.

    Attributes:
        kernel: float32, shape ``[64, input channels, 3 mel, 3 time]``.
        bias: of the convolution, shape ``[64]`` like all that follow.
        gamma: scale of the normalization.
        beta: offset of the normalization.
        mean: that training saw.
        variance: that training saw.
    """

    kernel: Float32
    bias: Float32
    gamma: Float32
    beta: Float32
    mean: Float32
    variance: Float32


@dataclass(frozen=True, slots=True)
class DenseLayer:
    """A dense layer before its ReLU.

    Attributes:
        weights: float32, shape ``[outputs, inputs]``.
        bias: float32, shape ``[outputs]``.
    """

    weights: Float32
    bias: Float32


@dataclass(frozen=True, slots=True)
class ByolsWeights:
    """The weights of BYOL-S.

    Attributes:
        blocks: three convolution blocks, 1 to 64, 64 to 64 and 64 to 64 channels.
        dense: two dense layers of 512 units. The first takes what is left of a time step, 8 bands
            by 64 channels, bands slow and channels fast.
    """

    blocks: tuple[ConvolutionBlock, ...]
    dense: tuple[DenseLayer, ...]


def read_byols(path: Path, sha256: str = SHA256) -> ByolsWeights:
    """Read the weights, after comparing the file's checksum.

    Args:
        path: the ``.pth`` file.
        sha256: its checksum, in hexadecimal.

    Raises:
        ModelError: the file is missing, unreadable or another one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror or error})", f"get it from {PAGE}"
        ) from error
    _check_hash(path, content, sha256)
    try:
        with zipfile.ZipFile(path) as archive:
            return ByolsWeights(_blocks(archive), _dense(archive))
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError) as error:
        raise ModelError(
            f"{path} does not hold the weights of BYOL-S ({error})", f"get it from {PAGE}"
        ) from error


def _check_hash(path: Path, content: bytes, sha256: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelError(
            f"{path} differs from the published file (its SHA-256 is {found})",
            f"delete it and get it from {PAGE}",
        )


def _blocks(archive: zipfile.ZipFile) -> tuple[ConvolutionBlock, ...]:
    return tuple(
        ConvolutionBlock(
            _tensor(archive, members[0], (CHANNELS, inputs, 3, 3)),
            *(_tensor(archive, member, (CHANNELS,)) for member in members[1:]),
        )
        for members, inputs in zip(BLOCK_MEMBERS, (1, CHANNELS, CHANNELS), strict=True)
    )


def _dense(archive: zipfile.ZipFile) -> tuple[DenseLayer, ...]:
    return tuple(
        DenseLayer(_tensor(archive, weights, (UNITS, inputs)), _tensor(archive, bias, (UNITS,)))
        for (weights, bias), inputs in zip(
            DENSE_MEMBERS, (BANDS // POOLING**3 * CHANNELS, UNITS), strict=True
        )
    )


def _tensor(archive: zipfile.ZipFile, member: int, shape: tuple[int, ...]) -> Float32:
    name = f"archive/data/{member}"
    values = np.frombuffer(archive.read(name), "<f4").astype(np.float32)
    if values.size != np.prod(shape):
        raise ValueError(f"{name} has {values.size} values instead of {np.prod(shape)}")
    return values.reshape(shape)


def build_encoder(weights: ByolsWeights, dropout: float = 0.3) -> Any:
    """Return the encoder as a Keras model that holds these weights.

    Args:
        weights: as ``read_byols`` returns them.
        dropout: between the dense layers, in training alone.

    Returns:
        A ``keras.Model`` from standardized log-power mel maps, float32 ``[batch, steps, 64]``, to
        features, float32 ``[batch, steps // 8, 512]``. The published pooling is mean plus maximum
        over time.
    """
    import keras

    maps = keras.Input((None, BANDS))
    values = keras.layers.Reshape((-1, BANDS, 1))(maps)
    for number, block in enumerate(weights.blocks, start=1):
        values = _keras_block(keras, values, block, f"byols_{number}")
    values = keras.layers.Reshape((-1, BANDS // POOLING**3 * CHANNELS))(values)
    for number, layer in enumerate(weights.dense, start=1):
        dense = keras.layers.Dense(UNITS, activation="relu", name=f"byols_dense_{number}")
        values = dense(values)
        dense.set_weights([layer.weights.T, layer.bias])
        if number == 1:
            values = keras.layers.Dropout(dropout)(values)
    return keras.Model(maps, values, name="byols")


def _keras_block(keras: Any, values: Any, block: ConvolutionBlock, name: str) -> Any:
    convolution = keras.layers.Conv2D(CHANNELS, 3, padding="same", name=f"{name}_convolution")
    norm = keras.layers.BatchNormalization(epsilon=NORM_EPSILON, name=f"{name}_norm")
    values = keras.layers.ReLU()(norm(convolution(values)))
    # From [output, input, mel, time] to [time, mel, input, output].
    convolution.set_weights([block.kernel.transpose(3, 2, 1, 0), block.bias])
    norm.set_weights([block.gamma, block.beta, block.mean, block.variance])
    return keras.layers.MaxPooling2D(POOLING)(values)


def download_byols(
    path: Path, option: str, url: str = URL, size: int = SIZE, sha256: str = SHA256
) -> None:
    """Download the weights to ``path``, unless they are there.

    Args:
        path: of the file; its folder is created where it is missing.
        option: what another path is given with, such as ``--byols``.
        url: of the file.
        size: of the file in bytes.
        sha256: its checksum, in hexadecimal.

    Raises:
        ModelError: a file that is there already is another one.
        DownloadError: the network fails, or the file differs from the published one.
        OutputError: the folder cannot be written, for instance because the disk is full.
    """
    if path.is_file():
        _check_hash(path, path.read_bytes(), sha256)
        return
    content = _fetch(url, size)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise _failed(url, f"what it sends has the SHA-256 {found}, not the published one")
    write_bytes(path, content, option)


def _fetch(url: str, size: int) -> bytes:
    """Return a file of this many bytes; more than one too many are not read."""
    try:
        request = Request(url, headers={"User-Agent": USER_AGENT})
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            content: bytes = response.read(size + 1)
    except HTTPError as error:
        error.close()
        raise _failed(url, f"it answers {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise _failed(url, str(reason) or type(reason).__name__) from error
    if len(content) != size:
        amount = f"{len(content)}" if len(content) < size else f"more than {size}"
        raise _failed(url, f"it sends {amount} bytes instead of {size}")
    return content


def _failed(url: str, reason: str) -> DownloadError:
    return DownloadError(
        f"cannot download {FILE_NAME} from {urlsplit(url).hostname} ({reason})",
        f"run this again, or put the file from {PAGE} there",
    )
