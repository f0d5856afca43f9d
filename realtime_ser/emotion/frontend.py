"""The frontend: speech samples to normalized log-spectral frames, each column computed once.

The mel map is YAMNet's (M. Plakal and D. Ellis, tensorflow/models research/audioset/yamnet): 25 ms
periodic Hann window every 10 ms, magnitudes of a 512-point FFT, 64 mel bands from 125 to 7500 Hz on
the HTK scale, log(x + 0.001). A network may have further maps as inputs. Their windows end where
the mel window ends, so that a longer window adds no delay.

Loudness depends more on the microphone than on the voice, so the level of each frame is normalized:
by the RMS of the utterance's last seconds up to the end of that frame, never by later samples.
Training calls the same functions.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from realtime_ser.emotion.decimation import DECIMATED_BLOCK, DECIMATION, decimated, low_pass
from realtime_ser.samples import FULL_SCALE
from realtime_ser.settings import SAMPLE_RATE

STEP_SAMPLES = 160
"""Samples from one spectral column to the next: 10 ms."""

FRAME_STEPS = 96
"""Spectral columns of a frame: 0.96 s."""

REACH_SAMPLES = 400
"""Samples from the start of a column's step to the end of its window: 25 ms."""

FRAME_SAMPLES = (FRAME_STEPS - 1) * STEP_SAMPLES + REACH_SAMPLES
"""Samples needed to complete a frame: 0.975 s."""

ROWS_OF_A_PRODUCT = 16
"""Columns filtered at once: OpenBLAS takes threads from 0.25 million multiply-adds on."""

DECIMATED_HIGHEST_HZ = 1100.0
"""A map that ends here or lower is computed from every fourth sample."""

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """One time-frequency map that a network takes as input.

    Attributes:
        name: name of the network's input.
        window_samples: length of the periodic Hann window.
        fft_samples: length of the FFT, the window padded with zeros.
        bands: number of triangular filters.
        lowest_hz: lower edge of the first filter.
        highest_hz: upper edge of the last filter.
        scale: ``mel`` spaces the filters on the HTK mel scale, ``log`` by equal ratios.
        log_offset: what is added before the logarithm.
        power: whether the filters sum squared magnitudes instead of magnitudes.
    """

    name: str = "mel"
    window_samples: int = 400
    fft_samples: int = 512
    bands: int = 64
    lowest_hz: float = 125.0
    highest_hz: float = 7500.0
    scale: Literal["mel", "log"] = "mel"
    log_offset: float = 0.001
    power: bool = False


YAMNET_MEL = FeatureMap()
"""The log-mel map of the published YAMNet."""


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


def scaled(hertz: Any, feature_map: FeatureMap) -> Any:
    """Return frequencies on a map's scale, on which its bands are equally wide."""
    return 1127.0 * np.log1p(hertz / 700.0) if feature_map.scale == "mel" else np.log(hertz)


def band_edges(feature_map: FeatureMap) -> NDArray[np.float64]:
    """Return the edges and centers of the bands, on the map's scale: ``[bands + 2]``.

    Band ``b`` rises from edge ``b`` to its center, edge ``b + 1``, and falls until edge ``b + 2``.
    """
    lowest, highest = scaled(np.array([feature_map.lowest_hz, feature_map.highest_hz]), feature_map)
    return np.linspace(lowest, highest, feature_map.bands + 2)


def band_centers(feature_map: FeatureMap) -> NDArray[np.float64]:
    """Return the frequency at which each band peaks, in Hz: ``[bands]``."""
    centers = band_edges(feature_map)[1:-1]
    return np.exp(centers) if feature_map.scale == "log" else 700.0 * np.expm1(centers / 1127.0)


@functools.cache
def filter_bank(feature_map: FeatureMap) -> Float32:
    """Return triangular filters, shape ``[fft_samples // 2 + 1, bands]``.

    The mel scale is HTK's, mel(f) = 1127 ln(1 + f / 700) (S. Young et al., The HTK Book, section
    5.4); triangles are straight on that scale and the zero-frequency bin is left out, as in
    TensorFlow's ``linear_to_mel_weight_matrix``.
    """
    edges = band_edges(feature_map)
    lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
    bins = np.fft.rfftfreq(feature_map.fft_samples, 1 / SAMPLE_RATE)[1:, np.newaxis]
    position = scaled(bins, feature_map)
    rising, falling = (position - lower) / (center - lower), (upper - position) / (upper - center)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.vstack([np.zeros(feature_map.bands), triangles]).astype(np.float32)


@functools.cache
def _used_bins(feature_map: FeatureMap) -> slice:
    """Return the bins that any filter uses."""
    used = np.flatnonzero(filter_bank(feature_map).any(axis=1))
    return slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 0)


@functools.cache
def _hann(samples: int) -> Float32:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(samples) / samples)).astype(np.float32)


def _is_decimated(feature_map: FeatureMap) -> bool:
    """Return whether a map can be computed from every fourth sample of its windows."""
    window, length = feature_map.window_samples, feature_map.fft_samples
    return (
        feature_map.highest_hz <= DECIMATED_HIGHEST_HZ
        and window % DECIMATED_BLOCK == 0
        and length % DECIMATION == 0
        and window + DECIMATED_BLOCK <= length
    )


@functools.cache
def _used_filters(feature_map: FeatureMap) -> Float32:
    """Return the filters over ``_used_bins``, corrected for the low-pass if there is one."""
    used = _used_bins(feature_map)
    filters = filter_bank(feature_map)[used]
    if not _is_decimated(feature_map):
        return filters
    passed = np.abs(np.fft.rfft(low_pass(), feature_map.fft_samples))[used, np.newaxis]
    correction = DECIMATION / passed
    return (filters * correction ** (2 if feature_map.power else 1)).astype(np.float32)


def spectral_columns(samples: Float32, feature_map: FeatureMap) -> Float32:
    """Return the filtered magnitudes or powers of every whole window, shape ``[columns, bands]``.

    Args:
        samples: full scale at ±1, shape ``[n]``; the first window starts at its first sample.
        feature_map: window, FFT and filters.
    """
    windows, length = _windows(samples, feature_map.window_samples), feature_map.fft_samples
    if _is_decimated(feature_map):
        windows, length = decimated(windows), length // DECIMATION
    spectrum = np.fft.rfft(windows, length)
    values = _powers(spectrum) if feature_map.power else np.abs(spectrum)
    return _filtered(values, feature_map)


def shared_columns(samples: Float32, feature_maps: Sequence[FeatureMap]) -> list[Float32]:
    """Return what ``spectral_columns`` does for several maps, of one FFT, up to rounding.

    Args:
        samples: full scale at ±1, shape ``[n]``; the first window starts at its first sample.
        feature_maps: maps that ``can_share`` an FFT.
    """
    length = max(feature_map.fft_samples for feature_map in feature_maps)
    powers = _powers(np.fft.rfft(_windows(samples, feature_maps[0].window_samples), length))
    columns = []
    for feature_map in feature_maps:
        values = powers[:, :: length // feature_map.fft_samples]
        columns.append(_filtered(values if feature_map.power else np.sqrt(values), feature_map))
    return columns


def can_share(one: FeatureMap, other: FeatureMap) -> bool:
    """Return whether the bins of one map are bins of the other's FFT, or the other way round."""
    shorter, longer = sorted((one.fft_samples, other.fft_samples))
    return (
        one.window_samples == other.window_samples
        and longer % shorter == 0
        and not _is_decimated(one)
        and not _is_decimated(other)
    )


def _windows(samples: Float32, length: int) -> Float32:
    cut = sliding_window_view(samples, length)[::STEP_SAMPLES]
    return cut * _hann(length)


def _powers(spectrum: NDArray[np.complexfloating]) -> Float32:
    """Return the squared magnitudes."""
    squares = np.square(spectrum.view(np.float32))
    powers: Float32 = squares[:, ::2] + squares[:, 1::2]
    return powers


def _filtered(values: Float32, feature_map: FeatureMap) -> Float32:
    return _on_one_thread(values[:, _used_bins(feature_map)], _used_filters(feature_map))


def _on_one_thread(rows: Float32, filters: Float32) -> Float32:
    """Return the matrix product, in parts that are too small for a BLAS to use threads.

    Threads would wait for each other, up to 40 ms while another process keeps the other cores busy,
    and the last digits would depend on their number.
    """
    starts = range(0, len(rows), ROWS_OF_A_PRODUCT)
    return np.concatenate([rows[start : start + ROWS_OF_A_PRODUCT] @ filters for start in starts])


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
        self._groups = _sharing(self._maps)
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
            columns = _columns(self._samples[first:], group)
            for feature_map, new in zip(group, columns, strict=True):
                joined = np.concatenate((self._columns[feature_map.name], new))
                self._columns[feature_map.name] = joined[-FRAME_STEPS:]
        known = self._samples[self._history :][: steps * STEP_SAMPLES]
        powers = np.concatenate((self._powers, step_powers(known)))
        self._powers = powers[-self._level.memory_steps :]


def _sharing(feature_maps: Sequence[FeatureMap]) -> list[list[FeatureMap]]:
    """Return the maps in groups that share an FFT."""
    groups: list[list[FeatureMap]] = []
    for feature_map in feature_maps:
        fitting = (group for group in groups if all(can_share(feature_map, it) for it in group))
        group = next(fitting, None)
        if group is None:
            groups.append(group := [])
        group.append(feature_map)
    return groups


def _columns(samples: Float32, group: Sequence[FeatureMap]) -> list[Float32]:
    if len(group) == 1:
        return [spectral_columns(samples, group[0])]
    return shared_columns(samples, group)
