"""How the doctor judges the level and the rates of a microphone."""

from typing import Any

import numpy as np
import pytest

from realtime_ser.capture.devices import InputDevice
from realtime_ser.doctor import Check
from realtime_ser.doctor.microphone import judge_level, judge_rates

RATE = 16_000
SECOND = np.arange(RATE) / RATE
NOISE = np.random.default_rng(5).standard_normal(RATE)
QUIET_ROOM = 10 ** (-60 / 20) * NOISE


def judge(*channels: Any) -> Check:
    return judge_level(np.stack(channels, axis=1).astype(np.float32))


def test_a_quiet_room_is_ok() -> None:
    check = judge(QUIET_ROOM - 1e-4)

    assert (check.state, check.remedy) == ("ok", None)
    assert check.message.startswith("noise floor -6")
    assert check.message.endswith("DC offset 0.0 %, clipped 0.0 %"), "no minus before nothing"


def test_speech_does_not_hide_a_low_noise_floor() -> None:
    speaking = (SECOND % 0.5) > 0.2

    assert judge(QUIET_ROOM + speaking * 0.2 * np.sin(1000 * SECOND)).state == "ok"


@pytest.mark.parametrize(
    ("samples", "message", "remedy"),
    [
        (np.zeros(RATE), "only zeros", "unmute it"),
        (np.clip(1.2 * np.sin(1000 * SECOND), -1, 1), "clipped 3", "lower the input gain"),
        (QUIET_ROOM - 0.05, "DC offset -5.0 %", "another input"),
        (10 ** (-30 / 20) * NOISE, "noise floor -30 dBFS", "be quiet and try again"),
        (10 ** (-95 / 20) * NOISE, "peak -8", "raise the input gain"),
    ],
)
def test_levels_that_are_warned_of(samples: Any, message: str, remedy: str) -> None:
    check = judge(samples)

    assert check.state == "warning"
    assert message in check.message
    assert remedy in str(check.remedy)


def test_the_one_channel_in_use_of_eight_is_enough() -> None:
    assert judge(*[np.zeros(RATE)] * 7, QUIET_ROOM).state == "ok"


def test_one_clipping_channel_is_seen_though_the_mean_does_not_clip() -> None:
    assert "cut off" in str(judge(np.sign(np.sin(1000 * SECOND)), QUIET_ROOM).remedy)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_a_failure(value: float) -> None:
    samples = QUIET_ROOM.copy()
    samples[7] = value

    assert judge(samples).state == "failure"


CARD = InputDevice(3, "Card", "ALSA", 2, 44_100, False)


@pytest.mark.parametrize(
    ("accepted", "state"),
    [([16_000], "ok"), ([44_100, 48_000], "ok"), ([8_000, 48_000], "failure"), ([], "failure")],
)
def test_rates(accepted: list[int], state: str) -> None:
    check = judge_rates(accepted, CARD)

    assert check.state == state
    assert "its own is 44100 Hz" in check.message
