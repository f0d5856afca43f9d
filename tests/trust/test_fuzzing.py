"""Manifests and sound files made up and damaged at random: one clear line, never a traceback.

Quick by default; the slow variant goes on for REALTIME_SER_FUZZ_SECONDS (20) a property.
"""

import json
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from realtime_ser.capture.resampler import Resampler
from realtime_ser.capture.sources import FileSource
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


PLACES = [each for each in places(json.loads(MANIFEST)) if each[0] not in ("metrics", "training")]


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
    assert np.prod([each.bands for each in manifest.feature_maps], dtype=float) > 0
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
