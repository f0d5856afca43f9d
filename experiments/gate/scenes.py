"""What the gate is measured on: clips in background sounds, and sounds without speech.

The same clips and seeds give the same scenes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import to_float
from realtime_ser.settings import SAMPLE_RATE
from train.audio.levels import as_int16, at_level, rms, speech_span
from train.audio.sounds import TRAINING_SOUNDS, UNSEEN_SOUNDS, Sound, colored_noise, harmonic_tone

SIDE_SAMPLES = 3 * SAMPLE_RATE
"""Background before and after each clip."""

SOUND_SECONDS = 20
SOUND_SEED = 11
DRAWS = 6
"""How many sounds of a family with random parameters are measured."""

FAINT_DBFS = -75.0
LEVELS_DBFS = (-50.0, -40.0, -30.0, -20.0, -10.0)

Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]
Span = tuple[int, int]
"""First sample, and the one after the last."""


@dataclass(frozen=True, slots=True)
class Background:
    """The background of a clip.

    Attributes:
        sound: name in ``SOUNDS``.
        dbfs: its level (RMS).
        snr_db: level of the speech above it; ``None`` leaves the clip's level unchanged.
    """

    sound: str
    dbfs: float
    snr_db: float | None = None

    def __str__(self) -> str:
        if self.snr_db is None:
            return self.sound
        return f"{self.sound}, {self.dbfs:g} dBFS, SNR {self.snr_db:g} dB"


def _silence(count: int, _: np.random.Generator) -> Float64:
    return np.zeros(count)


def _chords(count: int, random: np.random.Generator) -> Float64:
    """Return the chords C, G, A minor and F in turn, a second each, decaying as on a piano."""
    chords = ((60, 64, 67), (55, 59, 62), (57, 60, 64), (53, 57, 60))
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    envelope = np.minimum(times / 0.01, 1.0) * np.exp(-2.0 * times)
    seconds = -(-count // SAMPLE_RATE)
    struck = [
        envelope
        * sum(
            harmonic_tone(440 * 2 ** ((key - 69) / 12), 5)(SAMPLE_RATE, random)
            for key in chords[second % len(chords)]
        )
        for second in range(seconds)
    ]
    return np.concatenate(struck)[:count]


SOUNDS: dict[str, Sound] = {
    "silence": _silence,
    "white noise": colored_noise(0.0),
    "pink noise": colored_noise(0.5),
    "brown noise": colored_noise(1.0),
    "hum 50 Hz": harmonic_tone(50, 10),
    "hum 60 Hz": harmonic_tone(60, 10),
    "tone 100 Hz": harmonic_tone(100, 1),
    "tone 440 Hz": harmonic_tone(440, 1),
    "buzz 150 Hz": harmonic_tone(150, 20),
    "chords": _chords,
}
"""Sounds without random parameters."""

MUSIC = "chords"
STEADY = tuple(sound for sound in SOUNDS if sound != MUSIC)

FAMILIES: dict[str, Sound] = {"breath": TRAINING_SOUNDS["breath"], **UNSEEN_SOUNDS}
"""Sounds with random parameters: one family that the speech head is trained on, and the others."""

BACKGROUNDS = (
    Background("silence", -90.0),
    Background("white noise", -50.0, 20.0),
    Background("white noise", -50.0, 10.0),
    Background("white noise", -30.0, 10.0),
    Background("pink noise", -50.0, 20.0),
    Background("pink noise", -50.0, 10.0),
    Background("pink noise", -30.0, 10.0),
    Background("chords", -50.0, 10.0),
)
"""Without -30 dBFS at 20 dB: speech of -10 dBFS would saturate a 16-bit recording."""


def clip_in_background(clip: Int16, background: Background, seed: int) -> tuple[Int16, Span]:
    """Return a clip with background before, during and after it, and the span of its speech."""
    speech = to_float(clip).astype(np.float64)
    first, last = speech_span(speech)
    if background.snr_db is not None:
        gain_db = background.dbfs + background.snr_db - 20 * np.log10(rms(speech[first:last]))
        speech = speech * 10 ** (gain_db / 20)
    padded = np.pad(speech, SIDE_SAMPLES)
    sound = SOUNDS[background.sound](len(padded), np.random.default_rng(seed))
    mixed = padded + at_level(sound, background.dbfs)
    return as_int16(mixed), (first + SIDE_SAMPLES, last + SIDE_SAMPLES)


def sounds_without_speech(name: str) -> list[Float64]:
    """Return the sounds of a name in ``SOUNDS`` or ``FAMILIES``, the same every time."""
    count = SOUND_SECONDS * SAMPLE_RATE
    if name in SOUNDS:
        return [SOUNDS[name](count, np.random.default_rng(SOUND_SEED))]
    return [
        FAMILIES[name](count, np.random.default_rng([SOUND_SEED, draw])) for draw in range(DRAWS)
    ]


def streams_of_sound(sounds: Sequence[Float64], dbfs: float, *, switched_on: bool) -> list[Int16]:
    """Return sounds at a level, each after three seconds of faint noise if it is switched on."""
    random = np.random.default_rng(SOUND_SEED)
    faint = random.normal(scale=10 ** (FAINT_DBFS / 20), size=SIDE_SAMPLES if switched_on else 0)
    return [as_int16(np.concatenate((faint, at_level(sound, dbfs)))) for sound in sounds]
