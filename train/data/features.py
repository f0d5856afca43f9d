"""What the paper's recipes are shown of a clip: log-mel map, MFCCs, the patches of YAMNet."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from tqdm import tqdm

from realtime_ser.emotion.frontend import (
    FRAME_SAMPLES,
    FRAME_STEPS,
    STEP_SAMPLES,
    YAMNET_MEL,
    log_map,
    spectral_columns,
)
from realtime_ser.errors import SettingsError
from realtime_ser.settings import SAMPLE_RATE
from train.data.cache import kept
from train.data.preprocess import PreprocessSettings, preprocess, read_float
from train.data.ravdess import Clip

Float32 = NDArray[np.float32]

WINDOW_SAMPLES = 400
FFT_SAMPLES = 512
COEFFICIENTS = range(13, 41)
"""How many MFCCs may be asked for: the paper's 13 to 40."""

PATCH_HOP_STEPS = 48
"""Columns from one patch of YAMNet to the next: 0.48 s, as published."""


def log_mel(samples: Float32, bands: int = 64) -> Float32:
    """Return librosa's log-mel map, in dB, at most 80 below its peak.

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
        SettingsError: there are not so many.
    """
    if coefficients not in COEFFICIENTS:
        raise SettingsError(
            f"{coefficients} MFCCs were asked for",
            f"give {COEFFICIENTS[0]} to {COEFFICIENTS[-1]}",
        )
    cepstrum = librosa.feature.mfcc(S=log_mel(samples).T, n_mfcc=coefficients)
    return np.ascontiguousarray(cepstrum.T, np.float32)


def yamnet_patches(samples: Float32) -> Float32:
    """Return the log-mel patches the published YAMNet cuts of a clip: ``[frames, 96, 64]``.

    A last patch is filled up with silence, as the published module does (``pad_waveform`` in
    tensorflow/models research/audioset/yamnet/features.py), and nothing is normalised.

    Args:
        samples: 16 kHz with full scale at ±1, shape ``[n]``.
    """
    hop = PATCH_HOP_STEPS * STEP_SAMPLES
    hops = -(-max(0, len(samples) - FRAME_SAMPLES) // hop)
    padded = np.pad(samples, (0, max(0, FRAME_SAMPLES + hops * hop - len(samples))))
    columns = log_map(spectral_columns(padded, YAMNET_MEL), np.float32(1), YAMNET_MEL)
    patches = sliding_window_view(columns, FRAME_STEPS, axis=0)[::PATCH_HOP_STEPS]
    return np.ascontiguousarray(patches.swapaxes(1, 2))


def cached(
    clips: Sequence[Clip],
    compute: Callable[[Path], NDArray[Any]],
    settings: Mapping[str, Any],
    cache: Path,
    what: str,
) -> list[Float32]:
    """Return one array for every clip, from the cache where it is there.

    Args:
        clips: the clips.
        compute: makes the array of a clip from its file.
        settings: all that the array depends on beside the clip's content; anything JSON can hold.
        cache: folder of the cache.
        what: names the arrays on the progress bar and in the cache.

    Raises:
        AudioInputError: a clip is missing or damaged.
        OutputError: the cache cannot be written, for instance because the disk is full.
    """
    text = json.dumps([what, settings], sort_keys=True)

    def one(path: Path) -> Float32:
        values = kept(path, text, cache, lambda: {"values": np.asarray(compute(path), np.float32)})
        return values["values"]

    with tqdm(clips, what, unit=" clips") as bar:  # closed before an error is told
        return [one(clip.path) for clip in bar]


def load_log_mel(
    clips: Sequence[Clip], settings: PreprocessSettings, cache: Path, bands: int = 64
) -> list[Float32]:
    """Return ``log_mel`` of preprocessed clips, cached: see ``cached``."""
    return cached(
        clips,
        lambda path: log_mel(preprocess(read_float(path), settings), bands),
        {"preprocess": asdict(settings), "bands": bands},
        cache,
        "log-mel maps",
    )


def load_mfcc(
    clips: Sequence[Clip], settings: PreprocessSettings, cache: Path, coefficients: int = 40
) -> list[Float32]:
    """Return ``mfcc`` of preprocessed clips, cached: see ``cached``."""
    return cached(
        clips,
        lambda path: mfcc(preprocess(read_float(path), settings), coefficients),
        {"preprocess": asdict(settings), "coefficients": coefficients},
        cache,
        "MFCCs",
    )


def load_yamnet_patches(
    clips: Sequence[Clip], settings: PreprocessSettings, cache: Path
) -> list[Float32]:
    """Return ``yamnet_patches`` of preprocessed clips, cached: see ``cached``."""
    return cached(
        clips,
        lambda path: yamnet_patches(preprocess(read_float(path), settings)),
        {"preprocess": asdict(settings)},
        cache,
        "YAMNet's patches",
    )
