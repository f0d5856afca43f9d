"""Channels between a voice and the recording: rooms and telephone lines.

The same room model and the same telephone band are used everywhere: to disturb test clips, to make
scenes for the speech head, and (as energies) to augment spectra.
"""

import io
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from realtime_ser.settings import SAMPLE_RATE

Float64 = NDArray[np.float64]
Samples = NDArray[np.floating[Any]]

TELEPHONE_RATE = 8_000
TELEPHONE_BAND = (300.0, 3_400.0)
"""The band that a telephone line passes, in Hz."""


def room_response(
    random: np.random.Generator, decay_seconds: float, reverberation_db: float = 0.0
) -> Float64:
    """Return a random impulse response of a room, shape ``[16 000 · decay_seconds]``.

    The direct sound, followed by Gaussian noise that decays by 60 dB in ``decay_seconds`` (RT60).
    Decaying noise is J.-D. Polack's model of what follows the first reflections (La transmission de
    l'énergie sonore dans les salles, thesis, Université du Maine, 1988).

    Args:
        random: generator of the noise.
        decay_seconds: RT60.
        reverberation_db: energy of the reverberation relative to the direct sound. At 0 dB the
            speaker stands at the critical distance, about a meter away in a living room.
    """
    count = round(decay_seconds * SAMPLE_RATE)
    response = random.normal(size=count) * 10 ** (-3 * np.arange(count) / count)
    response *= 10 ** (reverberation_db / 20) / np.sqrt(np.sum(response**2))
    response[0] += 1.0
    return np.asarray(response)


def reverberate(samples: Samples, response: Float64) -> Float64:
    """Return samples as they sound in a room, shape ``[n]`` as before."""
    return np.asarray(fftconvolve(samples, response)[: len(samples)])


def telephone(samples: Samples) -> Float64:
    """Send 16 kHz samples over a telephone line: 300 to 3400 Hz, 8 kHz, µ-law (ITU-T G.711).

    What exceeds ±1 saturates. A sample more or less than before may be returned.
    """
    band = butter(8, TELEPHONE_BAND, "bandpass", fs=TELEPHONE_RATE, output="sos")
    sent = sosfilt(band, soxr.resample(samples, SAMPLE_RATE, TELEPHONE_RATE))
    received = encode_and_decode(sent, TELEPHONE_RATE, format="WAV", subtype="ULAW")
    return np.asarray(soxr.resample(sosfilt(band, received), TELEPHONE_RATE, SAMPLE_RATE))


def encode_and_decode(samples: Samples, rate: int, **settings: Any) -> Float64:
    """Return samples after encoding and decoding by libsndfile; what exceeds ±1 saturates."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), rate, **settings)
    file.seek(0)
    decoded: Float64 = soundfile.read(file)[0]
    return decoded
