"""Times and probabilities in words."""

import pytest

from realtime_ser.output.format import clock, percent


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00.00"),
        (59.994, "0:59.99"),
        (59.995001, "1:00.00"),
        (3599.99, "59:59.99"),
        (3600, "1:00:00.00"),
        (36_061.25, "10:01:01.25"),
    ],
)
def test_clock_with_hundredths(seconds: float, text: str) -> None:
    assert clock(seconds, hundredths=True) == text


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3725, "1:02:05")]
)
def test_clock(seconds: float, expected: str) -> None:
    assert clock(seconds) == expected


def test_percent() -> None:
    assert [percent(value) for value in (0.0, 0.004, 0.876, 1.0)] == ["0%", "0%", "88%", "100%"]
    assert percent(0.876, " ") == "88 %"
