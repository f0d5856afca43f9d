"""Other voices: an utterance as another vocal tract, larynx and temper of speech would give it.

Twenty speakers are few. A voice played faster is one more, but its pitch, its formants and its
tempo move together; here each moves by itself, by Praat's pitch-synchronous overlap and add
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
"""Where the fundamental frequency is looked for, in Hz."""

Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """How many other voices there are, and how far they go.

    Attributes:
        count: voices for each utterance, beside its own.
        semitones: largest shift of the pitch, up or down.
        formants: largest factor of the formants, and of its inverse.
        intonation: largest factor by which the pitch departs from its median, and its inverse.
        tempo: largest factor of the duration, and its inverse.
        seed: of the draws.
    """

    count: int
    semitones: float
    formants: float
    intonation: float
    tempo: float
    seed: int


def other_voices(samples: Int16, settings: VoiceSettings) -> list[Int16]:
    """Return an utterance in random voices, drawn anew for each utterance by its content.

    Args:
        samples: 16 kHz, shape ``[n]``; too short to have a pitch, it stays as it is.
        settings: how many voices, and how far they go.

    Returns:
        As many arrays, each as long as its tempo makes it.
    """
    if len(samples) < 3 / LOWEST_PITCH * SAMPLE_RATE:  # Praat's analysis needs three periods
        return [samples] * settings.count
    content = zlib.crc32(samples.tobytes())
    random = np.random.default_rng([settings.seed, content])
    # Praat draws where it fills unvoiced parts; its own name for this says what it thinks of it.
    run(f"random_initializeWithSeedUnsafelyButPredictably({content})")
    sound = parselmouth.Sound(samples.astype(np.float64) / 2**15, SAMPLE_RATE)
    pitch = sound.to_pitch(None, LOWEST_PITCH, HIGHEST_PITCH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", parselmouth.PraatWarning)  # that nothing is voiced
        return [_in_another_voice(sound, pitch, settings, random) for _ in range(settings.count)]


def _in_another_voice(
    sound: parselmouth.Sound,
    pitch: parselmouth.Pitch,
    settings: VoiceSettings,
    random: np.random.Generator,
) -> Int16:
    semitones = settings.semitones * random.uniform(-1, 1)
    formants, intonation, duration = (
        each ** random.uniform(-1, 1)
        for each in (settings.formants, settings.intonation, settings.tempo)
    )
    median = call(pitch, "Get quantile", 0, 0, 0.5, "Hertz")
    new_median = 0.0 if math.isnan(median) else median * 2 ** (semitones / 12)  # 0 keeps it
    changed = call([sound, pitch], "Change gender", formants, new_median, intonation, duration)
    scaled = np.clip(np.round(changed.values[0] * 2**15), -(2**15), 2**15 - 1)
    voiced: Int16 = scaled.astype(np.int16)
    return voiced
