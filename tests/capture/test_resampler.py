"""The resampler: any rate, channel count and block size to the same 16 kHz mono int16."""

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime_ser.capture.resampler import Resampler
from realtime_ser.errors import AudioInputError
from realtime_ser.samples import to_int16

RANDOM = np.random.default_rng(7)


def resample(samples: np.ndarray, rate: int, block: int | None = None) -> np.ndarray:
    resampler = Resampler(rate, samples.shape[1])
    size = block or len(samples)
    parts = [resampler.process(samples[at : at + size]) for at in range(0, len(samples), size)]
    return np.concatenate([*parts, resampler.flush()])


def noise(frames: int, channels: int) -> np.ndarray:
    return (0.3 * RANDOM.standard_normal((frames, channels))).astype(np.float32)


def test_mono_int16_at_16_khz_passes_bit_for_bit() -> None:
    samples = RANDOM.integers(-32768, 32768, (5000, 1), dtype=np.int16)

    np.testing.assert_array_equal(resample(samples, 16_000, block=37), samples[:, 0])


def test_int16_as_float_gives_the_same_int16() -> None:
    samples = RANDOM.permutation(np.arange(-32768, 32768)).astype(np.int16)[:, np.newaxis]

    np.testing.assert_array_equal(
        resample((samples / 32768).astype(np.float32), 16_000), samples[:, 0]
    )


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2, 9])
def test_block_size_changes_no_bit(rate: int, channels: int) -> None:
    samples = noise(rate, channels)
    whole = resample(samples, rate)

    assert len(whole) == 16_000
    for block in (11, 160, 441, 1024, 4096):
        np.testing.assert_array_equal(resample(samples, rate, block), whole)


def test_one_sample_at_a_time_changes_no_bit() -> None:
    samples = noise(3000, 2)

    np.testing.assert_array_equal(resample(samples, 44_100, 1), resample(samples, 44_100))


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 44_100, 48_000, 96_000, 384_000])
def test_a_tone_keeps_its_pitch_level_and_place(rate: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 700 * np.arange(rate) / rate).astype(np.float32)
    expected = 0.5 * np.sin(2 * np.pi * 700 * np.arange(16_000) / 16_000)

    resampled = resample(tone[:, np.newaxis], rate) / 32768

    np.testing.assert_allclose(resampled[1000:-1000], expected[1000:-1000], atol=1e-3)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_int16_and_float_blocks_agree(rate: int) -> None:
    samples = RANDOM.integers(-20_000, 20_000, (rate // 4, 2), dtype=np.int16)

    np.testing.assert_array_equal(
        resample(samples, rate), resample((samples / 32768).astype(np.float32), rate)
    )


def test_channels_are_averaged() -> None:
    samples = np.array([[1000, 3000], [-32768, 32767], [100, 101]], np.int16)

    assert resample(samples, 16_000).tolist() == [2000, 0, 100]


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_floats_a_little_too_loud_are_clipped(rate: int) -> None:
    samples = (1.9 * np.sin(np.arange(rate) / 20)).astype(np.float32)

    heard = resample(np.stack([samples, samples], 1), rate)

    assert heard.max() > 32_700
    assert heard.min() < -32_700


@pytest.mark.parametrize(
    ("scale", "remedy"),
    [
        (2**7, "8-bit integers: divide them by 128"),
        (2**15, "16-bit integers: divide them by 32768"),
        (2**23, "24-bit integers: divide them by 8388608"),
        (2**31, "32-bit integers: divide them by 2147483648"),
        (3e38, "full scale is 1: scale them to ±1"),
    ],
)
@pytest.mark.parametrize("block", [1, 160, None])
def test_integers_made_floats_are_named_with_their_divisor(
    scale: float, remedy: str, block: int | None
) -> None:
    samples = np.rint(0.9 * scale * np.sin(np.arange(3_000) / 8))[:, np.newaxis].astype(np.float32)

    with pytest.raises(AudioInputError, match=re.escape(remedy)):
        resample(samples, 8_000, block)


def test_unsigned_8_bit_integers_made_floats_are_named() -> None:
    samples = np.rint(128 + 100 * np.sin(np.arange(3_000) / 8))[:, np.newaxis].astype(np.float32)

    with pytest.raises(AudioInputError, match="unsigned 8-bit integers: subtract 128, then divide"):
        resample(samples, 8_000)


def test_quiet_16_bit_integers_are_not_taken_for_8_bits() -> None:
    samples = np.concatenate((np.rint(RANDOM.normal(0, 9, 4_000)), RANDOM.normal(0, 4_000, 4_000)))

    with pytest.raises(AudioInputError, match="16-bit integers: divide them by 32768"):
        resample(samples[:, np.newaxis].astype(np.float32), 16_000, 320)


def test_a_few_absurd_samples_do_no_harm() -> None:
    samples = noise(8_000, 1)
    samples[4_000:4_003] = 3e38

    assert np.abs(resample(samples, 16_000)).max() == 32_767


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_their_place(value: float) -> None:
    samples = noise(8_000, 2)
    samples[6_000, 1] = value

    with pytest.raises(AudioInputError, match=r"hold NaN or infinity at about 0\.75 s: .*cut"):
        resample(samples, 8_000, block=1_000)


@pytest.mark.parametrize("rate", [0, -16_000, 3_999, 384_001])
def test_impossible_rates_are_refused(rate: int) -> None:
    with pytest.raises(AudioInputError, match=f"unsupported rate of {rate} Hz"):
        Resampler(rate, 1)


def test_flush_starts_anew() -> None:
    samples = noise(4_000, 1)
    resampler = Resampler(8_000, 1)
    first = np.concatenate((resampler.process(samples), resampler.flush()))
    second = np.concatenate((resampler.process(samples), resampler.flush()))

    np.testing.assert_array_equal(first, second)


def test_no_samples_give_no_samples() -> None:
    assert resample(np.empty((0, 2), np.float32), 44_100, block=1).tolist() == []


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("hertz", [8_100, 9_000, 12_000, 15_500, 21_000])
def test_frequencies_above_8_khz_do_not_alias(rate: int, hertz: int) -> None:
    tone = np.sin(2 * np.pi * hertz / rate * np.arange(rate)).astype(np.float32)
    heard = resample(tone[:, np.newaxis], rate)

    middle = heard[800:-800]  # the tone's sudden beginning and end sound at all frequencies
    assert not middle.any(), "less than half a step of 16 bits"


@pytest.mark.parametrize(
    ("hertz", "lost_db"), [(100, 0.01), (4_000, 0.01), (7_200, 0.01), (7_500, 0.6)]
)
def test_frequencies_below_8_khz_are_preserved(hertz: int, lost_db: float) -> None:
    tone = 0.5 * np.sin(2 * np.pi * hertz / 48_000 * np.arange(48_000)).astype(np.float32)
    heard = resample(tone[:, np.newaxis], 48_000)[800:-800] / 32768

    level = 10 * np.log10(2 * np.mean(np.square(heard)) / 0.25)
    assert -lost_db <= level <= 0.01


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble])
def test_full_scale_is_clipped_the_same_for_every_float_type(kind: type) -> None:
    values: NDArray[Any] = np.array([-2, -1, -0.5, 0, 0.5, 1 - 2**-10, 1, 2], kind)
    expected = [-32768, -32768, -16384, 0, 16384, 32736, 32767, 32767]

    assert to_int16(values).tolist() == expected
