"""The filter that removes a constant offset."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from realtime_ser.settings import SAMPLE_RATE
from realtime_ser.speech.offset import WINDOW_SAMPLES, OffsetFilter

Int16 = NDArray[np.int16]


def noise(count: int, seed: int = 0) -> Int16:
    return (3000 * np.random.default_rng(seed).normal(size=count)).astype(np.int16)


@given(cuts=st.lists(st.integers(0, 5000), max_size=8))
def test_the_output_does_not_depend_on_the_blocks(cuts: list[int]) -> None:
    samples = noise(5000)
    blocks = np.split(samples, sorted(cuts))
    filtered = OffsetFilter()
    assert np.array_equal(
        np.concatenate([filtered.process(block) for block in blocks]),
        OffsetFilter().process(samples),
    )


@pytest.mark.parametrize("offset", [-9000, 1, 327, 3277])
def test_a_constant_offset_changes_nothing(offset: int) -> None:
    samples = noise(4000)
    shifted = (samples + offset).astype(np.int16)
    assert np.array_equal(OffsetFilter().process(shifted), OffsetFilter().process(samples))


def test_a_constant_alone_becomes_silence() -> None:
    assert not OffsetFilter().process(np.full(3000, 1234, np.int16)).any()


@pytest.mark.parametrize(("hertz", "largest_change_db"), [(80, 0.6), (100, 0.6), (1000, 0.1)])
def test_voices_pass(hertz: float, largest_change_db: float) -> None:
    times = np.arange(4 * WINDOW_SAMPLES) / SAMPLE_RATE
    tone = (8000 * np.sin(2 * np.pi * hertz * times)).astype(np.int16)
    filtered = OffsetFilter().process(tone)[WINDOW_SAMPLES:]
    gain = 20 * np.log10(
        np.std(filtered.astype(float)) / np.std(tone[WINDOW_SAMPLES:].astype(float))
    )
    assert abs(gain) < largest_change_db


def test_full_scale_clips_instead_of_wrapping() -> None:
    samples = np.tile(np.array([-32768] * 600 + [32767] * 600, np.int16), 3)
    filtered = OffsetFilter().process(samples)
    assert filtered.max() == 32767
    assert filtered.min() == -32768
    assert (np.sign(filtered[1800:2390]) == np.sign(samples[1800:2390].astype(int))).all()


def test_reset_starts_anew() -> None:
    samples = noise(2000)
    used = OffsetFilter()
    used.process(noise(3000, seed=1))
    used.reset()
    assert np.array_equal(used.process(samples), OffsetFilter().process(samples))
