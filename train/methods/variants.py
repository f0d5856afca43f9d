"""Variants of a clip, spoken faster or slower, higher or lower: the paper's augmentation."""

import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import librosa
import numpy as np
import soxr
from numpy.typing import NDArray

from train.data.cache import kept
from train.data.preprocess import PreprocessSettings, preprocess, read_float

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VariantSettings:
    """How many there are, and how far they go.

    Attributes:
        count: variants of each training clip beside the clip itself.
        slowest: lowest tempo, as a factor.
        fastest: highest tempo, as a factor.
        semitones: largest shift of the pitch, up or down.
        seed: of the draws.
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

    They are kept on disk, since several recipes learn from the same ones.

    Args:
        path: the clip.
        settings: how many, and how far.
        preparation: what is done to each.
        cache: folder of the cache.

    Raises:
        AudioInputError: the clip is missing or damaged.
        OutputError: the cache cannot be written.
    """

    def compute() -> dict[str, Float32]:
        changed = variants(read_float(path), settings)
        return {"samples": np.stack([preprocess(each, preparation) for each in changed])}

    text = json.dumps(["variants", asdict(settings), asdict(preparation)], sort_keys=True)
    return kept(path, text, cache, compute)["samples"]


def variants(samples: Float32, settings: VariantSettings) -> list[Float32]:
    """Return a clip at random tempos and pitches, drawn anew for each clip by its content.

    Args:
        samples: 16 kHz with full scale at ±1, shape ``[n]``.
        settings: how many, and how far.
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

    As librosa shifts a pitch, by stretching and resampling, but stretched once for both: every pass
    through the phase vocoder leaves its mark.
    """
    factor = 2 ** (semitones / 12)
    stretched = librosa.effects.time_stretch(samples, rate=tempo / factor)
    return np.asarray(soxr.resample(stretched, factor, 1.0), np.float32)
