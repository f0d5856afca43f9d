"""Frames of an utterance at random places, through the live program's own frontend."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import (
    FRAME_SAMPLES,
    FRAME_STEPS,
    REACH_SAMPLES,
    LevelNormalization,
    level_gain,
    log_map,
    step_powers,
    to_float,
)
from realtime_ser.emotion.spectra import STEP_SAMPLES, FeatureMap, spectral_columns

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class FrameSettings:
    """Which frames are taken, and what is masked in them (SpecAugment, arXiv:1904.08779).

    Attributes:
        count: frames of an utterance.
        smallest_spacing, largest_spacing: steps between their starts, fewer where the utterance is
            too short for that.
        masked_bands: largest number of neighboring bands set to the mean.
        masked_steps: largest number of neighboring columns set to the mean, for each frame.
    """

    count: int = 4
    smallest_spacing: int = 40
    largest_spacing: int = 60
    masked_bands: int = 10
    masked_steps: int = 16


def random_frames(
    samples: Int16,
    feature_maps: Sequence[FeatureMap],
    settings: FrameSettings,
    random: np.random.Generator,
) -> dict[str, Float32]:
    """Return frames of an utterance: for each map float32 ``[count, 96, bands]``."""
    padded = np.pad(to_float(samples), (0, max(0, FRAME_SAMPLES - len(samples))))
    steps = (len(padded) - REACH_SAMPLES) // STEP_SAMPLES + 1
    starts = _starts(steps, settings, random)
    powers = step_powers(padded)
    level = LevelNormalization()
    gains = [level_gain(powers[: start + FRAME_STEPS], level) for start in starts]
    span = padded[starts[0] * STEP_SAMPLES : starts[-1] * STEP_SAMPLES + FRAME_SAMPLES]
    frames = {}
    for feature_map in feature_maps:
        columns = spectral_columns(span, feature_map)
        values = np.stack(
            [
                log_map(columns[start - starts[0] :][:FRAME_STEPS], gain, feature_map)
                for start, gain in zip(starts, gains, strict=True)
            ]
        )
        frames[feature_map.name] = mask_frames(
            values, settings.masked_bands, settings.masked_steps, random
        )
    return frames


def _starts(steps: int, settings: FrameSettings, random: np.random.Generator) -> list[int]:
    free = steps - FRAME_STEPS
    spacing = int(random.integers(settings.smallest_spacing, settings.largest_spacing + 1))
    if settings.count > 1:
        spacing = min(spacing, free // (settings.count - 1))
    first = int(random.integers(0, free - spacing * (settings.count - 1) + 1))
    return [first + spacing * number for number in range(settings.count)]


def mask_frames(values: Float32, bands: int, steps: int, random: np.random.Generator) -> Float32:
    """Set random bands and columns to the mean, in place (SpecAugment, arXiv:1904.08779).

    Args:
        values: frames of one map, shape ``[frames, 96, bands]``.
        bands: largest number of neighboring bands that are masked, in all frames alike.
        steps: largest number of neighboring columns that are masked, in each frame by itself.
        random: draws the masks.

    Returns:
        ``values``.
    """
    mean = values.mean()
    width = int(random.integers(0, bands + 1))
    band = int(random.integers(0, values.shape[2] - width + 1))
    values[:, :, band : band + width] = mean
    for frame in values:
        length = int(random.integers(0, steps + 1))
        step = int(random.integers(0, len(frame) - length + 1))
        frame[step : step + length] = mean
    return values
