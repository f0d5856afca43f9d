"""The synthesized speech the tests are run on."""

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

SAMPLES = Path(__file__).parent / "speech_samples"


def speech(name: str) -> NDArray[np.int16]:
    """Return a clip, 16 kHz mono int16, shape ``[n]``."""
    samples: NDArray[np.int16]
    samples, rate = soundfile.read(SAMPLES / f"{name}.flac", dtype="int16")
    assert rate == 16_000
    return samples
