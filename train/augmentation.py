"""Augmentation: what a microphone, a room and another voice would change, applied to spectra.

Noise, gain and tilt act on linear magnitudes before normalisation; masks are SpecAugment's (D. Park
et al., arXiv:1904.08779), mixup is H. Zhang et al.'s (arXiv:1710.09412). Speed is applied to the
samples, when the utterance is read.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import (
    FRAME_STEPS,
    FeatureMap,
    LevelNormalisation,
    level_gain,
    log_map,
)
from train.utterances import Spectra

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


def frame_starts(steps: int, count: int, hop: int, random: np.random.Generator) -> list[int]:
    """Return where ``count`` frames start, ``hop`` apart where there is room."""
    room = steps - FRAME_STEPS
    spread = min(hop, room // (count - 1)) if count > 1 else 0
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
    noise_ratio = _noise_ratio(settings, random)
    noise_power = noise_ratio**2 * float(np.mean(spectra.powers))
    powers = spectra.powers + np.float32(noise_power)
    tilt, extra_gain = random.uniform(-1, 1, 2)
    starts = frame_starts(len(powers), settings.frames, hop, random)
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
