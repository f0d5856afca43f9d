"""Augmentation of spectra: noise, rooms, telephones, gain, tilt, cropping and masks.

Everything but the masks acts on linear magnitudes before the level is normalized; the masks are
SpecAugment's (D. Park et al., arXiv:1904.08779). Other speeds and voices are computed from the
samples, see ``train.audio.utterances``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from realtime_ser.emotion.frontend import FRAME_STEPS
from realtime_ser.emotion.spectra import STEP_SAMPLES, YAMNET_MEL, FeatureMap, band_centers
from realtime_ser.settings import SAMPLE_RATE
from train.audio.frames import mask_frames
from train.audio.utterances import Spectra
from train.model.framing import frames_at

STEP_SECONDS = STEP_SAMPLES / SAMPLE_RATE

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AugmentationSettings:
    """How strongly training examples are changed.

    Attributes:
        speeds: factors of tempo and pitch, 1.0 first.
        frames: frames per example.
        gain_db: largest change of the normalized level, up or down.
        tilt_db: largest change at one end of a map's bands; the other end changes inversely.
        noise_share: share of examples with added noise, 0 to 1.
        quietest_noise_db: highest signal-to-noise ratio, in dB.
        loudest_noise_db: lowest signal-to-noise ratio, in dB.
        masked_bands: largest number of adjacent bands masked.
        masked_steps: largest number of adjacent columns masked in a frame.
        mixup_share: share of batches that are mixed up.
        room_share: share of examples with reverberation.
        longest_reverberation: longest reverberation time (RT60), in seconds.
        loudest_reverberation_db: highest level of the reverberation relative to the direct sound.
        narrow_band_share: share of examples limited to a band, as by a telephone or a headset.
        widest_spacing: largest distance of the frames, in steps of 10 ms; the smallest is the hop.
        cropped_share: share of examples that are cropped at both ends.
        longest_crop: most steps removed at an end.
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
    """Return random first steps of ``count`` frames.

    Args:
        steps: length of the utterance.
        count: number of frames.
        spacings: smallest and largest distance of two frames; less where the utterance is short.
        random: generator.
    """
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
    """Return random frames of an utterance, augmented.

    Args:
        spectra: of the utterance.
        feature_maps: the maps to return.
        settings: how strongly they are changed.
        hop: smallest distance of two frames, in steps.
        random: generator.

    Returns:
        By name of the map, float32 ``[frames, 96, bands]``.
    """
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
    columns = {
        feature_map.name: _add_noise(spectra.columns[feature_map.name], noise_ratio, random)
        * _tilt(feature_map.bands, float(tilt) * settings.tilt_db)
        for feature_map in feature_maps
    }
    gain = 10 ** (extra_gain * settings.gain_db / 20)
    frames = frames_at(Spectra(columns, powers), feature_maps, starts, gain)
    return {
        name: mask_frames(values, settings.masked_bands, settings.masked_steps, random)
        for name, values in frames.items()
    }


def cropped(spectra: Spectra, start: int, end: int) -> Spectra:
    """Remove steps at the start and the end of an utterance, leaving at least one frame."""
    steps = len(spectra.powers)
    start = min(start, max(0, steps - FRAME_STEPS))
    end = min(end, max(0, steps - start - FRAME_STEPS))
    rest = slice(start, steps - end)
    columns = {name: values[rest] for name, values in spectra.columns.items()}
    return Spectra(columns, spectra.powers[rest])


@dataclass(frozen=True, slots=True)
class Room:
    """Reverberation as energies, for spectra.

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
    """Return an utterance with the reverberation of a room.

    The energy of each band gets an exponentially decaying tail. This is the expected energy of the
    room model of ``train.audio.channels``.
    """

    def with_tail(energy: Float32) -> Float32:
        tail = room.ratio * (1 - room.decay)
        late = lfilter([0, tail], [1, -room.decay], energy, axis=0)
        total: Float32 = (energy + late).astype(np.float32)
        return total

    columns = {
        name: np.sqrt(with_tail(np.square(values))) for name, values in spectra.columns.items()
    }
    return Spectra(columns, with_tail(spectra.powers))


def _random_band(random: np.random.Generator) -> tuple[float, float]:
    """Return random limits of a telephone's, a headset's or a codec's band, in Hz."""
    return float(random.uniform(50, 350)), float(random.uniform(3_300, 7_000))


def narrowed(
    spectra: Spectra, feature_maps: tuple[FeatureMap, ...], lowest_hz: float, highest_hz: float
) -> Spectra:
    """Attenuate an utterance outside a band.

    Bands outside fall by 60 dB per octave, to -60 dB; powers by as much as the mel map's.
    """
    columns = {}
    for feature_map in feature_maps:
        hertz = band_centers(feature_map)
        octaves = np.maximum(0, np.maximum(np.log2(lowest_hz / hertz), np.log2(hertz / highest_hz)))
        factors = 10 ** (np.maximum(-60 * octaves, -60) / 20)
        columns[feature_map.name] = spectra.columns[feature_map.name] * factors.astype(np.float32)
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


def _add_noise(columns: Float32, ratio: float, random: np.random.Generator) -> Float32:
    if ratio == 0.0:
        return columns
    bands = columns.shape[1]
    color = _tilt(bands, float(random.uniform(-12, 12)))
    level = ratio * float(np.sqrt(np.mean(np.square(columns))))
    noise = random.rayleigh(level / np.sqrt(2), columns.shape).astype(np.float32) * color
    noisy: Float32 = np.hypot(columns, noise)
    return noisy


def _tilt(bands: int, decibels: float) -> Float32:
    slope = np.linspace(-decibels, decibels, bands)
    return (10 ** (slope / 20)).astype(np.float32)
