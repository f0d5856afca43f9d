"""Converts an utterance to other voices, as if further speakers had said it.

Pitch, formants, intonation and tempo change independently, by Praat's pitch-synchronous overlap-add
(``Change gender``: P. Boersma and D. Weenink, Praat: doing phonetics by computer; the method is
E. Moulines and F. Charpentier's, Speech Communication 9, 1990).
"""

import math
import warnings
import zlib
from dataclasses import dataclass

import numpy as np
import parselmouth
from numpy.typing import NDArray
from parselmouth.praat import call, run

from realtime_ser.settings import SAMPLE_RATE

LOWEST_PITCH = 75.0
HIGHEST_PITCH = 600.0
"""Range of the pitch analysis, in Hz."""

Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """How many other voices there are, and how far they may differ.

    Attributes:
        count: voices for each utterance, besides its own.
        semitones: largest shift of the pitch, up or down.
        formants: largest factor of the formants; the smallest is its inverse.
        intonation: largest factor of the pitch range; the smallest is its inverse.
        tempo: largest factor of the duration; the smallest is its inverse.
        seed: of the random choices.
    """

    count: int
    semitones: float
    formants: float
    intonation: float
    tempo: float
    seed: int


def other_voices(samples: Int16, settings: VoiceSettings) -> list[Int16]:
    """Return an utterance in random voices; the choice depends on the seed and the samples.

    Args:
        samples: 16 kHz, shape ``[n]``; returned unchanged if too short for a pitch analysis.
        settings: how many voices, and how far they may differ.

    Returns:
        ``settings.count`` arrays, each as long as its tempo makes it.
    """
    if len(samples) < 3 / LOWEST_PITCH * SAMPLE_RATE:  # Praat's analysis needs three periods
        return [samples] * settings.count
    content = zlib.crc32(samples.tobytes())
    random = np.random.default_rng([settings.seed, content])
    # Praat uses random numbers in unvoiced parts.
    run(f"random_initializeWithSeedUnsafelyButPredictably({content})")
    sound = parselmouth.Sound(samples.astype(np.float64) / 2**15, SAMPLE_RATE)
    pitch = sound.to_pitch(None, LOWEST_PITCH, HIGHEST_PITCH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", parselmouth.PraatWarning)  # warns where nothing is voiced
        return [_change_voice(sound, pitch, settings, random) for _ in range(settings.count)]


def _change_voice(
    sound: parselmouth.Sound,
    pitch: parselmouth.Pitch,
    settings: VoiceSettings,
    random: np.random.Generator,
) -> Int16:
    semitones = settings.semitones * random.uniform(-1, 1)
    formants, intonation, duration = (
        largest ** random.uniform(-1, 1)
        for largest in (settings.formants, settings.intonation, settings.tempo)
    )
    median = call(pitch, "Get quantile", 0, 0, 0.5, "Hertz")
    new_median = (
        0.0 if math.isnan(median) else median * 2 ** (semitones / 12)
    )  # 0 leaves it unchanged
    changed = call([sound, pitch], "Change gender", formants, new_median, intonation, duration)
    scaled = np.clip(np.round(changed.values[0] * 2**15), -(2**15), 2**15 - 1)
    voiced: Int16 = scaled.astype(np.int16)
    return voiced
