"""The frontend: speech samples to normalized log-spectral frames, each column computed once.

The windows of all maps end where the mel window ends, so that a longer window adds no delay.

Loudness depends more on the microphone than on the voice, so the level of each frame is normalized:
by the RMS of the utterance's last seconds up to the end of that frame, never by later samples.
Training calls the same functions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.spectra import (
    STEP_SAMPLES,
    YAMNET_MEL,
    FeatureMap,
    group_columns,
    sharing_groups,
    spectral_columns,
)
from realtime_ser.samples import FULL_SCALE

FRAME_STEPS = 96
"""Spectral columns of a frame: 0.96 s."""

REACH_SAMPLES = 400
"""Samples from the start of a column's step to the end of its window: 25 ms."""

FRAME_SAMPLES = (FRAME_STEPS - 1) * STEP_SAMPLES + REACH_SAMPLES
"""Samples needed to complete a frame: 0.975 s."""

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class LevelNormalization:
    """The level every frame is scaled to.

    Attributes:
        target_dbfs: RMS after scaling, in dB of full scale.
        memory_steps: columns before the frame's end, within the utterance, that the level is taken
            over.
        highest_gain_db: limit of the gain, so that near-silence stays quiet.
    """

    target_dbfs: float = -20.0
    memory_steps: int = 400
    highest_gain_db: float = 50.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of an utterance, ready for the network.

    Attributes:
        start_step: first column, counted in steps of 10 ms from the start of the utterance.
        maps: for each feature map its values, float32, shape ``[96, bands]``.
    """

    start_step: int
    maps: Mapping[str, Float32]


def step_powers(samples: Float32) -> Float32:
    """Return the mean square of each whole 10 ms step, shape ``[len(samples) // 160]``."""
    whole = len(samples) - len(samples) % STEP_SAMPLES
    powers: Float32 = np.square(samples[:whole]).reshape(-1, STEP_SAMPLES).mean(axis=1)
    return powers


def level_gain(powers: Float32, level: LevelNormalization) -> np.float32:
    """Return the gain that scales steps of these powers, the newest last, to the target level."""
    recent = float(np.mean(powers[-level.memory_steps :]))
    gain = 10 ** (level.target_dbfs / 20) / np.sqrt(max(recent, 1e-12))
    return np.float32(min(gain, 10 ** (level.highest_gain_db / 20)))


def log_map(columns: Float32, gain: np.float32, feature_map: FeatureMap) -> Float32:
    """Return the logarithm of the scaled magnitudes, or of the scaled powers."""
    factor = gain * gain if feature_map.power else gain
    logarithms: Float32 = np.log(columns * factor + np.float32(feature_map.log_offset))
    return logarithms


def to_float(samples: Int16) -> Float32:
    """Return int16 samples as float32 with full scale at ±1."""
    return samples.astype(np.float32) * np.float32(1 / FULL_SCALE)


class Frontend:
    """Divides one utterance at a time into frames.

    It computes only when a frame is complete, always on the same columns, so the frames are
    identical bit for bit in blocks of any size.
    """

    def __init__(
        self,
        hop_steps: int,
        feature_maps: Iterable[FeatureMap] = (YAMNET_MEL,),
        level: LevelNormalization | None = None,
    ) -> None:
        self._maps = tuple(feature_maps)
        self._level = level or LevelNormalization()
        self._hop_steps = hop_steps
        for feature_map in self._maps:  # computed now rather than within the first frame
            spectral_columns(np.zeros(feature_map.window_samples, np.float32), feature_map)
        self._groups = sharing_groups(self._maps)
        self._history = max(
            0, *(feature_map.window_samples - REACH_SAMPLES for feature_map in self._maps)
        )
        self.reset()

    def reset(self) -> None:
        """Begin a new utterance."""
        self._waiting: list[Int16] = []
        self._waiting_samples = 0
        self._samples = np.zeros(self._history, np.float32)
        self._first_step = 0
        self._columns = {
            feature_map.name: np.empty((0, feature_map.bands), np.float32)
            for feature_map in self._maps
        }
        self._powers = np.empty(0, np.float32)

    @property
    def samples_wanted(self) -> int:
        """The number of further samples that complete the next frame."""
        return self._needed() - self._waiting_samples

    def process(self, samples: Int16) -> list[Frame]:
        """Take the next samples, shape ``[n]``, and return the frames they complete."""
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        frames: list[Frame] = []
        while self._waiting_samples >= self._needed():
            frames.append(self._next_frame())
        return frames

    def flush(self) -> list[Frame]:
        """End the utterance; if it is shorter than a frame, pad it with silence to one frame."""
        if self._first_step or not self._waiting_samples:
            return []
        return self.process(np.zeros(FRAME_SAMPLES - self._waiting_samples, np.int16))

    def _new_steps(self) -> int:
        return self._hop_steps if self._first_step else FRAME_STEPS

    def _needed(self) -> int:
        known = len(self._samples) - self._history
        return self._new_steps() * STEP_SAMPLES + REACH_SAMPLES - STEP_SAMPLES - known

    def _next_frame(self) -> Frame:
        steps = self._new_steps()
        self._take(self._needed())
        self._append_columns(steps)
        self._samples = self._samples[steps * STEP_SAMPLES :]
        gain = level_gain(self._powers, self._level)
        maps = {
            feature_map.name: log_map(self._columns[feature_map.name], gain, feature_map)
            for feature_map in self._maps
        }
        frame = Frame(self._first_step, maps)
        self._first_step += self._hop_steps
        return frame

    def _take(self, count: int) -> None:
        joined = np.concatenate(self._waiting)
        self._samples = np.concatenate((self._samples, to_float(joined[:count])))
        self._waiting = [joined[count:]]
        self._waiting_samples -= count

    def _append_columns(self, steps: int) -> None:
        for group in self._groups:
            first = self._history + REACH_SAMPLES - group[0].window_samples
            columns = group_columns(self._samples[first:], group)
            for feature_map, new in zip(group, columns, strict=True):
                joined = np.concatenate((self._columns[feature_map.name], new))
                self._columns[feature_map.name] = joined[-FRAME_STEPS:]
        known = self._samples[self._history :][: steps * STEP_SAMPLES]
        powers = np.concatenate((self._powers, step_powers(known)))
        self._powers = powers[-self._level.memory_steps :]
