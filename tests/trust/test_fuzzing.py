"""Manifests and sound files made up and damaged at random: one clear line, never a traceback.

Quick by default; the slow variant goes on for REALTIME_SER_FUZZ_SECONDS (20) a property.
"""

import io
import json
import logging
import logging.handlers
import os
import struct
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
import soundfile
from containers import CODED, COUNTED, NOISE, counted, encoded
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from realtime_ser.capture.file_source import FileSource
from realtime_ser.capture.payload import NEGLIGIBLE_BYTES
from realtime_ser.capture.resampler import Resampler
from realtime_ser.capture.stream_source import open_stream
from realtime_ser.emotion.frontend import Frontend
from realtime_ser.emotion.manifest import MANIFEST_FILE, read_manifest
from realtime_ser.emotion.model import bundled_model_folder
from realtime_ser.errors import AudioInputError, ModelError, RealtimeSerError

LONGEST = timedelta(seconds=5)
"""An example that takes longer hangs."""

QUICK = settings(
    max_examples=150,
    deadline=LONGEST,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def for_a_while(strategy: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
    """Check new examples until the time is over, and shrink the one that fails."""
    ends = time.monotonic() + float(os.environ.get("REALTIME_SER_FUZZ_SECONDS", "20"))
    tried = 0

    def fails(example: Any) -> bool:
        nonlocal tried
        tried += 1
        try:
            check(example)
        except Exception:
            return True
        return False

    while time.monotonic() < ends:
        try:
            example = find(
                strategy,
                fails,
                settings=settings(
                    max_examples=300,
                    deadline=LONGEST,
                    database=None,
                    phases=[Phase.generate, Phase.shrink],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        except NoSuchExample:
            continue
        check(example)
    assert tried > 300


def one_line(error: RealtimeSerError) -> None:
    assert str(error).isprintable()
    assert len(str(error)) < 1000


# Manifests.

MANIFEST = (bundled_model_folder() / MANIFEST_FILE).read_bytes()

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 64, 400, 10**400, 0.5, float("nan"), float("inf"), "mel", "\x1b[2J"])
    | st.floats()
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["name", "bands"]), inner)
    ),
    max_leaves=5,
)


def places(values: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value within values."""
    inner = (
        values.items()
        if isinstance(values, dict)
        else enumerate(values)
        if isinstance(values, list)
        else ()
    )
    found = [place for key, value in inner for place in places(value, (*path, key))]
    return [path, *found] if path else found


PLACES = [
    place for place in places(json.loads(MANIFEST)) if place[0] not in ("metrics", "training")
]


@st.composite
def changed_manifests(draw: st.DrawFn) -> bytes:
    """The bundled manifest, some of its values removed or replaced by anything."""
    values = json.loads(MANIFEST)
    for path in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        holder = values
        try:
            for key in path[:-1]:
                holder = holder[key]
            if draw(st.booleans()):
                holder[path[-1]] = draw(ANYTHING)
            else:
                del holder[path[-1]]
        except (TypeError, LookupError):  # replaced before
            continue
    return json.dumps(values).encode()


def damaged(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Some bytes overwritten, some cut out, the end cut off."""

    def change(content: bytes, edits: list[tuple[float, bytes, int]], length: float) -> bytes:
        for place, new, removed in edits:
            at = int(place * len(content))
            content = content[:at] + new + content[at + removed :]
        return content[: int(length * len(content))]

    # Most of what a header says stands in the first hundred bytes.
    place = st.floats(0, 1) | st.floats(0, 0.003)
    edits = st.lists(
        st.tuples(place, st.binary(max_size=8), st.integers(0, 8)), min_size=1, max_size=6
    )
    return st.builds(change, whole, edits, st.floats(0, 1) | st.just(1.0))


MANIFESTS = changed_manifests() | damaged(st.just(MANIFEST)) | st.binary(max_size=200)


def check_manifest(folder: Path, content: bytes) -> None:
    (folder / MANIFEST_FILE).write_bytes(content)
    try:
        manifest = read_manifest(folder)
    except ModelError as error:
        one_line(error)
        return
    assert np.prod([feature_map.bands for feature_map in manifest.feature_maps], dtype=float) > 0
    noise = np.random.default_rng(1).integers(-9000, 9000, 16_000, dtype=np.int16)
    for frame in Frontend(48, manifest.feature_maps, manifest.level).process(noise):
        assert all(np.isfinite(values).all() for values in frame.maps.values())


@QUICK
@given(content=MANIFESTS)
def test_any_manifest_is_refused_in_one_line_or_can_be_run(tmp_path: Path, content: bytes) -> None:
    check_manifest(tmp_path, content)


@pytest.mark.slow
def test_manifests_for_a_while(tmp_path: Path) -> None:
    for_a_while(MANIFESTS, lambda content: check_manifest(tmp_path, content))


# Sound files.

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
