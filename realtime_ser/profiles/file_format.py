"""The file of a profile: a NumPy ``.npz`` of plain numbers, without pickle and compression.

| array | type, shape | meaning |
|---|---|---|
| ``format`` | int64 | version of this format |
| ``model`` | uint8 ``[32]`` | SHA-256 of the model's network |
| ``generation``, ``revision``, ``seconds`` | int64, int64, float64 | see ``Profile`` |
| ``count`` | float64 | positions heard, weighted by their age |
| ``mean``, ``variance`` | float64 ``[channels]`` | of the voice's embeddings |
| ``timbre`` | float64 ``[21, 21]`` | moments of its cepstra, see ``emotion.timbre`` |
| ``labels`` | uint8 ``[n]`` | of the corrections: indices into ``LABELS`` |
| ``pooled`` | float32 ``[n, channels]`` | the corrected utterances' mean embeddings |
| ``probabilities`` | float32 ``[n, 8]`` | what the network gave them |
"""

import io
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.corrections import MOST_CORRECTIONS, Correction
from realtime_ser.emotion.timbre import is_possible, no_timbre
from realtime_ser.emotion.voice import VoiceStatistics
from realtime_ser.events import LABELS
from realtime_ser.npy import parse_npy
from realtime_ser.profiles.profile import Profile

FORMAT = 1

LARGEST_FILE = 8 << 20
"""Bytes of a file that is read: 64 corrections of 1408 channels take 0.4 MB."""

LARGEST_VALUE = 1e9
"""No number in a profile is larger: sums of squares must stay finite."""

_ARRAYS = {
    "format": ("<i8", 0),
    "model": ("|u1", 1),
    "generation": ("<i8", 0),
    "revision": ("<i8", 0),
    "seconds": ("<f8", 0),
    "count": ("<f8", 0),
    "mean": ("<f8", 1),
    "variance": ("<f8", 1),
    "timbre": ("<f8", 2),
    "labels": ("|u1", 1),
    "pooled": ("<f4", 2),
    "probabilities": ("<f4", 2),
}
"""Type and number of dimensions of every array."""


def to_bytes(profile: Profile, model: str) -> bytes:
    """Return the content of a profile's file.

    Args:
        profile: what to store.
        model: SHA-256 of the network, 64 hexadecimal digits.
    """
    statistics, corrections = profile.statistics, profile.corrections
    values: dict[str, Any] = {
        "format": FORMAT,
        "model": list(bytes.fromhex(model)),
        "generation": profile.generation,
        "revision": profile.revision,
        "seconds": profile.seconds,
        "count": statistics.count,
        "mean": statistics.mean,
        "variance": statistics.variance,
        "timbre": profile.timbre,
        "labels": [LABELS.index(correction.label) for correction in corrections],
        "pooled": [correction.pooled for correction in corrections],
        "probabilities": [correction.probabilities for correction in corrections],
    }
    widths = {"pooled": statistics.channels, "probabilities": len(LABELS)}
    file = io.BytesIO()
    np.savez(
        file,
        allow_pickle=False,
        **{
            name: np.array(values[name], dtype).reshape(
                (-1, widths[name]) if name in widths else np.shape(values[name])
            )
            for name, (dtype, _) in _ARRAYS.items()
        },
    )
    return file.getvalue()


def from_bytes(content: bytes, model: str | None = None) -> Profile:
    """Return the profile in a file, after every value was verified.

    Args:
        content: the whole file, ``LARGEST_FILE`` bytes at most.
        model: SHA-256 of the network that it must be of; ``None`` takes any.

    Raises:
        ValueError: the file is damaged, or of another format or model.
    """
    members = _members(content)
    arrays: dict[str, NDArray[Any]] = {}
    for name, (dtype, dimensions) in _ARRAYS.items():
        try:
            arrays[name] = parse_npy(members[name], dtype, dimensions)
        except ValueError as error:
            raise ValueError(f"its {name}: {error}") from error
        if name == "format" and int(arrays[name]) != FORMAT:
            raise ValueError(f"its format is {int(arrays[name])}, not {FORMAT}")
    if model is not None and arrays["model"].tobytes() != bytes.fromhex(model):
        raise ValueError("it was made with another model")
    return _profile(arrays)


def _members(content: bytes) -> dict[str, bytes]:
    """Return the content of every array in the archive, none of them larger than the archive."""
    if len(content) > LARGEST_FILE:
        raise ValueError(f"it is larger than {LARGEST_FILE} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if sorted(entry.filename for entry in entries) != sorted(f"{n}.npy" for n in _ARRAYS):
                raise ValueError("it does not have the arrays of a profile")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise ValueError("it is compressed")
            if sum(entry.file_size for entry in entries) > len(content):
                raise ValueError("its sizes are wrong")
            return {name: archive.read(f"{name}.npy") for name in _ARRAYS}
    except ValueError:
        raise
    except Exception as error:  # ZipFile raises whatever its parser does
        raise ValueError("it is not an archive of arrays") from error


def _profile(arrays: dict[str, NDArray[Any]]) -> Profile:
    """Return the profile; ``VoiceStatistics`` and ``Correction`` verify their own values."""
    labels, pooled, probabilities = (arrays[key] for key in ("labels", "pooled", "probabilities"))
    statistics = VoiceStatistics(float(arrays["count"]), arrays["mean"], arrays["variance"])
    if len(arrays["model"]) != 32 or not statistics.channels:
        raise ValueError("its arrays have wrong shapes")
    if arrays["timbre"].shape != no_timbre().shape or not is_possible(arrays["timbre"]):
        raise ValueError("its timbre is impossible")
    if pooled.shape != (len(labels), statistics.channels) or len(probabilities) != len(labels):
        raise ValueError("its corrections have wrong shapes")
    if len(labels) > MOST_CORRECTIONS or (labels >= len(LABELS)).any():
        raise ValueError("its corrections are impossible")
    if min(arrays["generation"], arrays["revision"], arrays["seconds"]) < 0:
        raise ValueError("it has a number below 0")
    numbers = (array for array in arrays.values() if array.dtype.kind == "f" and array.size)
    if any(np.abs(array).max() > LARGEST_VALUE for array in numbers):
        raise ValueError("it has impossibly large numbers")
    corrections = zip(labels, pooled, probabilities, strict=True)
    return Profile(
        statistics,
        arrays["timbre"],
        tuple(Correction(LABELS[label], mean, shares) for label, mean, shares in corrections),
        float(arrays["seconds"]),
        int(arrays["generation"]),
        int(arrays["revision"]),
    )
