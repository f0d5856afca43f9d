"""Statistics of a model folder: whatever the file holds, one line refuses what cannot be used."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_folders import copied_model, refused, rewrite

from realtime_ser.emotion.manifest import STATISTICS_FILE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied_model(tmp_path)


def replace_statistics(folder: Path, content: bytes) -> None:
    """Put other content in the statistics' place, and its hash into the manifest."""
    (folder / STATISTICS_FILE).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    rewrite(folder, lambda values: values["files"].update({STATISTICS_FILE: digest}))


def as_npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def changed(statistics: Any, row: int, value: float) -> Any:
    copy = statistics.copy()
    copy[row, 5] = value
    return copy


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda array: b"", "not a NumPy array", id="empty"),
        pytest.param(lambda array: b"no array at all", "not a NumPy array", id="text"),
        pytest.param(lambda array: as_npy(array)[:40], "not a NumPy array", id="half a header"),
        pytest.param(lambda array: as_npy(array)[:-1], "bytes of values", id="truncated"),
        pytest.param(lambda array: as_npy(array) + b"\0", "bytes of values", id="too long"),
        pytest.param(lambda array: as_npy(array[:, 1:]), "it has shape", id="a channel short"),
        pytest.param(lambda array: as_npy(array[:1]), "it has shape", id="no deviations"),
        pytest.param(lambda array: as_npy(array.astype(float)), "array of float32", id="float64"),
        pytest.param(lambda array: as_npy(np.asfortranarray(array)), "C order", id="Fortran"),
        pytest.param(lambda array: as_npy({"a": 1}), "array of float32", id="pickle"),
        pytest.param(
            lambda array: as_npy(changed(array, 0, np.nan)), "not finite", id="a NaN mean"
        ),
        pytest.param(lambda array: as_npy(changed(array, 1, np.inf)), "not finite", id="infinite"),
        pytest.param(lambda array: as_npy(changed(array, 1, 0.0)), "above 0", id="deviation 0"),
        pytest.param(lambda array: as_npy(changed(array, 1, -1.0)), "above 0", id="negative"),
        pytest.param(
            lambda array: as_npy(array).replace(b"(2, ", b"(2000000000000, "),
            "not a NumPy array|has shape|bytes of values",
            id="a header that asks for terabytes",
        ),
        pytest.param(
            lambda array: as_npy(array).replace(b"'shape'", b"'shap" + b"(" * 2 + b"'"),
            "not a NumPy array",
            id="a header that is no dictionary",
        ),
    ],
)
def test_hostile_statistics_with_a_matching_hash(
    folder: Path, spoil: Callable[[Any], bytes], words: str
) -> None:
    replace_statistics(folder, spoil(np.load(folder / STATISTICS_FILE)))
    refused(folder, words)


def test_statistics_that_differ_from_their_hash_are_refused(folder: Path) -> None:
    content = bytearray((folder / STATISTICS_FILE).read_bytes())
    content[-1] ^= 1
    (folder / STATISTICS_FILE).write_bytes(content)
    refused(folder, "SHA-256 mismatch")


def test_missing_statistics(folder: Path) -> None:
    (folder / STATISTICS_FILE).unlink()
    refused(folder, "cannot be read")
