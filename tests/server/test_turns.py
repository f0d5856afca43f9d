"""The order in which a worker serves its streams, by a clock of the test's own."""

from collections.abc import Iterator

import pytest

from realtime_ser.server.turns import Turn

RATE = 32_000
MESSAGE = 0.1
"""Seconds of audio in a message."""


def delays(arrivals: Iterator[float]) -> list[float]:
    """How long after its arrival each message of a stream is due; each is processed at once."""
    turn = Turn(RATE)
    found = []
    for arrival in arrivals:
        turn.audio_came(arrival)
        found.append(turn.due - arrival)
        turn.processed(round(MESSAGE * RATE))
    return found


def test_audio_in_real_time_is_due_when_it_arrives() -> None:
    assert delays(number * MESSAGE for number in range(100)) == pytest.approx([0.0] * 100)


@pytest.mark.parametrize("late", [0.05, 0.3, 2.0])
def test_a_stream_that_was_late_once_is_soon_as_prompt_as_the_others(late: float) -> None:
    found = delays(max(number * MESSAGE, late) for number in range(200))
    assert max(found) > 0.01, "what it has missed comes after the others"
    assert found[-1] == pytest.approx(0.0)


def test_audio_faster_than_real_time_is_due_later_and_later() -> None:
    found = delays(number * MESSAGE / 2 for number in range(100))
    assert found == sorted(found)
    assert found[-1] > 2
