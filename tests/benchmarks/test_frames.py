"""When a frame is complete, as the benchmarks clock it."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.frames import samples_of_event
from realtime_ser import EmotionUpdate, Recognizer
from realtime_ser.settings import FRAME_SECONDS, SAMPLE_RATE


@pytest.mark.parametrize("size", [160, 1600])
def test_an_event_comes_with_the_block_that_completes_its_frame(
    recognizer: Recognizer, three_utterances: NDArray[np.int16], size: int
) -> None:
    stream = recognizer.stream(SAMPLE_RATE)
    came: list[tuple[int, float]] = []
    for end in range(size, len(three_utterances) + 1, size):
        came += [
            (end, event.start)
            for event in stream.process(three_utterances[end - size : end])
            if isinstance(event, EmotionUpdate)
            and math.isclose(event.end - event.start, FRAME_SECONDS, abs_tol=1e-6)
        ]
    assert len(came) > 5
    assert [-(-samples_of_event(start) // size) * size for _, start in came] == [
        end for end, _ in came
    ]
