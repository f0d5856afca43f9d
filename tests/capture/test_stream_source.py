"""Standard input: sound files are decoded as they come, raw samples pass, the rest is named."""

import io
import logging
import os
import threading
from typing import BinaryIO, cast

import numpy as np
import pytest
from containers import BYTES, CODED, COUNTED, NOISE, RATE, counted, encoded

from realtime_ser.capture.file_source import DecodedSource
from realtime_ser.capture.sources import Source
from realtime_ser.capture.stream_source import RawSource, open_stream
from realtime_ser.errors import AudioInputError


class Pipe(io.RawIOBase):
    """Delivers so many bytes a read, and counts them."""

    def __init__(self, content: bytes, step: int) -> None:
        self._content = io.BytesIO(content)
        self._step = step
        self.delivered = 0

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        raise io.UnsupportedOperation

    def readinto(self, target: bytearray) -> int:  # type: ignore[override]
        content = self._content.read(min(self._step, len(target)))
        target[: len(content)] = content
        self.delivered += len(content)
        return len(content)


def piped(content: bytes, step: int = 4_096) -> BinaryIO:
    return cast(BinaryIO, Pipe(content, step))


def samples_of(source: Source) -> np.ndarray:
    heard = []
    while (block := source.read()) is not None:
        heard.append((block * (1 if block.dtype == np.int16 else 32768)).mean(axis=1))
    return np.concatenate(heard)


@pytest.mark.parametrize("step", [1, 2, 4_096])
@pytest.mark.parametrize("kind", COUNTED)
def test_uncompressed_files_are_decoded_however_they_are_delivered(kind: str, step: int) -> None:
    source = open_stream(piped(counted(kind).content, step))

    assert (source.rate, source.channels) == (RATE, 1)
    np.testing.assert_array_equal(samples_of(source), NOISE)


@pytest.mark.parametrize("step", [2, 1_000])
@pytest.mark.parametrize(("kind", "subtype"), CODED)
def test_coded_files_are_decoded_however_they_are_delivered(
    kind: str, subtype: str, step: int
) -> None:
    assert len(samples_of(open_stream(piped(encoded(kind, subtype), step)))) >= len(NOISE)


@pytest.mark.parametrize(("kind", "subtype"), [*CODED, *((kind, "PCM_16") for kind in COUNTED)])
def test_decoding_begins_before_the_stream_has_ended(kind: str, subtype: str) -> None:
    content = encoded(kind, subtype, np.tile(NOISE, 40))
    stream = Pipe(content, 2_048)
    source = open_stream(cast(BinaryIO, stream))
    block = source.read()

    assert block is not None
    assert stream.delivered < len(content) / 2


@pytest.mark.parametrize(
    "content", [encoded("WAV", "IMA_ADPCM"), encoded("VOC")], ids=["ADPCM", "VOC"]
)
def test_formats_that_need_seeking_are_stored_first_with_a_message(
    content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "realtime_ser"):
        heard = samples_of(open_stream(piped(content)))

    assert len(heard) >= len(NOISE)
    assert caplog.messages == ["standard input is stored first: it cannot be decoded as it comes"]


def test_files_in_a_row_are_all_decoded() -> None:
    content = counted("WAV").content + encoded("FLAC") + counted("CAF").content

    np.testing.assert_array_equal(samples_of(open_stream(piped(content))), np.tile(NOISE, 3))


BEGINNINGS = {
    "M4A": b"\0\0\0\x20ftypM4A \0\0\0\0",
    "WebM": b"\x1a\x45\xdf\xa3\x9fB\x86\x81",
    "WMA": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "AMR": b"#!AMR\n",
    "RIFF": b"RIFF\0\0\0\0AVI LIST",
    "gzip": b"\x1f\x8b\x08\0",
    "ZIP": b"PK\x03\x04",
    "MPEG transport stream": (b"G" + bytes(187)) * 3,
    "AAC": 4 * (b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)),
    "text": b"<!DOCTYPE html><html><head><title>404 Not Found</title></head><body>",
}


@pytest.mark.parametrize("kind", BEGINNINGS)
@pytest.mark.parametrize("step", [2, 4_096])
def test_formats_that_cannot_be_decoded_are_named(kind: str, step: int) -> None:
    with pytest.raises(AudioInputError, match=f"standard input holds .*{kind}.*ffmpeg -i"):
        open_stream(piped(BEGINNINGS[kind] + bytes(9_000), step))


@pytest.mark.parametrize(
    "raw",
    [
        BYTES,
        bytes(4_000),
        b"\xff\xff" * 2_000,
        b"\xfb\xff\xfa\xff" * 1_000,
        b"\xff\xf1" * 2_000,
        BYTES[:20],
    ],
    ids=["noise", "silence", "minus one", "quiet", "like AAC", "short"],
)
@pytest.mark.parametrize("step", [1, 2, 4_096])
def test_raw_samples_stay_raw(raw: bytes, step: int) -> None:
    source = open_stream(piped(raw, step))

    assert isinstance(source, RawSource)
    np.testing.assert_array_equal(samples_of(source), np.frombuffer(raw, "<i2"))


def test_raw_samples_of_a_slow_pipe_are_delivered_as_they_come() -> None:
    reading_end, writing_end = os.pipe()
    with open(reading_end, "rb") as stream, open(writing_end, "wb", buffering=0) as pipe:  # noqa: PTH123
        pipe.write(BYTES[:100])
        source = open_stream(stream)
        np.testing.assert_array_equal(source.read(), NOISE[:50, np.newaxis])


def test_an_empty_stream_is_refused() -> None:
    with pytest.raises(AudioInputError, match="standard input is empty: pipe a sound file or raw"):
        samples_of(open_stream(piped(b"")))


def test_closing_while_another_thread_waits_leaves_the_stream_open() -> None:
    reading_end, writing_end = os.pipe()
    with open(reading_end, "rb") as stream, open(writing_end, "wb", buffering=0) as pipe:  # noqa: PTH123
        pipe.write(counted("WAV").content[:8_000])
        source = open_stream(stream)
        assert isinstance(source, DecodedSource)
        assert source.read() is not None
        reader = threading.Thread(target=lambda: [*iter(lambda: source.read() is None, True)])
        reader.start()
        source.close()
        pipe.write(bytes(40_000))
        reader.join(5)
        assert not reader.is_alive()
        assert source.read() is None
        assert not stream.closed


@pytest.fixture
def interrupted() -> BinaryIO:
    class Interrupted(Pipe):
        def readinto(self, target: bytearray) -> int:  # type: ignore[override]
            if self.delivered > 20_000:
                raise KeyboardInterrupt
            return super().readinto(target)

    return cast(BinaryIO, Interrupted(counted("WAV").content, 1_000))


def test_ctrl_c_passes_through_the_decoder(interrupted: BinaryIO) -> None:
    source = open_stream(interrupted)

    with pytest.raises(KeyboardInterrupt):
        samples_of(source)
