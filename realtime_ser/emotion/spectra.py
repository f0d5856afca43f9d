"""Spectra: feature maps, and their columns over samples.

The mel map is YAMNet's (M. Plakal and D. Ellis, tensorflow/models research/audioset/yamnet): 25 ms
periodic Hann window every 10 ms, magnitudes of a 512-point FFT, 64 mel bands from 125 to 7500 Hz on
the HTK scale, log(x + 0.001). A network may have further maps as inputs.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from realtime_ser.emotion.decimation import DECIMATED_BLOCK, DECIMATION, decimated, low_pass
from realtime_ser.settings import SAMPLE_RATE

STEP_SAMPLES = 160
"""Samples from one spectral column to the next: 10 ms."""

ROWS_OF_A_PRODUCT = 16
"""Columns filtered at once: OpenBLAS takes threads from 0.25 million multiply-adds on."""

DECIMATED_HIGHEST_HZ = 1100.0
"""A map that ends here or lower is computed from every fourth sample."""

Float32 = NDArray[np.float32]


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


def sharing_groups(feature_maps: Sequence[FeatureMap]) -> list[list[FeatureMap]]:
    """Return the maps in groups that share an FFT."""
    groups: list[list[FeatureMap]] = []
    for feature_map in feature_maps:
        fitting = (group for group in groups if all(can_share(feature_map, it) for it in group))
        group = next(fitting, None)
        if group is None:
            groups.append(group := [])
        group.append(feature_map)
    return groups


def group_columns(samples: Float32, group: Sequence[FeatureMap]) -> list[Float32]:
    """Return the columns of each map of a group, as ``spectral_columns`` does."""
    if len(group) == 1:
        return [spectral_columns(samples, group[0])]
    return shared_columns(samples, group)
