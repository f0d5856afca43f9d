"""What the speech output is trained on: speech, and recorded and synthetic sounds.

Short sounds (a bark, a sneeze, a knock) come as a microphone hears them: once or repeatedly, with
pauses, in faint noise, sometimes with another sound.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.settings import SAMPLE_RATE
from train.audio.levels import as_int16, at_level
from train.audio.sounds import TRAINING_SOUNDS, colored_noise
from train.audio.speech import cut_speech
from train.audio.surroundings import Recordings, SurroundingSettings, in_surroundings
from train.model.mixture import Source

CLEAN, VARIED, RECORDED, SYNTHETIC = "speech as it is", "speech varied", "recorded", "synthetic"
SOUND = "short sounds"

UTTERANCES_OF_A_SOURCE = 800
VARIANTS_OF_A_RECORDING = 4
VARIANTS_OF_A_SOUND = 12
SOUNDS_OF_A_KIND = 60
SOUND_SECONDS = 4

ONCE_SHARE = 0.3
"""Share of the scenes in which a short sound is heard once; in the others it is repeated."""

PAUSE_SECONDS = 0.05, 1.5
SECOND_SOUND_SHARE = 0.2

OVERDRIVEN_SHARE = 0.12
"""Share of the varied utterances that are clipped, most of them heavily."""

OVERDRIVE_DB = 6.0, 60.0
"""Range of their peaks before clipping, above full scale."""

NO_RECORDINGS = Recordings([], [], [])
OTHER_SOUNDS = SurroundingSettings(
    fragment_share=0.0,
    speed_share=0.8,
    speed_octaves=0.5,
    room_share=0.0,
    noise_share=0.0,
    filter_share=0.5,
    quietest_dbfs=-50.0,
    loudest_dbfs=-12.0,
)
"""Makes other sounds of a recorded one, higher or lower, slower or faster: there are few."""

Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Example:
    """An utterance or a sound.

    Attributes:
        samples: int16, shape ``[n]``.
        group: its corpus and speaker, or its kind of sound; no group is on both sides of a fold.
        kind: ``CLEAN``, ``VARIED``, ``RECORDED``, ``SYNTHETIC`` or ``SOUND``.
    """

    samples: Int16
    group: str
    kind: str


def speech_and_other_sounds(
    sources: Sequence[Source],
    noises: Mapping[str, Sequence[Int16]],
    sounds: Mapping[str, Sequence[Int16]],
    seed: int,
) -> list[Example]:
    """Return what the speech output is trained on.

    Args:
        sources: speech.
        noises: recordings without speech, by a name for their group, int16 ``[n]`` each; also the
            background of speech.
        sounds: short recordings without speech, likewise; never a background of speech.
        seed: of everything random.
    """
    return [
        *_speech(sources, noises, seed),
        *_recorded(noises, seed),
        *_short(sounds, seed),
        *_synthetic(seed),
    ]


def _speech(
    sources: Sequence[Source], noises: Mapping[str, Sequence[Int16]], seed: int
) -> Iterator[Example]:
    """Return utterances of each source, as they are and in varied surroundings."""
    random = np.random.default_rng([seed, 1])
    recordings = Recordings([sound for sounds in noises.values() for sound in sounds], [], [])
    surroundings = SurroundingSettings(
        babble_share=0.0, room_share=0.0, lowest_snr_db=8.0, fragment_share=0.5
    )
    for source in sources:
        count = min(UTTERANCES_OF_A_SOURCE, len(source.labels))
        for number in random.choice(len(source.labels), count, replace=False):
            group = f"{source.corpus.name} {number % 50}"
            samples = source.versions[0][number]
            yield Example(samples, group, CLEAN)
            changed = in_surroundings(samples, recordings, surroundings, random)
            if random.random() < OVERDRIVEN_SHARE:
                changed = _overdriven(changed, random)
            yield Example(changed, group, VARIED)


def _overdriven(samples: Int16, random: np.random.Generator) -> Int16:
    """Return samples amplified far beyond full scale, up to a square wave."""
    low, high = OVERDRIVE_DB
    gain = 10 ** (random.uniform(low, high) / 20) / max(1, int(np.abs(samples.astype(int)).max()))
    return as_int16(samples.astype(np.float64) * gain)


def _recorded(noises: Mapping[str, Sequence[Int16]], seed: int) -> Iterator[Example]:
    random = np.random.default_rng([seed, 2])
    for group, sounds in noises.items():
        for sound in sounds:
            yield Example(_at_random_level(sound, random), group, RECORDED)
            passed = cut_speech(_at_random_level(sound, random))
            if len(passed) < len(sound):
                yield Example(passed, group, RECORDED)
            for _ in range(VARIANTS_OF_A_RECORDING):
                changed = in_surroundings(sound, NO_RECORDINGS, OTHER_SOUNDS, random)
                yield Example(changed, group, RECORDED)


def _synthetic(seed: int) -> Iterator[Example]:
    random = np.random.default_rng([seed, 3])
    for kind, make in TRAINING_SOUNDS.items():
        for _ in range(SOUNDS_OF_A_KIND):
            sound = make(SOUND_SECONDS * SAMPLE_RATE, random)
            yield Example(_at_random_level(sound, random), kind, SYNTHETIC)


def _at_random_level(sound: NDArray[Any], random: np.random.Generator) -> Int16:
    """Return a sound as int16 with an RMS level between -50 and -12 dBFS."""
    return as_int16(at_level(sound.astype(np.float64), random.uniform(-50, -12)))


def _short(sounds: Mapping[str, Sequence[Int16]], seed: int) -> Iterator[Example]:
    random = np.random.default_rng([seed, 5])
    for group, recordings in sounds.items():
        for sound in recordings:
            for number in range(VARIANTS_OF_A_SOUND):
                scene = _scene(sound, recordings, random)
                yield Example(cut_speech(scene) if number % 2 else scene, group, SOUND)


def _scene(sound: Int16, others: Sequence[Int16], random: np.random.Generator) -> Int16:
    """Return a few seconds in which a sound is heard, int16 ``[n]``."""
    whole = _repeated(_varied(sound, random), random)
    if random.random() < SECOND_SOUND_SHARE:
        second = _varied(others[int(random.integers(len(others)))], random)
        second = second[: len(whole)] * 10 ** (random.uniform(-20, 0) / 20)
        first = int(random.integers(0, len(whole) - len(second) + 1))
        whole[first : first + len(second)] += second
    noise = colored_noise(random.uniform(0, 1))(len(whole), random)
    noise = at_level(noise, random.uniform(-60, -20))
    return _at_random_level(whole + noise, random)


def _varied(sound: Int16, random: np.random.Generator) -> Float64:
    """Return a sound faster or slower and in another band, with an RMS level of 0 dB."""
    changed = in_surroundings(sound, NO_RECORDINGS, OTHER_SOUNDS, random)
    return at_level(changed.astype(np.float64), 0.0)


def _repeated(sound: Float64, random: np.random.Generator) -> Float64:
    """Return a sound once or as often as fits, with pauses, float64 ``[SOUND_SECONDS * rate]``."""
    whole = np.zeros(SOUND_SECONDS * SAMPLE_RATE)
    sound = sound[: len(whole)]
    last = len(whole) - len(sound)
    if random.random() < ONCE_SHARE:
        first = int(random.integers(0, last + 1))
        whole[first : first + len(sound)] = sound
        return whole
    position = int(random.integers(0, min(last, SAMPLE_RATE) + 1))
    while position <= last:
        whole[position : position + len(sound)] += sound * 10 ** (random.uniform(-6, 0) / 20)
        shortest, longest = np.log(PAUSE_SECONDS)
        pause = np.exp(random.uniform(shortest, longest))
        position += len(sound) + round(pause * SAMPLE_RATE)
    return whole
