"""Clips in memory, which are disturbed and then recognized."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser import Recognizer
from realtime_ser.emotion.frontend import to_float
from realtime_ser.errors import AudioInputError
from realtime_ser.settings import SAMPLE_RATE
from train.audio.disturbances import Disturbance
from train.audio.utterances import read_clip
from train.corpora.clip import Clip
from train.corpora.seeds import clip_seed
from train.evaluation.predictions import NO_SPEECH

SHORTEST_SECONDS = 1.0
"""Shorter clips are refused: cropping would leave nothing of them."""

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recording:
    """A clip and its samples, 16 kHz, full scale at ±1, float32 ``[n]``."""

    clip: Clip
    samples: Float32


def read_recording(clip: Clip) -> Recording:
    """Read a clip.

    Raises:
        AudioInputError: it is missing, damaged, or shorter than a second.
    """
    samples = to_float(read_clip(clip.path))
    seconds = len(samples) / SAMPLE_RATE
    if seconds < SHORTEST_SECONDS:
        raise AudioInputError(f"{clip.path} lasts only {seconds:.2f} s", "download the clip again")
    return Recording(clip, samples)


def label_of(recognizer: Recognizer, recording: Recording, *several: Disturbance) -> str:
    """Return the label of a recording after some disturbances, one after the other.

    What is random about them depends on the clip's name only.
    """
    random = np.random.default_rng(clip_seed(recording.clip))
    samples = recording.samples
    for disturb in several:
        samples = disturb(samples, random)
    return recognizer.recognize(samples, SAMPLE_RATE).label or NO_SPEECH
