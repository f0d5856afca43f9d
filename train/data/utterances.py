"""Clips to spectra: what the speech gate lets through, at several speeds, cached on disk."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from tqdm import tqdm

from realtime_ser.analysis import resampled
from realtime_ser.capture.sources import FileSource
from realtime_ser.emotion.frontend import (
    FRAME_SAMPLES,
    REACH_SAMPLES,
    FeatureMap,
    spectral_columns,
    step_powers,
    to_float,
)
from realtime_ser.speech.gate import GateSettings, Held, SpeechGate
from train.data.cache import Arrays, kept
from train.data.ravdess import Clip

Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spectra:
    """One variant of one utterance, before normalisation.

    Attributes:
        columns: for each feature map its magnitudes, float32, shape ``[steps, bands]``.
        powers: mean square of each 10 ms step, float32, shape ``[steps]``.
    """

    columns: dict[str, Float32]
    powers: Float32


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the gate held of one clip, at one or several speeds.

    Attributes:
        clip: where it came from.
        variants: the same utterance at each speed, the unchanged one first.
    """

    clip: Clip
    variants: tuple[Spectra, ...]


def read_clip(path: Path) -> Int16:
    """Return a clip as 16 kHz mono int16, shape ``[n]``."""
    return np.concatenate(list(resampled(FileSource(path))))


def gated(samples: Int16, settings: GateSettings | None = None) -> Int16:
    """Return the longest utterance the gate holds of a clip, the whole clip if it holds none."""
    gate = SpeechGate(settings)
    utterances: list[list[Int16]] = []
    for event in [*gate.process(samples), *gate.flush()]:
        if isinstance(event, Held):
            utterances[-1].append(event.samples)
        else:
            utterances.append([])
    held = [np.concatenate(parts) for parts in utterances if parts]
    return max(held, key=len, default=samples)


def spectra(samples: Int16, feature_maps: Iterable[FeatureMap]) -> Spectra:
    """Return the columns of an utterance as ``realtime_ser.emotion.frontend`` computes them."""
    padded = np.pad(to_float(samples), (0, max(0, FRAME_SAMPLES - len(samples))))
    columns = {}
    for each in feature_maps:
        history = np.zeros(max(0, each.window_samples - REACH_SAMPLES), np.float32)
        columns[each.name] = spectral_columns(np.concatenate((history, padded)), each)
    steps = min(len(each) for each in columns.values())
    powers = step_powers(padded)[:steps]
    return Spectra({name: each[:steps] for name, each in columns.items()}, powers)


def load_utterances(
    clips: Sequence[Clip],
    feature_maps: tuple[FeatureMap, ...],
    speeds: tuple[float, ...],
    cache: Path,
) -> list[Utterance]:
    """Return every clip's utterance at every speed, from the cache where it is there.

    Args:
        clips: the clips to read.
        feature_maps: the maps to compute.
        speeds: factors of tempo and pitch together, as a tape played faster; 1.0 comes first.
        cache: folder of the cache; its entries are named by content and settings.
    """
    return list(each_utterance(clips, feature_maps, speeds, cache))


def each_utterance(
    clips: Sequence[Clip],
    feature_maps: tuple[FeatureMap, ...],
    speeds: tuple[float, ...],
    cache: Path,
) -> Iterator[Utterance]:
    """Yield what ``load_utterances`` returns, one at a time."""
    settings = json.dumps(
        [[asdict(each) for each in feature_maps], speeds, asdict(GateSettings())], sort_keys=True
    )
    with tqdm(clips, "utterances", unit=" clips") as bar:  # closed before an error is told
        for clip in bar:
            yield Utterance(clip, _cached_variants(clip, feature_maps, speeds, cache, settings))


def _cached_variants(
    clip: Clip,
    feature_maps: tuple[FeatureMap, ...],
    speeds: tuple[float, ...],
    cache: Path,
    settings: str,
) -> tuple[Spectra, ...]:
    def compute() -> Arrays:
        utterance = gated(read_clip(clip.path))
        return _as_arrays([spectra(_at_speed(utterance, each), feature_maps) for each in speeds])

    return _from_arrays(kept(clip.path, settings, cache, compute), feature_maps, len(speeds))


def _at_speed(samples: Int16, speed: float) -> Int16:
    return samples if speed == 1.0 else np.asarray(soxr.resample(samples, speed, 1.0), np.int16)


def _as_arrays(variants: list[Spectra]) -> Arrays:
    arrays: dict[str, Float32] = {}
    for index, variant in enumerate(variants):
        arrays[f"powers {index}"] = variant.powers
        arrays |= {f"{name} {index}": values for name, values in variant.columns.items()}
    return arrays


def _from_arrays(
    arrays: Arrays, feature_maps: tuple[FeatureMap, ...], count: int
) -> tuple[Spectra, ...]:
    return tuple(
        Spectra(
            {each.name: arrays[f"{each.name} {index}"] for each in feature_maps},
            arrays[f"powers {index}"],
        )
        for index in range(count)
    )
