"""Features of the baselines: log-mel maps, MFCCs, the patches of the published YAMNet."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from tqdm import tqdm

from realtime_ser.emotion.frontend import FRAME_SAMPLES, FRAME_STEPS, log_map
from realtime_ser.emotion.spectra import STEP_SAMPLES, YAMNET_MEL, spectral_columns
from realtime_ser.errors import SettingsError
from realtime_ser.settings import SAMPLE_RATE
from train.audio.cache import cached
from train.corpora.clip import Clip

Float32 = NDArray[np.float32]

WINDOW_SAMPLES = 400
FFT_SAMPLES = 512
COEFFICIENTS = range(13, 41)
"""Allowed numbers of MFCCs: the paper's 13 to 40."""

PATCH_HOP_STEPS = 48
"""Columns from one patch of YAMNet to the next: 0.48 s, as published."""


def log_mel(samples: Float32, bands: int = 64) -> Float32:
    """Return librosa's log-mel map, in dB, at most 80 dB below its peak.

    Args:
        samples: 16 kHz with full scale at ±1, shape ``[n]``.
        bands: on Slaney's mel scale, up to 8 kHz.

    Returns:
        Shape ``[1 + n // 160, bands]``: 25 ms windows every 10 ms.
    """
    powers = librosa.feature.melspectrogram(
        y=samples,
        sr=SAMPLE_RATE,
        n_fft=FFT_SAMPLES,
        win_length=WINDOW_SAMPLES,
        hop_length=STEP_SAMPLES,
        n_mels=bands,
    )
    return np.ascontiguousarray(librosa.power_to_db(powers).T, np.float32)


def mfcc(samples: Float32, coefficients: int = 40) -> Float32:
    """Return librosa's mel-frequency cepstral coefficients: ``[1 + n // 160, coefficients]``.

    Args:
        samples: 16 kHz with full scale at ±1, shape ``[n]``.
        coefficients: 13 to 40, of a map of 64 bands.

    Raises:
        SettingsError: another number.
    """
    if coefficients not in COEFFICIENTS:
        raise SettingsError(
            f"coefficients is {coefficients}",
            f"use {COEFFICIENTS[0]} to {COEFFICIENTS[-1]}",
        )
    cepstrum = librosa.feature.mfcc(S=log_mel(samples).T, n_mfcc=coefficients)
    return np.ascontiguousarray(cepstrum.T, np.float32)


def yamnet_patches(samples: Float32) -> Float32:
    """Return the log-mel patches that the published YAMNet cuts a clip into: ``[frames, 96, 64]``.

    The last patch is padded with silence, as in the published module (``pad_waveform`` in
    tensorflow/models research/audioset/yamnet/features.py); the level is not normalized.

    Args:
        samples: 16 kHz with full scale at ±1, shape ``[n]``.
    """
    hop = PATCH_HOP_STEPS * STEP_SAMPLES
    hops = -(-max(0, len(samples) - FRAME_SAMPLES) // hop)
    padded = np.pad(samples, (0, max(0, FRAME_SAMPLES + hops * hop - len(samples))))
    columns = log_map(spectral_columns(padded, YAMNET_MEL), np.float32(1), YAMNET_MEL)
    patches = sliding_window_view(columns, FRAME_STEPS, axis=0)[::PATCH_HOP_STEPS]
    return np.ascontiguousarray(patches.swapaxes(1, 2))


def cached_features(
    clips: Sequence[Clip],
    compute: Callable[[Path], NDArray[Any]],
    settings: Mapping[str, Any],
    cache: Path,
    what: str,
) -> list[Float32]:
    """Return one array per clip, from the cache where it is there.

    Args:
        clips: the clips.
        compute: computes a clip's array from its file.
        settings: everything that the array depends on besides the clip's content, as JSON values.
        cache: folder of the cache.
        what: names the arrays, on the progress bar and in the cache.

    Raises:
        AudioInputError: a clip is missing or damaged.
        OutputError: the cache cannot be written, for instance because the disk is full.
    """
    text = json.dumps([what, settings], sort_keys=True)

    def load(path: Path) -> Float32:
        arrays = cached(
            path, text, cache, lambda: {"values": np.asarray(compute(path), np.float32)}
        )
        return arrays["values"]

    with tqdm(clips, what, unit=" clips") as bar:  # closed before an error is printed
        return [load(clip.path) for clip in bar]
