"""How much a recording is like what was played, also where pieces were lost or delayed."""

import numpy as np
import soxr
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

RATE = 16_000

PIECE = RATE // 10

LOUD = 0.01
"""Least root mean square of the pieces that count, with full scale at 1."""

PASSING = 0.95
"""Where nothing has processed the audio, most pieces have 0.99 and more."""


def likeness(heard: Float32, heard_rate: int, played: Float32, played_rate: int) -> float:
    """The upper quartile of the likenesses of all loud pieces of 0.1 s to what was played.

    The likeness of a piece is its largest correlation over all places of what was played, 1 where
    they are equal. Levels count: a gain of 2 halves it.

    A browser on a busy machine puts silence into the audio of a microphone, and leaves parts of it
    out. The pieces between these places stay as they are, and a quarter of them decides. Processing
    (gain control, noise suppression, echo cancellation) changes every piece.
    """
    recorded, source = _resampled(heard, heard_rate), _resampled(played, played_rate)
    pieces = recorded[: len(recorded) // PIECE * PIECE].reshape(-1, PIECE)
    loud = [piece for piece in pieces if piece @ piece > LOUD**2 * PIECE]
    assert len(loud) > 20, "hardly anything was heard"
    return float(np.percentile(_likenesses(loud, source), 75))


def _likenesses(pieces: list[Float64], source: Float64) -> list[float]:
    size = 2 ** int(np.ceil(np.log2(len(source) + PIECE)))
    spectrum = np.fft.rfft(source, size)
    sums = np.concatenate(([0.0], np.cumsum(source**2)))
    energies = sums[PIECE:] - sums[:-PIECE]
    found = []
    for piece in pieces:
        products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)
        found.append(float(np.max(products[: len(energies)] / np.maximum(energies, piece @ piece))))
    return found


def _resampled(samples: Float32, rate: int) -> Float64:
    resampled: Float32 = soxr.resample(np.ascontiguousarray(samples), rate, RATE)
    return resampled.astype(np.float64)
