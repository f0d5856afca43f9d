"""The file of a profile: what is written comes back, and anything else is refused."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profile_maker import CHANNELS, MODEL, assert_same, profile

from realtime_ser.emotion.corrections import MOST_CORRECTIONS
from realtime_ser.profiles.file_format import LARGEST_FILE, from_bytes, to_bytes
from realtime_ser.profiles.profile import new_profile

CONTENT = to_bytes(profile(), MODEL)


def arrays() -> dict[str, Any]:
    with np.load(io.BytesIO(CONTENT)) as stored:
        return dict(stored)


def rewritten(**changes: Any) -> bytes:
    """Return the file with other arrays; ``None`` leaves one out."""
    values = arrays() | changes
    file = io.BytesIO()
    np.savez(file, **{name: value for name, value in values.items() if value is not None})
    return file.getvalue()


@pytest.mark.parametrize("corrections", [0, 1, MOST_CORRECTIONS])
def test_a_profile_comes_back_unchanged(corrections: int) -> None:
    stored = profile(3, corrections)
    back = from_bytes(to_bytes(stored, MODEL), MODEL)
    assert_same(back, stored)
    assert (back.generation, back.revision) == (stored.generation, stored.revision)


def test_a_new_profile_comes_back() -> None:
    stored = new_profile(CHANNELS)
    assert_same(from_bytes(to_bytes(stored, MODEL)), stored)


def test_a_file_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="another model"):
        from_bytes(CONTENT, "cd" * 32)


class Exploit:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return pytest.fail, ("a pickle was executed",)


def bomb() -> bytes:
    """A few kilobytes that unpack to a gigabyte."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in arrays():
            archive.writestr(f"{name}.npy", b"\0" * (1 << 24))
    return file.getvalue()


def with_header(name: str, header: str) -> bytes:
    """The file with a made-up header in front of one array."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(CONTENT)) as original,
        zipfile.ZipFile(file, "w") as archive,
    ):
        for entry in original.namelist():
            content = original.read(entry)
            if entry == f"{name}.npy":
                text = header.encode().ljust(117) + b"\n"
                content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"\0" * 64
            archive.writestr(entry, content)
    return file.getvalue()


def compressed() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays())
    return file.getvalue()


HOSTILE: dict[str, bytes | Callable[[], bytes]] = {
    "empty": b"",
    "text": b"ada",
    "pickle": pickle.dumps(Exploit()),
    "no archive": b"PK\x05\x06" + b"\0" * 18,
    "cut short": CONTENT[: len(CONTENT) // 2],
    "without its last byte": CONTENT[:-1],
    "too large": CONTENT + b"\0" * LARGEST_FILE,
    "bomb": bomb,
    "compressed": compressed,
    "an array too few": rewritten(mean=None),
    "an array too many": rewritten(more=np.zeros(3)),
    "pickled array": rewritten(mean=np.array([Exploit()], object)),
    "another format": rewritten(format=np.int64(2)),
    "float32 mean": rewritten(mean=np.zeros(CHANNELS, np.float32)),
    "big-endian mean": rewritten(mean=np.zeros(CHANNELS, ">f8")),
    "one channel more": rewritten(mean=np.zeros(CHANNELS + 1)),
    "no channels": rewritten(
        mean=np.zeros(0), variance=np.zeros(0), pooled=np.zeros((2, 0), np.float32)
    ),
    "matrix for mean": rewritten(mean=np.zeros((CHANNELS, 1))),
    "Fortran order": rewritten(pooled=np.asfortranarray(arrays()["pooled"])),
    "NaN": rewritten(mean=np.full(CHANNELS, np.nan)),
    "infinity": rewritten(variance=np.full(CHANNELS, np.inf)),
    "huge numbers": rewritten(mean=np.full(CHANNELS, 1e300)),
    "NaN count": rewritten(count=np.float64(np.nan)),
    "negative count": rewritten(count=np.float64(-1)),
    "negative variance": rewritten(variance=np.full(CHANNELS, -1.0)),
    "negative seconds": rewritten(seconds=np.float64(-1)),
    "short hash": rewritten(model=np.zeros(31, np.uint8)),
    "timbre of another size": rewritten(timbre=np.zeros((3, 3))),
    "timbre that is not symmetric": rewritten(timbre=np.triu(np.ones((21, 21)))),
    "timbre of negative power": rewritten(timbre=-np.eye(21)),
    "unknown label": rewritten(labels=np.array([8, 0], np.uint8)),
    "a label too many": rewritten(labels=np.array([0, 0, 0], np.uint8)),
    "corrections of other channels": rewritten(pooled=np.zeros((2, 3), np.float32)),
    "probabilities above 1": rewritten(probabilities=np.ones((2, 8), np.float32)),
    "probabilities of nine labels": rewritten(probabilities=np.full((2, 9), 1 / 9, np.float32)),
    "too many corrections": rewritten(
        labels=np.zeros(65, np.uint8),
        pooled=np.zeros((65, CHANNELS), np.float32),
        probabilities=np.full((65, 8), 1 / 8, np.float32),
    ),
    "header of a terabyte": with_header(
        "mean", "{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }"
    ),
    "header of negative length": with_header(
        "mean", "{'descr': '<f8', 'fortran_order': False, 'shape': (-6,), }"
    ),
    "header that is code": with_header("mean", "__import__('os').abort()"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused(content: bytes | Callable[[], bytes]) -> None:
    hostile = content() if callable(content) else content
    with pytest.raises(ValueError, match=r".") as caught:
        from_bytes(hostile, MODEL)
    assert "\n" not in str(caught.value)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_change_of_a_file_causes_anything_but_a_value_error(data: st.DataObject) -> None:
    changed = bytearray(CONTENT)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(changed) - 1))
        changed[position] = data.draw(st.integers(0, 255))
    try:
        back = from_bytes(bytes(changed), MODEL)
    except ValueError:
        return
    assert np.isfinite(back.statistics.mean).all()
    assert np.isfinite(back.timbre).all()


@given(st.binary(max_size=300))
def test_no_bytes_cause_anything_but_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_bytes(content)
