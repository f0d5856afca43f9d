"""What is there is read, whatever a header says; what is missing is named, and nothing else."""

import logging
from pathlib import Path

import numpy as np
import pytest
from containers import CODED, COUNTED, NOISE, RATE, counted, encoded

from realtime_ser.capture.file_source import FileSource
from realtime_ser.errors import DamagedAudioError

SECOND = len(NOISE) / RATE


def read(path: Path) -> tuple[np.ndarray, str]:
    """Return all samples as whole numbers, and the damage that was named."""
    source, blocks, damage = FileSource(path), [np.empty(0)], ""
    try:
        while (block := source.read()) is not None:
            blocks.append((block * (1 if block.dtype == np.int16 else 32768)).mean(axis=1))
    except DamagedAudioError as error:
        damage = str(error)
    source.close()
    return np.concatenate(blocks), damage


def seconds(path: Path) -> float:
    samples, damage = read(path)
    assert damage == ""
    return len(samples) / RATE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sound"


@pytest.mark.parametrize("kind", COUNTED)
@pytest.mark.parametrize("count", [0, -1, 0x7F00_0008, 0x7FFF_F000])
def test_a_recorder_that_was_killed_leaves_its_audio(kind: str, count: int, path: Path) -> None:
    file = counted(kind)
    unknown = count
    if kind in ("RF64", "W64", "CAF") and count > 0:
        unknown = count << 32
    path.write_bytes(file.with_count(unknown))

    samples, damage = read(path)

    assert damage == ""
    np.testing.assert_array_equal(samples[: len(NOISE)], NOISE)


@pytest.mark.parametrize("outer", [0, 36, 4_088, 0xFFFF_FFFF])
def test_a_placeholder_for_the_whole_file_is_no_length(outer: int, path: Path) -> None:
    file = counted("WAV")
    content = bytearray(file.with_count(outer, 0))
    content[file.start - 4 : file.start] = bytes(4)
    path.write_bytes(content)

    np.testing.assert_array_equal(read(path)[0], NOISE)


@pytest.mark.parametrize("kind", COUNTED)
def test_samples_behind_an_old_count_are_read_and_the_count_is_named(
    kind: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = counted(kind)
    path.write_bytes(file.with_count(file.count() // 4))

    with caplog.at_level(logging.WARNING, "realtime_ser"):
        samples, damage = read(path)

    np.testing.assert_array_equal(samples[: len(NOISE)], NOISE)
    assert damage == ""
    assert any("all that follows is read" in message for message in caplog.messages)


@pytest.mark.parametrize("kind", COUNTED)
@pytest.mark.parametrize("extra", [1, 8, 44])
def test_a_count_that_is_a_few_bytes_off_is_no_damage(kind: str, extra: int, path: Path) -> None:
    file = counted(kind)
    path.write_bytes(file.with_count(file.count() + extra))

    np.testing.assert_array_equal(read(path)[0], NOISE)
    assert read(path)[1] == ""


@pytest.mark.parametrize("kind", COUNTED)
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_a_truncated_file_reports_the_missing_audio(kind: str, share: float, path: Path) -> None:
    file = counted(kind)
    there = int(share * len(NOISE))
    path.write_bytes(file.content[: file.start + 2 * there])

    samples, damage = read(path)

    np.testing.assert_array_equal(samples, NOISE[:there])
    assert f"after {share * SECOND:.2f} s ({(1 - share) * SECOND:.2f} s are missing)" in damage


@pytest.mark.parametrize(("kind", "subtype"), CODED)
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_cut_coded_file_is_damaged(kind: str, subtype: str, share: float, path: Path) -> None:
    speech_like = np.tile(NOISE, 6)
    content = encoded(kind, subtype, speech_like)
    path.write_bytes(content[: int(share * len(content))])

    samples, damage = read(path)

    assert "damaged or cut off after" in damage
    assert 0 < len(samples) < len(speech_like)


@pytest.mark.parametrize("kind", COUNTED)
def test_joined_uncompressed_files_are_read_to_the_end(kind: str, path: Path) -> None:
    content = counted(kind).content
    path.write_bytes(2 * content)

    samples, damage = read(path)

    np.testing.assert_array_equal(samples[:16_000], NOISE)
    np.testing.assert_array_equal(samples[-16_000:], NOISE)
    assert damage == ""


@pytest.mark.parametrize(("kind", "subtype"), [*CODED, ("WAV", "IMA_ADPCM")])
def test_joined_coded_files_are_read_to_the_end(kind: str, subtype: str, path: Path) -> None:
    content = encoded(kind, subtype)
    path.write_bytes(content)
    one = seconds(path)
    path.write_bytes(3 * content)

    assert seconds(path) == pytest.approx(3 * one, abs=0.1)


def test_joined_files_of_all_kinds_are_read_to_the_end(path: Path) -> None:
    kinds = [counted(kind).content for kind in COUNTED if kind != "AU"]
    kinds += [encoded(kind, subtype) for kind, subtype in CODED]
    path.write_bytes(b"".join(kinds))

    assert seconds(path) == pytest.approx(len(kinds) * SECOND, abs=0.2)


def test_audio_missing_from_the_first_file_is_reported_after_the_second(path: Path) -> None:
    content = encoded("FLAC")
    path.write_bytes(content[: len(content) // 2] + content)

    samples, damage = read(path)

    assert len(samples) > 1.2 * len(NOISE)
    np.testing.assert_array_equal(samples[-16_000:], NOISE)
    assert "s are missing" in damage


@pytest.mark.parametrize("chunk", [b"LIST", b"id3 ", b"bext"])
@pytest.mark.parametrize("kind", ["WAV", "AIFF"])
def test_chunks_after_the_samples_are_skipped(kind: str, chunk: bytes, path: Path) -> None:
    file = counted(kind)
    size = (400).to_bytes(4, "little" if kind == "WAV" else "big")
    path.write_bytes(file.content + chunk + size + 400 * b"x")

    np.testing.assert_array_equal(read(path)[0], NOISE)
    assert read(path)[1] == ""


def test_bytes_that_are_no_audio_are_named(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(encoded("OGG", "VORBIS") + b"LYRICSBEGIN" * 900)

    with caplog.at_level(logging.WARNING, "realtime_ser"):
        samples, _ = read(path)

    assert len(samples) == len(NOISE)
    assert "skipped 9900 bytes that are not audio" in caplog.text
