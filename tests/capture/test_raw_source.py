"""Raw samples from a pipe: they come as they are written, and a broken end is told."""

import io
import os
import pty
import threading

import numpy as np
import pytest

from realtime_ser.capture.stream_source import RawSource
from realtime_ser.errors import AudioInputError

NOISE = np.random.default_rng(5).integers(-32768, 32768, 20_000, dtype=np.int16)
BYTES = NOISE.astype("<i2").tobytes()


def read_until_error(source: RawSource) -> tuple[np.ndarray, AudioInputError]:
    blocks: list[np.ndarray] = []
    with pytest.raises(AudioInputError) as caught:  # noqa: PT012 - reads to the error
        while (block := source.read()) is not None:
            blocks.append(block)
    return np.concatenate([np.empty((0, 1), np.int16), *blocks])[:, 0], caught.value


def test_all_samples_arrive() -> None:
    source = RawSource(io.BytesIO(BYTES))
    blocks: list[np.ndarray] = []
    while (block := source.read()) is not None:
        blocks.append(block)

    assert (source.rate, source.channels, source.live, source.overflows) == (16_000, 1, False, 0)
    assert {block.shape[1:] for block in blocks} == {(1,)}
    assert max(map(len, blocks)) == 1600
    np.testing.assert_array_equal(np.concatenate(blocks)[:, 0], NOISE)


def test_a_slow_pipe_delivers_as_it_comes() -> None:
    reading_end, writing_end = os.pipe()
    with open(reading_end, "rb") as stream, open(writing_end, "wb", buffering=0) as pipe:  # noqa: PTH123
        source = RawSource(stream)
        pipe.write(BYTES[:101])
        np.testing.assert_array_equal(source.read(), NOISE[:50, np.newaxis])
        pipe.write(BYTES[101:200])
        np.testing.assert_array_equal(source.read(), NOISE[50:100, np.newaxis])
        pipe.write(BYTES[200:201])
        threading.Timer(0.05, pipe.write, [BYTES[201:204]]).start()
        np.testing.assert_array_equal(source.read(), NOISE[100:102, np.newaxis])


def test_half_a_sample_at_the_end_is_told_after_the_whole_ones() -> None:
    samples, error = read_until_error(RawSource(io.BytesIO(BYTES[:-1])))

    np.testing.assert_array_equal(samples, NOISE[:-1])
    assert "standard input held an odd number of bytes, 39999: " in str(error)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            b"",
            "standard input is empty: pipe a sound file or raw 16 kHz mono s16le samples into it",
        ),
        (b"\x01", "standard input held an odd number of bytes, 1"),
    ],
)
def test_what_is_no_raw_audio_is_refused(content: bytes, problem: str) -> None:
    samples, error = read_until_error(RawSource(io.BytesIO(content)))

    assert samples.tolist() == []
    assert str(error).startswith(problem)


def test_a_terminal_is_refused() -> None:
    keyboard, terminal = pty.openpty()
    with (
        open(terminal, "rb", buffering=0) as stream,  # noqa: PTH123
        pytest.raises(AudioInputError, match="standard input is a terminal: pipe"),
    ):
        RawSource(stream)
    os.close(keyboard)


def test_closing_ends_it_and_leaves_the_stream_open() -> None:
    stream = io.BytesIO(BYTES)
    source = RawSource(stream)
    source.close()
    source.close()

    assert source.read() is None
    assert not stream.closed
