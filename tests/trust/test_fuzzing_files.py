"""Sound files and streams damaged at random: one clear line, never a traceback.

Quick by default; the slow tests go on for REALTIME_SER_FUZZ_SECONDS (20) a property.
"""

import io
import logging
import logging.handlers
import struct
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest
import soundfile
from containers import CODED, COUNTED, NOISE, counted, encoded
from fuzzing import QUICK, damaged, for_a_while, one_line
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_ser.capture.file_source import FileSource
from realtime_ser.capture.payload import NEGLIGIBLE_BYTES
from realtime_ser.capture.resampler import Resampler
from realtime_ser.capture.stream_source import open_stream
from realtime_ser.errors import AudioInputError

FORMATS = [
    *(("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "IMA_ADPCM")),
    *(("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("AIFF", "PCM_16")),
    *(("AU", "PCM_16"), ("CAF", "PCM_16"), ("RF64", "PCM_16"), ("MP3", "MPEG_LAYER_III")),
]
TONE = 0.5 * np.sin(np.arange(4000) / 10)


@pytest.fixture(scope="module")
def sound_files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A short sound in many formats."""
    folder, contents = tmp_path_factory.mktemp("sounds"), []
    for kind, subtype in FORMATS:
        path = folder / f"{kind}-{subtype}"
        soundfile.write(path, TONE, 16_000, subtype, format=kind)
        contents.append(path.read_bytes())
    return contents


def files_from(contents: list[bytes]) -> st.SearchStrategy[bytes]:
    beginnings = st.sampled_from(contents).map(lambda content: content[:16])
    made_up = st.builds(lambda beginning, rest: beginning + rest, beginnings, st.binary())
    return damaged(st.sampled_from(contents)) | made_up | st.binary(min_size=1)


def check_file(folder: Path, content: bytes) -> None:
    path = folder / "sound"
    path.write_bytes(content)
    try:
        source = FileSource(path)
        try:
            resampler = Resampler(source.rate, source.channels)
            while (block := source.read()) is not None:
                assert 0 < len(block) <= source.rate // 10
                assert resampler.process(block).dtype == np.int16
            resampler.flush()
        finally:
            source.close()
    except AudioInputError as error:
        one_line(error)


@QUICK
@given(data=st.data())
def test_any_file_is_read_or_refused_in_one_line(
    tmp_path: Path, sound_files: list[bytes], data: st.DataObject
) -> None:
    check_file(tmp_path, data.draw(files_from(sound_files)))


@pytest.mark.slow
def test_files_for_a_while(tmp_path: Path, sound_files: list[bytes]) -> None:
    for_a_while(files_from(sound_files), lambda content: check_file(tmp_path, content))


# Sound files whose headers lie.

LYING = {kind: counted(kind) for kind in COUNTED}


@st.composite
def lying_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """Uncompressed audio with any counts, cut anywhere, alone or with the whole file after it."""
    kind = draw(st.sampled_from(COUNTED))
    file = LYING[kind]
    content = bytearray(file.content)
    for place, form in draw(st.lists(st.sampled_from(file.counts), max_size=2)):
        size = struct.calcsize(form)
        true = struct.unpack_from(form, content, place)[0]
        near = st.integers(max(0, true - 200), true + 200)
        odd = st.sampled_from([0, 36, 4_088, 0x7F00_0008, 0x7FFF_FFFF, 0xFFFF_FFFF])
        count = draw(near | odd | st.integers(0, 256**size - 1))
        struct.pack_into(form, content, place, min(count, 256**size - 1))
    length = draw(st.integers(file.start, len(content)) | st.just(len(content)))
    joined = file.content if draw(st.booleans()) and length == len(content) else b""
    return kind, bytes(content[:length]) + joined


def check_lying(folder: Path, kind: str, content: bytes) -> None:
    """No audio that is there may be lost without a word, and no sample may change."""
    (folder / "sound").write_bytes(content)
    there = (min(len(content), len(LYING[kind].content)) - LYING[kind].start) // 2
    words: list[str] = []
    handler = logging.handlers.MemoryHandler(1_000, logging.CRITICAL + 1)
    log = logging.getLogger("realtime_ser")
    log.addHandler(handler)
    heard = [np.empty((0, 1), np.int16)]
    try:
        source = FileSource(folder / "sound")
        try:
            while (block := source.read()) is not None:
                heard.append(block.astype(np.int16))
        finally:
            source.close()
    except AudioInputError as error:
        one_line(error)
        words.append(str(error))
    finally:
        log.removeHandler(handler)
    words += [record.getMessage() for record in handler.buffer]
    samples = np.concatenate(heard)[:, 0]
    least = min(there, len(NOISE)) - NEGLIGIBLE_BYTES
    np.testing.assert_array_equal(
        samples[: min(len(samples), there)], NOISE[:there][: len(samples)]
    )
    assert len(samples) >= least or words, f"{kind}: {len(samples)} of {there} samples"


@settings(QUICK, max_examples=400)
@given(file=lying_files())
def test_no_audio_is_lost_to_a_lying_header(tmp_path: Path, file: tuple[str, bytes]) -> None:
    check_lying(tmp_path, *file)


@pytest.mark.slow
def test_lying_headers_for_a_while(tmp_path: Path) -> None:
    for_a_while(lying_files(), lambda file: check_lying(tmp_path, *file))


CODED_FILES = {coded: encoded(*coded, np.tile(NOISE, 3)) for coded in CODED}


@QUICK
@given(coded=st.sampled_from(CODED), share=st.floats(0.2, 1))
def test_a_cut_coded_file_says_what_it_lost(
    tmp_path: Path, coded: tuple[str, str], share: float
) -> None:
    content = CODED_FILES[coded]
    (tmp_path / "sound").write_bytes(content[: int(share * len(content))])
    heard, damage = 0, False
    try:
        source = FileSource(tmp_path / "sound")
        try:
            while (block := source.read()) is not None:
                heard += len(block)
        finally:
            source.close()
    except AudioInputError as error:
        one_line(error)
        damage = True

    assert damage or heard >= 3 * len(NOISE) - 2_000


def check_stream(content: bytes, step: int) -> None:
    stream = cast(BinaryIO, Dribble(content, step))
    try:
        source = open_stream(stream)
        try:
            while (block := source.read()) is not None:
                assert 0 < len(block) <= source.rate // 10
        finally:
            source.close()
    except AudioInputError as error:
        one_line(error)


@QUICK
@given(data=st.data(), step=st.sampled_from([1, 2, 100, 5_000]))
def test_any_stream_is_read_or_refused_in_one_line(
    sound_files: list[bytes], data: st.DataObject, step: int
) -> None:
    check_stream(data.draw(files_from(sound_files)), step)


class Dribble(io.RawIOBase):
    """Delivers so many bytes a read."""

    def __init__(self, content: bytes, step: int) -> None:
        self._content = io.BytesIO(content)
        self._step = step

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray) -> int:  # type: ignore[override]
        content = self._content.read(min(self._step, len(target)))
        target[: len(content)] = content
        return len(content)
