"""Quantization: the size, the speed and the scores of a network in every format."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
from numpy.typing import NDArray

from realtime_ser.bench.stages import measure_stages
from realtime_ser.demo import demo_clip
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.settings import Settings
from train.corpora.splits import Split, read_split
from train.evaluation.analyses import streamed_probabilities
from train.evaluation.predictions import Predictions
from train.evaluation.scores import scores_of
from train.markdown import markdown_table
from train.model.recipe import Recipe, load_recipe
from train.model.runs import check_finished

SPLIT = "development"
FLOAT = "float32"
LARGEST_LOSS = 0.005
"""Largest loss of unweighted average recall accepted for a faster network."""

ROUNDS = 5
HOPS_PER_ROUND = 100


@dataclass(frozen=True, slots=True)
class Variant:
    """Measurements of one format.

    Attributes:
        name: ``float32`` or a kind of ``train.model.quantized``.
        megabytes: size of the file.
        accuracy: of the likeliest labels of streamed clips.
        uar: their unweighted average recall.
        same_labels: share of clips with the same label as with float32.
        embed_ms: median wall time of the frame's network.
        hop_ms: CPU time of a hop, from 48 kHz stereo to the JSON line.
    """

    name: str
    megabytes: float
    accuracy: float
    uar: float
    same_labels: float
    embed_ms: float
    hop_ms: float


def compare_formats(recipe: str, data: Path, runs: Path, cache: Path) -> list[Variant]:
    """Measure a recipe's development run in every format, and print the results.

    Args:
        recipe: name of a recipe in ``train/recipes``.
        data: folder of RAVDESS.
        runs: folder of runs.
        cache: folder where spectra are cached.

    Raises:
        SettingsError: the run is not finished.
    """
    split = read_split(SPLIT, data)
    run = runs / recipe / SPLIT
    check_finished(recipe, SPLIT, run)
    with tempfile.TemporaryDirectory() as scratch:
        folders = _export(load_recipe(recipe), split, run, cache, Path(scratch))
        predictions = {
            name: Predictions(split.validation, streamed_probabilities(folder, split.validation))
            for name, folder in folders.items()
        }
        times = _measure_times(folders)
        variants = [
            _variant(name, folders[name], predictions[name], predictions[FLOAT], times[name])
            for name in folders
        ]
    print(variant_table(variants, len(split.validation)), end="\n\n")
    print(f"{SPLIT} run of {recipe}: {verdict(variants)}")
    return variants


def _export(recipe: Recipe, split: Split, run: Path, cache: Path, scratch: Path) -> dict[str, Path]:
    from train.model.export import export
    from train.model.quantized import KINDS, Quantized, calibration_frames

    frames = calibration_frames(recipe, split.training, cache)
    export(recipe, run, scratch / FLOAT)
    for kind in KINDS:
        export(recipe, run, scratch / kind, quantized=Quantized(kind, frames))
    return {name: scratch / name for name in (FLOAT, *KINDS)}


def _measure_times(folders: Mapping[str, Path]) -> dict[str, tuple[float, float]]:
    """Return the times of ``embed`` and of a hop; the formats take turns."""
    clip, _ = soundfile.read(demo_clip(), dtype="int16")
    models = {name: EmotionModel(folder) for name, folder in folders.items()}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in folders}
    for _ in range(ROUNDS):
        for name, model in models.items():
            stages = measure_stages(model, clip, HOPS_PER_ROUND)
            hop_ms = stages.cpu_ms_per_second * Settings().hop
            times[name].append((stages.stages["embed"].median, hop_ms))
    return {
        name: (median(embed for embed, _ in rounds), median(hop for _, hop in rounds))
        for name, rounds in times.items()
    }


def _variant(
    name: str,
    folder: Path,
    predictions: Predictions,
    float_predictions: Predictions,
    times: tuple[float, float],
) -> Variant:
    scores = scores_of(predictions, threshold=0.0)
    same = _labels(predictions) == _labels(float_predictions)
    megabytes = (folder / MODEL_FILE).stat().st_size / 1e6
    return Variant(name, megabytes, scores["accuracy"], scores["uar"], float(same.mean()), *times)


def _labels(predictions: Predictions) -> NDArray[np.str_]:
    return np.array(predictions.labels(0.0))


def variant_table(variants: Sequence[Variant], clips: int) -> str:
    """Return the measurements as a Markdown table."""
    header = (
        f"{clips} clips",
        "MB",
        "UAR",
        "accuracy",
        "same label",
        "embed, ms",
        "hop, CPU ms",
    )
    rows = [
        (
            variant.name,
            f"{variant.megabytes:.1f}",
            f"{variant.uar:.3f}",
            f"{variant.accuracy:.3f}",
            f"{variant.same_labels:.3f}",
            f"{variant.embed_ms:.2f}",
            f"{variant.hop_ms:.2f}",
        )
        for variant in variants
    ]
    return markdown_table(header, rows)


def verdict(variants: Sequence[Variant]) -> str:
    """Return which format to export: the fastest that loses less than ``LARGEST_LOSS``."""
    original = next(variant for variant in variants if variant.name == FLOAT)
    acceptable = [variant for variant in variants if original.uar - variant.uar < LARGEST_LOSS]
    best = min(acceptable, key=lambda each: each.hop_ms)
    if best is original:
        return f"use {FLOAT}: no faster format loses less than {LARGEST_LOSS} of UAR"
    return (
        f"use {best.name}: it takes {best.hop_ms / original.hop_ms:.2f} of a hop's time"
        f" and changes UAR by {best.uar - original.uar:+.3f}"
    )
