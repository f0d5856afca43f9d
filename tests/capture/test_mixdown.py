"""Several channels: their mean, one of them, or what does not lose a voice."""

import logging

import numpy as np
import pytest
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser.capture.mixdown import Mixdown
from realtime_ser.errors import AudioInputError

RATE = 16_000
VOICE = (speech("three_utterances") / 32768).astype(np.float32)
RANDOM = np.random.default_rng(4)
SECONDS = np.arange(len(VOICE)) / RATE
HUM = (0.4 * np.sin(2 * np.pi * 50 * SECONDS)).astype(np.float32)
NOISE = (0.15 * RANDOM.standard_normal(len(VOICE))).astype(np.float32)

Float32 = NDArray[np.float32]


def mixed(samples: Float32, channel: int | str = "auto", block: int = 1000) -> Float32:
    mixdown = Mixdown(RATE, samples.shape[1], channel, "the card")
    parts = [mixdown.process(samples[at : at + block]) for at in range(0, len(samples), block)]
    return np.concatenate([*parts, mixdown.flush()])


def likeness(heard: Float32, voice: Float32 = VOICE) -> float:
    return float(np.corrcoef(heard, voice)[0, 1])


@pytest.mark.parametrize("second", [VOICE, 0.5 * VOICE, 0 * VOICE, np.roll(VOICE, 8)])
def test_ordinary_stereo_is_the_mean_bit_for_bit(
    second: Float32, caplog: pytest.LogCaptureFixture
) -> None:
    both = np.stack([VOICE, second.astype(np.float32)], axis=1)

    np.testing.assert_array_equal(mixed(both), mixed(both, "mix"))
    np.testing.assert_array_equal(mixed(both, "mix"), (both[:, 0] + both[:, 1]) / np.float32(2))
    assert not caplog.messages


def test_two_people_on_two_channels_are_both_heard() -> None:
    half = len(VOICE) // 2
    first, second = VOICE.copy(), VOICE.copy()
    first[half:] = second[:half] = 0
    room = (0.0005 * RANDOM.standard_normal((len(VOICE), 2))).astype(np.float32)
    both = np.stack([first, second], axis=1) + room

    np.testing.assert_array_equal(mixed(both), mixed(both, "mix"))


@pytest.mark.parametrize(
    "second", [-VOICE, -0.9 * VOICE, -VOICE + np.float32(0.02), HUM, NOISE, 0.3 * HUM + 0.3 * NOISE]
)
@pytest.mark.parametrize("swapped", [False, True])
def test_no_channel_erases_a_voice_in_another(
    second: Float32, swapped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    room = (0.0005 * RANDOM.standard_normal((len(VOICE), 2))).astype(np.float32)
    both = np.stack([VOICE, second], axis=1) + room
    both = both[:, ::-1] if swapped else both

    with caplog.at_level(logging.WARNING, "realtime_ser"):
        heard = mixed(both.astype(np.float32))

    later = slice(2 * RATE, None)
    assert abs(likeness(heard[later], VOICE[later])) > 0.95
    assert len(caplog.messages) == 1
    assert "the channels of the card disagree" in caplog.messages[0]


def test_two_opposite_channels_among_eight_are_no_reason_to_leave_the_mean() -> None:
    eight = np.stack([VOICE] * 7 + [-VOICE], axis=1)

    np.testing.assert_array_equal(mixed(eight), mixed(eight, "mix"))


@pytest.mark.parametrize(
    "channels", [[VOICE, -VOICE], [VOICE, VOICE, -VOICE, -VOICE], [HUM, VOICE]]
)
def test_block_size_changes_no_bit(channels: list[Float32]) -> None:
    samples = np.stack(channels, axis=1)
    whole = mixed(samples, block=len(samples))

    assert len(whole) == len(samples)
    for block in (7, 160, 481, 4_800):
        np.testing.assert_array_equal(mixed(samples, block=block), whole)


@pytest.mark.parametrize("channel", [1, 2])
def test_a_chosen_channel_is_all_that_is_heard(channel: int) -> None:
    both = np.stack([VOICE, HUM], axis=1)

    np.testing.assert_array_equal(mixed(both, channel), both[:, channel - 1])


@pytest.mark.parametrize(
    ("channels", "words"),
    [(1, "the card has 1 channel, so there is no channel 3"), (2, "has 2 channels, so there is")],
)
def test_a_channel_that_is_not_there(channels: int, words: str) -> None:
    with pytest.raises(AudioInputError, match=words):
        Mixdown(RATE, channels, 3, "the card")


def test_flush_starts_anew() -> None:
    mixdown = Mixdown(RATE, 2)
    both = np.stack([VOICE, -VOICE], axis=1)
    first = np.concatenate((mixdown.process(both), mixdown.flush()))
    second = np.concatenate((mixdown.process(both), mixdown.flush()))

    np.testing.assert_array_equal(first, second)
