"""Clips as the paper prepares them: one rate, one loudness, no silence, less noise, one length.

The bundled model's recipe takes none of this but the rate: it hears what the speech gate lets
through, as the live program does (``train.data.utterances``).
"""

from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import LevelNormalisation, level_gain, to_float
from realtime_ser.settings import SAMPLE_RATE
from train.data.utterances import read_clip

Float32 = NDArray[np.float32]

FFT_SAMPLES = 512
"""Window of the noise reduction: 32 ms, moved by a quarter of that."""


@dataclass(frozen=True, slots=True)
class PreprocessSettings:
    """Which steps are taken, and how far.

    Attributes:
        loudness_normalisation: scale what is left of the clip to one RMS.
        silence_trimming: cut what is quiet before and after the speech.
        noise_reduction: subtract the noise heard between the words.
        seconds: length of every clip, padded with zeros at its end or truncated there.
        loudness_dbfs: the RMS to scale to, in dB of full scale.
        trim_db: what lies this far below the loudest window counts as silence.
        noise_share: the quietest windows the noise is measured on, as a share of all.
        noise_factor: how many times the noise's power is subtracted.
        noise_floor: share of its power that every bin keeps at least; zeros would be audible as
            tones that come and go.
    """

    loudness_normalisation: bool = True
    silence_trimming: bool = True
    noise_reduction: bool = False
    seconds: float = 4.0
    loudness_dbfs: float = -20.0
    trim_db: float = 30.0
    noise_share: float = 0.1
    noise_factor: float = 3.0
    noise_floor: float = 0.02


def read_float(path: Path) -> Float32:
    """Return a clip of any rate as 16 kHz mono with full scale at ±1, shape ``[n]``.

    Raises:
        AudioInputError: the file is missing or damaged.
    """
    return to_float(read_clip(path))


def preprocess(samples: Float32, settings: PreprocessSettings) -> Float32:
    """Return a clip of one length.

    Noise is reduced first, while the silence that shows it is still there; loudness is normalised
    last, over speech alone.

    Args:
        samples: 16 kHz with full scale at ±1, shape ``[n]``, not empty.
        settings: what to do.

    Returns:
        Shape ``[16 000 · seconds]``; scaling may take single samples beyond ±1.
    """
    if settings.noise_reduction:
        samples = without_noise(samples, settings)
    if settings.silence_trimming:
        samples = librosa.effects.trim(samples, top_db=settings.trim_db)[0]
    if settings.loudness_normalisation:
        level = LevelNormalisation(settings.loudness_dbfs, memory_steps=len(samples))
        samples = samples * level_gain(np.square(samples), level)
    length = round(settings.seconds * SAMPLE_RATE)
    return np.asarray(librosa.util.fix_length(samples, size=length), np.float32)


def without_noise(samples: Float32, settings: PreprocessSettings) -> Float32:
    """Return a clip less its steady noise, shape ``[n]`` as before.

    Power spectral subtraction with a floor: M. Berouti, R. Schwartz and J. Makhoul, Enhancement of
    speech corrupted by acoustic noise, ICASSP 1979. The noise of each frequency is its mean power
    in the clip's quietest windows.
    """
    spectrum = librosa.stft(samples, n_fft=FFT_SAMPLES)
    powers = np.square(np.abs(spectrum))
    count = max(1, round(settings.noise_share * powers.shape[1]))
    quietest = np.argsort(powers.sum(axis=0))[:count]
    noise = powers[:, quietest].mean(axis=1, keepdims=True)
    kept = np.maximum(powers - settings.noise_factor * noise, settings.noise_floor * powers)
    factors = np.sqrt(kept / np.maximum(powers, np.finfo(np.float32).tiny))
    cleaned = librosa.istft(spectrum * factors, n_fft=FFT_SAMPLES, length=len(samples))
    return np.asarray(cleaned, np.float32)
