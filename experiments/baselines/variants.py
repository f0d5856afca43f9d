"""Variants of a clip with another tempo and another pitch: the paper's augmentation."""

import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import librosa
import numpy as np
import soxr
from numpy.typing import NDArray

from experiments.baselines.preprocess import PreprocessSettings, preprocess, read_float
from train.audio.cache import cached

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VariantSettings:
    """How many variants there are, and how far they differ.

    Attributes:
        count: variants of each training clip, besides the clip itself.
        slowest: lowest tempo, as a factor.
        fastest: highest tempo, as a factor.
        semitones: largest shift of the pitch, up or down.
        seed: of the random choices.
    """

    count: int
    slowest: float
    fastest: float
    semitones: float
    seed: int


def prepared_variants(
    path: Path, settings: VariantSettings, preparation: PreprocessSettings, cache: Path
) -> Float32:
    """Return a clip's variants, each preprocessed: ``[count, samples]``.

    They are cached on disk, because several recipes use the same ones.

    Args:
        path: the clip.
        settings: how many, and how different.
        preparation: the preprocessing.
        cache: folder of the cache.

    Raises:
        AudioInputError: the clip is missing or damaged.
        OutputError: the cache cannot be written.
    """

    def compute() -> dict[str, Float32]:
        changed = variants(read_float(path), settings)
        return {"samples": np.stack([preprocess(variant, preparation) for variant in changed])}

    text = json.dumps(["variants", asdict(settings), asdict(preparation)], sort_keys=True)
    return cached(path, text, cache, compute)["samples"]


def variants(samples: Float32, settings: VariantSettings) -> list[Float32]:
    """Return a clip at random tempos and pitches, which depend on the seed and the samples.

    Args:
        samples: 16 kHz with full scale at ±1, shape ``[n]``.
        settings: how many, and how different.
    """
    random = np.random.default_rng([settings.seed, zlib.crc32(samples.tobytes())])
    return [
        stretched_and_shifted(
            samples,
            random.uniform(settings.slowest, settings.fastest),
            random.uniform(-settings.semitones, settings.semitones),
        )
        for _ in range(settings.count)
    ]


def stretched_and_shifted(samples: Float32, tempo: float, semitones: float) -> Float32:
    """Return a clip at another tempo and another pitch, shape ``[n / tempo]``.

    Like librosa's pitch shift, it stretches and resamples, but stretches only once for both,
    because every pass through the phase vocoder costs quality.
    """
    factor = 2 ** (semitones / 12)
    stretched = librosa.effects.time_stretch(samples, rate=tempo / factor)
    return np.asarray(soxr.resample(stretched, factor, 1.0), np.float32)
