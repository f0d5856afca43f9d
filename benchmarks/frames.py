"""When a frame is complete: its last sample is not the last that its event needs."""

from realtime_ser.emotion.frontend import FRAME_SAMPLES
from realtime_ser.emotion.spectra import STEP_SAMPLES
from realtime_ser.settings import SAMPLE_RATE
from realtime_ser.speech.gate import VOTE_SAMPLES


def samples_of_event(start: float) -> int:
    """Return how many samples of a stream must have come for the event of a frame.

    The last window of the network's input reaches 15 ms further than the frame, and the speech gate
    passes audio on once it has decided about it, every 30 ms.

    Args:
        start: of the frame, in seconds.
    """
    end = round(start * SAMPLE_RATE / STEP_SAMPLES) * STEP_SAMPLES + FRAME_SAMPLES
    return -(-end // VOTE_SAMPLES) * VOTE_SAMPLES
