"""Preprocesses clips as the paper does: one rate, one loudness, no silence, less noise, one length.

The bundled model's recipe uses what the speech gate passes instead (``train.audio.utterances``).
"""

from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import LevelNormalization, level_gain, to_float
from realtime_ser.settings import SAMPLE_RATE
from train.audio.utterances import read_clip

Float32 = NDArray[np.float32]

FFT_SAMPLES = 512
"""Window of the noise reduction: 32 ms, moved by a quarter of that."""


@dataclass(frozen=True, slots=True)
class PreprocessSettings:
    """Which steps are applied, and their parameters.

    Attributes:
        loudness_normalization: scale the clip to one RMS, after trimming.
        silence_trimming: remove silence before and after the speech.
        noise_reduction: subtract the noise measured in the quietest windows.
        seconds: length of every clip; it is padded with zeros or truncated at its end.
        loudness_dbfs: the RMS to scale to, in dB of full scale.
        trim_db: what is this far below the loudest window counts as silence.
        noise_share: share of the windows that the noise is measured on.
        noise_factor: this many times the noise's power is subtracted.
        noise_floor: smallest share of its power that a bin retains, which avoids musical noise.
    """

    loudness_normalization: bool = True
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
    """Return a preprocessed clip.

    Noise is reduced first, because its estimate needs the silence; loudness is normalized last,
    over the speech only.

    Args:
        samples: 16 kHz with full scale at ±1, shape ``[n]``, not empty.
        settings: the steps.

    Returns:
        Shape ``[16 000 · seconds]``; samples may exceed ±1.
    """
    if settings.noise_reduction:
        samples = reduce_noise(samples, settings)
    if settings.silence_trimming:
        samples = librosa.effects.trim(samples, top_db=settings.trim_db)[0]
    if settings.loudness_normalization:
        level = LevelNormalization(settings.loudness_dbfs, memory_steps=len(samples))
        samples = samples * level_gain(np.square(samples), level)
    length = round(settings.seconds * SAMPLE_RATE)
    return np.asarray(librosa.util.fix_length(samples, size=length), np.float32)


def reduce_noise(samples: Float32, settings: PreprocessSettings) -> Float32:
    """Subtract steady noise from a clip, shape ``[n]`` as before.

    Power spectral subtraction with a floor: M. Berouti, R. Schwartz and J. Makhoul, Enhancement of
    speech corrupted by acoustic noise, ICASSP 1979. The noise of each frequency is its mean power
    in the clip's quietest windows.
    """
    spectrum = librosa.stft(samples, n_fft=FFT_SAMPLES)
    powers = np.square(np.abs(spectrum))
    count = max(1, round(settings.noise_share * powers.shape[1]))
    quietest = np.argsort(powers.sum(axis=0))[:count]
    noise = powers[:, quietest].mean(axis=1, keepdims=True)
    reduced = np.maximum(powers - settings.noise_factor * noise, settings.noise_floor * powers)
    factors = np.sqrt(reduced / np.maximum(powers, np.finfo(np.float32).tiny))
    cleaned = librosa.istft(spectrum * factors, n_fft=FFT_SAMPLES, length=len(samples))
    return np.asarray(cleaned, np.float32)
