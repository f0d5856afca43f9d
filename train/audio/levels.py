"""Levels: RMS, gain, and which part of a recording is loud enough to be speech.

Samples have full scale at ±1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.speech.gate import VOTE_SAMPLES

Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]
Samples = NDArray[np.floating[Any]]

SPEECH_RANGE_DB = 30.0
"""Speech is taken to be where the level is within this range of the loudest frame."""


def rms(samples: Samples) -> float:
    """Return the root mean square, at least 1e-12 so that it can be divided by."""
    return float(max(np.sqrt(np.mean(np.square(samples, dtype=np.float64))), 1e-12))


def at_level(samples: Float64, dbfs: float) -> Float64:
    """Scale samples to this level, in dB of full scale (RMS); silence stays silence."""
    level = np.sqrt(np.mean(samples**2))
    return samples * (10 ** (dbfs / 20) / level if level else 0.0)


def as_int16(samples: Samples) -> Int16:
    """Convert samples to 16-bit integers; those beyond full scale saturate."""
    return np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)


def loud_frames(samples: Samples, frame_samples: int) -> NDArray[np.bool_]:
    """Return which frames are within ``SPEECH_RANGE_DB`` of the loudest.

    Args:
        samples: shape ``[n]``, at least one frame.
        frame_samples: length of a frame; a rest at the end is ignored.

    Returns:
        Shape ``[n // frame_samples]``.
    """
    whole = len(samples) // frame_samples * frame_samples
    frames = np.square(samples[:whole], dtype=np.float64).reshape(-1, frame_samples)
    powers = frames.mean(axis=1)
    return np.asarray(powers >= powers.max() * 10 ** (-SPEECH_RANGE_DB / 10))


def speech_span(samples: Samples) -> tuple[int, int]:
    """Return where the speech of a recording starts and ends, without the silence around it.

    It lasts from the first to the last loud 30 ms frame.
    """
    loud = np.flatnonzero(loud_frames(samples, VOTE_SAMPLES))
    return int(loud[0]) * VOTE_SAMPLES, int(loud[-1] + 1) * VOTE_SAMPLES
