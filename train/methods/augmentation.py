"""Augmentation: what a microphone, a room and another voice would change, applied to spectra.

Noise, gain and tilt act on linear magnitudes before normalisation; masks are SpecAugment's (D. Park
et al., arXiv:1904.08779), mixup is H. Zhang et al.'s (arXiv:1710.09412). Speed and other voices are
made of the samples, when the utterance is read.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from realtime_ser.emotion.frontend import (
    FRAME_STEPS,
    STEP_SAMPLES,
    YAMNET_MEL,
    FeatureMap,
    LevelNormalisation,
    band_centres,
    level_gain,
    log_map,
)
from realtime_ser.settings import SAMPLE_RATE
from train.data.utterances import Spectra

STEP_SECONDS = STEP_SAMPLES / SAMPLE_RATE

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AugmentationSettings:
    """How much is changed.

    Attributes:
        speeds: factors of tempo and pitch, 1.0 first.
        frames: frames taken of an utterance.
        gain_db: largest change of the level after normalisation.
        tilt_db: largest change at either end of a map's bands, the other end changed inversely.
        noise_share: share of examples with added noise.
        quietest_noise_db: highest signal-to-noise ratio, in dB.
        loudest_noise_db: lowest signal-to-noise ratio, in dB.
        masked_bands: largest number of neighbouring bands hidden.
        masked_steps: largest number of neighbouring columns hidden in a frame.
        mixup_share: share of batches that are mixed up.
        room_share: share of examples that reverberate.
        longest_reverberation: longest time in which a room's sound decays by 60 dB, in seconds.
        loudest_reverberation_db: highest level of the reverberation relative to the direct sound.
        narrow_band_share: share of examples without low and high bands, as over a telephone.
        widest_spacing: largest distance of the frames, in steps; the smallest is the hop. The live
            window spans a whole utterance, which a few frames a hop apart do not.
        cropped_share: share of examples cut short at either end, as speech is while it goes on.
        longest_crop: most steps that are cut off at an end.
    """

    speeds: tuple[float, ...]
    frames: int
    gain_db: float
    tilt_db: float
    noise_share: float
    quietest_noise_db: float
    loudest_noise_db: float
    masked_bands: int
    masked_steps: int
    mixup_share: float
    room_share: float
    longest_reverberation: float
    loudest_reverberation_db: float
    narrow_band_share: float
    widest_spacing: int = 48
    cropped_share: float = 0.0
    longest_crop: int = 0


def frame_starts(
    steps: int, count: int, spacings: tuple[int, int], random: np.random.Generator
) -> list[int]:
    """Return where ``count`` frames start, this far apart in steps where there is room."""
    room = steps - FRAME_STEPS
    spacing = int(random.integers(spacings[0], spacings[1] + 1))
    spread = min(spacing, room // (count - 1)) if count > 1 else 0
    first = int(random.integers(0, room - spread * (count - 1) + 1))
    return [first + spread * index for index in range(count)]


def augmented_frames(
    spectra: Spectra,
    feature_maps: tuple[FeatureMap, ...],
    settings: AugmentationSettings,
    hop: int,
    random: np.random.Generator,
) -> dict[str, Float32]:
    """Return random frames of an utterance: for each map float32 ``[frames, 96, bands]``."""
    if random.random() < settings.cropped_share:
        spectra = cropped(spectra, *random.integers(0, settings.longest_crop + 1, 2))
    if random.random() < settings.room_share:
        spectra = reverberated(spectra, _random_room(settings, random))
    if random.random() < settings.narrow_band_share:
        spectra = narrowed(spectra, feature_maps, *_random_band(random))
    noise_ratio = _noise_ratio(settings, random)
    noise_power = noise_ratio**2 * float(np.mean(spectra.powers))
    powers = spectra.powers + np.float32(noise_power)
    tilt, extra_gain = random.uniform(-1, 1, 2)
    starts = frame_starts(len(powers), settings.frames, (hop, settings.widest_spacing), random)
    factor = np.float32(10 ** (extra_gain * settings.gain_db / 20))
    gains = [
        factor * level_gain(powers[: start + FRAME_STEPS], LevelNormalisation()) for start in starts
    ]
    frames = {}
    for each in feature_maps:
        columns = _noisy(spectra.columns[each.name], noise_ratio, random)
        columns = columns * _tilt(each.bands, float(tilt) * settings.tilt_db)
        values = np.stack(
            [
                log_map(columns[start : start + FRAME_STEPS], gain, each)
                for start, gain in zip(starts, gains, strict=True)
            ]
        )
        frames[each.name] = _masked(values, settings, random)
    return frames


def cropped(spectra: Spectra, beginning: int, end: int) -> Spectra:
    """Return an utterance without so many steps at its ends, or with a frame's length of it."""
    steps = len(spectra.powers)
    beginning = min(beginning, max(0, steps - FRAME_STEPS))
    end = min(end, max(0, steps - beginning - FRAME_STEPS))
    kept = slice(beginning, steps - end)
    columns = {name: values[kept] for name, values in spectra.columns.items()}
    return Spectra(columns, spectra.powers[kept])


@dataclass(frozen=True, slots=True)
class Room:
    """A room as its energy decays.

    Attributes:
        decay: share of the reverberation's energy that is left after a step of 10 ms.
        ratio: energy of the reverberation relative to that of the direct sound.
    """

    decay: float
    ratio: float


def _random_room(settings: AugmentationSettings, random: np.random.Generator) -> Room:
    seconds = random.uniform(0.15, settings.longest_reverberation)
    decibels = random.uniform(-15, settings.loudest_reverberation_db)
    return Room(float(10 ** (-6 * STEP_SECONDS / seconds)), float(10 ** (decibels / 10)))


def reverberated(spectra: Spectra, room: Room) -> Spectra:
    """Return an utterance as a room would give it back, energies only.

    Each band's energy is followed by an exponentially decaying tail: J. D. Polack's model of
    diffuse reverberation (1988), whose expected energy is the sum of its parts' energies.
    """

    def with_tail(energy: Float32) -> Float32:
        tail = room.ratio * (1 - room.decay)
        late = lfilter([0, tail], [1, -room.decay], energy, axis=0)
        heard: Float32 = (energy + late).astype(np.float32)
        return heard

    columns = {
        name: np.sqrt(with_tail(np.square(values))) for name, values in spectra.columns.items()
    }
    return Spectra(columns, with_tail(spectra.powers))


def _random_band(random: np.random.Generator) -> tuple[float, float]:
    """Return the ends of a telephone's, a headset's or a codec's band, in Hz."""
    return float(random.uniform(50, 350)), float(random.uniform(3_300, 7_000))


def narrowed(
    spectra: Spectra, feature_maps: tuple[FeatureMap, ...], lowest_hz: float, highest_hz: float
) -> Spectra:
    """Return an utterance without what lies beyond two frequencies.

    Bands beyond fall by 60 dB an octave, to -60 dB; powers fall by what the mel map has lost.
    """
    columns = {}
    for each in feature_maps:
        hertz = band_centres(each)
        octaves = np.maximum(0, np.maximum(np.log2(lowest_hz / hertz), np.log2(hertz / highest_hz)))
        factors = 10 ** (np.maximum(-60 * octaves, -60) / 20)
        columns[each.name] = spectra.columns[each.name] * factors.astype(np.float32)
    before, after = (
        np.square(maps[YAMNET_MEL.name]).sum(axis=1) + np.float32(1e-12)
        for maps in (spectra.columns, columns)
    )
    return Spectra(columns, (spectra.powers * after / before).astype(np.float32))


def _noise_ratio(settings: AugmentationSettings, random: np.random.Generator) -> float:
    if random.random() >= settings.noise_share:
        return 0.0
    decibels = random.uniform(settings.loudest_noise_db, settings.quietest_noise_db)
    return float(10 ** (-decibels / 20))


def _noisy(columns: Float32, ratio: float, random: np.random.Generator) -> Float32:
    if ratio == 0.0:
        return columns
    bands = columns.shape[1]
    colour = _tilt(bands, float(random.uniform(-12, 12)))
    level = ratio * float(np.sqrt(np.mean(np.square(columns))))
    noise = random.rayleigh(level / np.sqrt(2), columns.shape).astype(np.float32) * colour
    together: Float32 = np.hypot(columns, noise)
    return together


def _tilt(bands: int, decibels: float) -> Float32:
    slope = np.linspace(-decibels, decibels, bands)
    return (10 ** (slope / 20)).astype(np.float32)


def _masked(
    values: Float32, settings: AugmentationSettings, random: np.random.Generator
) -> Float32:
    frames, steps, bands = values.shape
    filling = values.mean()
    width = int(random.integers(0, settings.masked_bands + 1))
    first_band = int(random.integers(0, bands - width + 1))
    values[:, :, first_band : first_band + width] = filling
    for frame in range(frames):
        length = int(random.integers(0, settings.masked_steps + 1))
        first_step = int(random.integers(0, steps - length + 1))
        values[frame, first_step : first_step + length] = filling
    return values
