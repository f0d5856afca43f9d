"""Manifests made up and damaged at random: one clear line, never a traceback.

Quick by default; the slow tests go on for REALTIME_SER_FUZZ_SECONDS (20) a property.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import QUICK, damaged, for_a_while, one_line
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.emotion.frontend import Frontend
from realtime_ser.emotion.manifest import MANIFEST_FILE, read_manifest
from realtime_ser.emotion.model import bundled_model_folder
from realtime_ser.errors import ModelError

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
