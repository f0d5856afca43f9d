"""Clips to spectra: what the speech gate lets through, as it is and varied, cached on disk."""

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
from train.data.voices import VoiceSettings, other_voices

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
        variants: the same utterance as it is and varied, the unchanged one first.
    """

    clip: Clip
    variants: tuple[Spectra, ...]


@dataclass(frozen=True, slots=True)
class Variations:
    """What else is made of an utterance.

    Attributes:
        speeds: factors of tempo and pitch together, as a tape played faster; 1.0 comes first.
        voices: other voices for the utterance at its own speed, none where it is ``None``.
    """

    speeds: tuple[float, ...] = (1.0,)
    voices: VoiceSettings | None = None


UNCHANGED = Variations()


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
    variations: Variations,
    cache: Path,
) -> list[Utterance]:
    """Return every clip's utterance in every variation, from the cache where it is there.

    Args:
        clips: the clips to read.
        feature_maps: the maps to compute.
        variations: what is made of each.
        cache: folder of the cache; its entries are named by content and settings.
    """
    return list(each_utterance(clips, feature_maps, variations, cache))


def each_utterance(
    clips: Sequence[Clip],
    feature_maps: tuple[FeatureMap, ...],
    variations: Variations,
    cache: Path,
) -> Iterator[Utterance]:
    """Yield what ``load_utterances`` returns, one at a time."""
    settings = json.dumps(
        [[asdict(each) for each in feature_maps], asdict(variations), asdict(GateSettings())],
        sort_keys=True,
    )
    with tqdm(clips, "utterances", unit=" clips") as bar:  # closed before an error is told
        for clip in bar:
            yield Utterance(clip, _cached_variants(clip, feature_maps, variations, cache, settings))


def _cached_variants(
    clip: Clip,
    feature_maps: tuple[FeatureMap, ...],
    variations: Variations,
    cache: Path,
    settings: str,
) -> tuple[Spectra, ...]:
    def compute() -> Arrays:
        utterance = gated(read_clip(clip.path))
        return _as_arrays([spectra(each, feature_maps) for each in _varied(utterance, variations)])

    return _from_arrays(kept(clip.path, settings, cache, compute), feature_maps)


def _varied(samples: Int16, variations: Variations) -> list[Int16]:
    at_speeds = [_at_speed(samples, each) for each in variations.speeds]
    return at_speeds + (other_voices(samples, variations.voices) if variations.voices else [])


def _at_speed(samples: Int16, speed: float) -> Int16:
    return samples if speed == 1.0 else np.asarray(soxr.resample(samples, speed, 1.0), np.int16)


def _as_arrays(variants: list[Spectra]) -> Arrays:
    arrays: dict[str, Float32] = {}
    for index, variant in enumerate(variants):
        arrays[f"powers {index}"] = variant.powers
        arrays |= {f"{name} {index}": values for name, values in variant.columns.items()}
    return arrays


def _from_arrays(arrays: Arrays, feature_maps: tuple[FeatureMap, ...]) -> tuple[Spectra, ...]:
    count = len(arrays) // (1 + len(feature_maps))
    return tuple(
        Spectra(
            {each.name: arrays[f"{each.name} {index}"] for each in feature_maps},
            arrays[f"powers {index}"],
        )
        for index in range(count)
    )
