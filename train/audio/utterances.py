"""Turns clips into spectra of their speech, unchanged and in variations, cached on disk."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from tqdm import tqdm

from realtime_ser.analysis import resampled
from realtime_ser.capture.file_source import FileSource
from realtime_ser.emotion.frontend import FRAME_SAMPLES, REACH_SAMPLES, step_powers, to_float
from realtime_ser.emotion.spectra import FeatureMap, spectral_columns
from realtime_ser.speech.gate import GateSettings, Held, SpeechGate
from train.audio.cache import Arrays, cached
from train.audio.voices import VoiceSettings, other_voices
from train.corpora.clip import Clip

Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spectra:
    """The spectra of one variant of an utterance, before level normalization.

    Attributes:
        columns: magnitudes of each feature map by name, float32, shape ``[steps, bands]``.
        powers: mean square of each 10 ms step, float32, shape ``[steps]``.
    """

    columns: dict[str, Float32]
    powers: Float32


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the speech gate passed of one clip, in one or several variants.

    Attributes:
        clip: the clip.
        variants: the spectra of the unchanged utterance, then those of its variations.
    """

    clip: Clip
    variants: tuple[Spectra, ...]


@dataclass(frozen=True, slots=True)
class Variations:
    """Which variations of an utterance are computed.

    Attributes:
        speeds: factors of tempo and pitch at once, as of a tape played faster; the first is 1.0.
        voices: other voices for the utterance, ``None`` for none.
    """

    speeds: tuple[float, ...] = (1.0,)
    voices: VoiceSettings | None = None


UNCHANGED = Variations()


def read_clip(path: Path) -> Int16:
    """Return a clip as 16 kHz mono int16, shape ``[n]``.

    Raises:
        AudioInputError: the file is missing or damaged.
    """
    return np.concatenate(list(resampled(FileSource(path))))


def longest_utterance(samples: Int16, settings: GateSettings | None = None) -> Int16:
    """Return the longest utterance that the speech gate passes, the whole clip if there is none."""
    gate = SpeechGate(settings)
    utterances: list[list[Int16]] = []
    for event in [*gate.process(samples), *gate.flush()]:
        if isinstance(event, Held):
            utterances[-1].append(event.samples)
        else:
            utterances.append([])
    passed = [np.concatenate(parts) for parts in utterances if parts]
    return max(passed, key=len, default=samples)


def spectra(samples: Int16, feature_maps: Iterable[FeatureMap]) -> Spectra:
    """Return the spectra of an utterance as ``realtime_ser.emotion.frontend`` computes them.

    Args:
        samples: 16 kHz, shape ``[n]``; padded with zeros to the length of a frame.
        feature_maps: the maps to compute.
    """
    padded = np.pad(to_float(samples), (0, max(0, FRAME_SAMPLES - len(samples))))
    columns = {}
    for feature_map in feature_maps:
        history = np.zeros(max(0, feature_map.window_samples - REACH_SAMPLES), np.float32)
        with_history = np.concatenate((history, padded))
        columns[feature_map.name] = spectral_columns(with_history, feature_map)
    steps = min(len(values) for values in columns.values())
    powers = step_powers(padded)[:steps]
    return Spectra({name: values[:steps] for name, values in columns.items()}, powers)


def load_utterances(
    clips: Sequence[Clip],
    feature_maps: tuple[FeatureMap, ...],
    variations: Variations,
    cache: Path,
) -> list[Utterance]:
    """Return every clip's utterance in all variations; see ``iterate_utterances``."""
    return list(iterate_utterances(clips, feature_maps, variations, cache))


def iterate_utterances(
    clips: Sequence[Clip],
    feature_maps: tuple[FeatureMap, ...],
    variations: Variations,
    cache: Path,
) -> Iterator[Utterance]:
    """Yield every clip's utterance in all variations, from the cache where it is there.

    Args:
        clips: the clips to read.
        feature_maps: the maps to compute.
        variations: the variations to compute.
        cache: folder of the cache.

    Raises:
        AudioInputError: a clip is missing or damaged.
        OutputError: the cache cannot be written.
    """
    settings = json.dumps(
        [
            [asdict(feature_map) for feature_map in feature_maps],
            asdict(variations),
            asdict(GateSettings()),
        ],
        sort_keys=True,
    )
    with tqdm(clips, "utterances", unit=" clips") as bar:  # closed before an error is printed
        for clip in bar:
            variants = _cached_variants(clip, feature_maps, variations, cache, settings)
            yield Utterance(clip, variants)


def _cached_variants(
    clip: Clip,
    feature_maps: tuple[FeatureMap, ...],
    variations: Variations,
    cache: Path,
    settings: str,
) -> tuple[Spectra, ...]:
    def compute() -> Arrays:
        utterance = longest_utterance(read_clip(clip.path))
        variants = _vary(utterance, variations)
        return _to_arrays([spectra(variant, feature_maps) for variant in variants])

    return _from_arrays(cached(clip.path, settings, cache, compute), feature_maps)


def _vary(samples: Int16, variations: Variations) -> list[Int16]:
    at_speeds = [_at_speed(samples, speed) for speed in variations.speeds]
    return at_speeds + (other_voices(samples, variations.voices) if variations.voices else [])


def _at_speed(samples: Int16, speed: float) -> Int16:
    return samples if speed == 1.0 else np.asarray(soxr.resample(samples, speed, 1.0), np.int16)


def _to_arrays(variants: list[Spectra]) -> Arrays:
    arrays: dict[str, Float32] = {}
    for index, variant in enumerate(variants):
        arrays[f"powers {index}"] = variant.powers
        arrays |= {f"{name} {index}": values for name, values in variant.columns.items()}
    return arrays


def _from_arrays(arrays: Arrays, feature_maps: tuple[FeatureMap, ...]) -> tuple[Spectra, ...]:
    count = len(arrays) // (1 + len(feature_maps))
    return tuple(
        Spectra(
            {
                feature_map.name: arrays[f"{feature_map.name} {index}"]
                for feature_map in feature_maps
            },
            arrays[f"powers {index}"],
        )
        for index in range(count)
    )
