"""Sound files: what is in them arrives, and what is wrong with them is said in one line."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.capture.file_source import FileSource
from realtime_ser.errors import AudioInputError

NOISE = np.random.default_rng(3).integers(-3000, 3000, (30_001, 2), dtype=np.int16)
RATE = 22_050
WAV_HEADER = 44


def write(path: Path, samples: np.ndarray = NOISE, subtype: str | None = None) -> Path:
    soundfile.write(path, samples, RATE, subtype=subtype)
    return path


def read_all(path: Path) -> tuple[np.ndarray, AudioInputError | None]:
    """Return all samples and what ended them before their time."""
    source = FileSource(path)
    blocks: list[np.ndarray] = []
    error = None
    try:
        while (block := source.read()) is not None:
            assert 0 < len(block) <= source.rate // 10
            blocks.append(block)
    except AudioInputError as damage:
        error = damage
    source.close()
    source.close()
    assert source.read() is None
    return np.concatenate(blocks), error


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff"])
def test_16_bit_files_arrive_bit_for_bit(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    source = FileSource(path)
    samples, error = read_all(path)

    assert (source.name, source.rate, source.channels) == (name, RATE, 2)
    assert (source.live, source.overflows, source.duration) == (False, 0, 30_001 / RATE)
    assert error is None
    assert samples.dtype == np.int16
    np.testing.assert_array_equal(samples, NOISE)


@pytest.mark.parametrize(
    ("name", "subtype"),
    [("a.wav", "PCM_24"), ("a.wav", "FLOAT"), ("a.flac", "PCM_24"), ("a.ogg", "VORBIS")],
)
def test_other_files_arrive_as_float(tmp_path: Path, name: str, subtype: str) -> None:
    tone = 0.5 * np.sin(np.arange(30_001) / 10)[:, np.newaxis]
    samples, error = read_all(write(tmp_path / name, tone, subtype))

    assert error is None
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, tone, atol=0.02 if subtype == "VORBIS" else 1e-6)


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", b"\x00\xf0\xff\x7f"])
def test_a_wav_file_of_unknown_length_is_whole(tmp_path: Path, size: bytes) -> None:
    path = write(tmp_path / "piped.wav")
    content = bytearray(path.read_bytes())
    content[4:8] = content[WAV_HEADER - 4 : WAV_HEADER] = size
    path.write_bytes(content)

    samples, error = read_all(path)

    assert error is None
    np.testing.assert_array_equal(samples, NOISE)


def test_a_flac_file_of_unknown_length_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "piped.flac")
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the 36 bits of STREAMINFO that count the samples
    content[22:26] = bytes(4)
    path.write_bytes(content)

    samples, error = read_all(path)

    assert (error, FileSource(path).duration) == (None, None)
    np.testing.assert_array_equal(samples, NOISE)


def test_a_named_pipe_can_be_read(tmp_path: Path) -> None:
    content = write(tmp_path / "a.wav").read_bytes()
    reading_end, writing_end = os.pipe()
    os.write(writing_end, content[: WAV_HEADER + 40_000])
    os.close(writing_end)
    samples, error = read_all(Path(f"/dev/fd/{reading_end}"))
    os.close(reading_end)

    np.testing.assert_array_equal(samples, NOISE[:10_000])
    assert "cut off after 0.45 s (0.91 s are missing)" in str(error)


@pytest.mark.parametrize("name", ["a.wav", "a.aiff"])
@pytest.mark.parametrize("missing", [400, 4_001, 60_000])
def test_a_truncated_file_gives_its_audio_and_then_an_error(
    tmp_path: Path, name: str, missing: int
) -> None:
    path = write(tmp_path / name)
    path.write_bytes(path.read_bytes()[:-missing])

    samples, error = read_all(path)

    np.testing.assert_array_equal(samples, NOISE[: 30_001 - -(-missing // 4)])
    assert "is damaged or cut off after" in str(error)
    lost = missing / (4 * RATE)
    assert f"({lost:.2f} s are missing): get or convert the file again" in str(error)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg"])
def test_a_file_damaged_in_the_middle_gives_the_audio_before_that(
    tmp_path: Path, name: str
) -> None:
    path = write(tmp_path / name)
    whole, _ = read_all(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2000] = b"\x55" * 2000
    path.write_bytes(content)

    samples, error = read_all(path)

    assert "is damaged or cut off after" in str(error)
    assert 0 < len(samples) < len(whole)


@pytest.mark.parametrize("name", ["a.wav", "a.aiff"])
@pytest.mark.parametrize("missing", [1, 44])
def test_a_few_bytes_too_few_are_no_damage(tmp_path: Path, name: str, missing: int) -> None:
    path = write(tmp_path / name)
    path.write_bytes(path.read_bytes()[:-missing])

    samples, error = read_all(path)

    assert error is None
    np.testing.assert_array_equal(samples, NOISE[: 30_001 - -(-missing // 4)])


def test_a_cut_flac_file_is_damaged(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac")
    path.write_bytes(path.read_bytes()[:-40_000])

    assert "is damaged or cut off after" in str(read_all(path)[1])


def refusal(path: Path) -> str:
    with pytest.raises(AudioInputError) as caught:
        FileSource(path)
    return str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    assert "no.wav cannot be opened (No such file or directory)" in refusal(tmp_path / "no.wav")


def test_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()

    assert "empty.wav is empty" in refusal(tmp_path / "empty.wav")


@pytest.mark.parametrize("name", ["zero.wav", "zero.ogg"])
def test_a_file_of_no_length(tmp_path: Path, name: str) -> None:
    assert f"{name} holds no audio" in refusal(write(tmp_path / name, NOISE[:0] / 32768))


def test_a_file_that_is_no_audio(tmp_path: Path) -> None:
    path = tmp_path / "letter.wav"
    path.write_text("Dear Sir or Madam, " * 100)

    assert "is not audio that can be read (it holds text)" in refusal(path)


def test_a_damaged_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes()[:20])

    assert "is not audio that can be read (" in refusal(path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"\0\0\0\x20ftypM4A " + bytes(90), "M4A or MP4"), (b"\x1a\x45\xdf\xa3" * 30, "WebM")],
)
def test_a_file_that_no_library_here_decodes_is_named(
    tmp_path: Path, content: bytes, kind: str
) -> None:
    (tmp_path / "a.wav").write_bytes(content)

    assert f"(it holds {kind}" in refusal(tmp_path / "a.wav")
    assert "ffmpeg -i" in refusal(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"caf\xe9.wav", "caf\\xe9.wav"), (b"two\nlines\x1b[31m.wav", "two\\nlines\\x1b[31m.wav")],
)
def test_a_file_is_opened_by_its_bytes_and_shown_on_one_line(
    tmp_path: Path, name: bytes, shown: str
) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    assert f"{shown} cannot be opened" in refusal(path)
    path.write_bytes(write(tmp_path / "a.wav").read_bytes())

    for opened in (path, os.fsencode(path)):
        source = FileSource(opened)
        assert source.name == shown
        source.close()


def test_raw_samples(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(1000))

    assert "does not say its rate and format: pipe" in refusal(tmp_path / "a.raw")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    path.chmod(0)

    assert "may not be read: change its permissions" in refusal(path)
