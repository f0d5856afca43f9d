"""What quantising a network costs and gains: every variant, measured on validation actors."""

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
from realtime_ser.errors import SettingsError
from realtime_ser.settings import Settings
from train.data.splits import Split, read_split
from train.evaluation.predictions import Predictions
from train.evaluation.scores import figures
from train.evaluation.streamed import streamed_probabilities
from train.methods.method import FINISHED_FILE
from train.methods.window_recipe import load_window_recipe

SPLIT = "development"
FLOAT = "float32"
ALLOWED_LOSS = 0.005
"""Of unweighted average recall, for a faster network."""

TURNS = 5
HOPS_A_TURN = 100


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to store the network, measured.

    Attributes:
        name: ``float32`` or a kind of ``train.publishing.quantised``.
        megabytes: of the file.
        accuracy: of the likeliest labels of streamed clips.
        uar: unweighted average recall of these.
        same_labels: share of clips with the label that float32 gives them.
        embed_ms: median wall time of one frame's network.
        hop_ms: CPU time of a hop, everything together from 48 kHz stereo to the JSON line.
    """

    name: str
    megabytes: float
    accuracy: float
    uar: float
    same_labels: float
    embed_ms: float
    hop_ms: float


def compare_quantised(recipe: str, data: Path, runs: Path, cache: Path) -> list[Variant]:
    """Measure every variant of a recipe's development run, and print them beside each other.

    Args:
        recipe: its name; it has to be one of the method ``windows``.
        data: folder of RAVDESS.
        runs: folder of runs.
        cache: folder where spectra are kept.

    Raises:
        SettingsError: the run is not finished.
    """
    split = read_split(SPLIT, data)
    run = runs / recipe / SPLIT
    if not (run / FINISHED_FILE).exists():
        raise SettingsError(
            f"{run} holds no finished run",
            f"train it: python -m train fit --recipe {recipe} --split {SPLIT} --data {data}",
        )
    with tempfile.TemporaryDirectory() as scratch:
        folders = _exported(recipe, split, run, cache, Path(scratch))
        heard = {
            name: Predictions(split.validation, streamed_probabilities(folder, split.validation))
            for name, folder in folders.items()
        }
        times = _times(folders)
        variants = [
            _variant(name, folders[name], heard[name], heard[FLOAT], times[name])
            for name in folders
        ]
    print(as_table(variants, len(split.validation)), end="\n\n")
    print(f"{SPLIT} run of {recipe}: {verdict(variants)}")
    return variants


def _exported(recipe: str, split: Split, run: Path, cache: Path, scratch: Path) -> dict[str, Path]:
    from train.publishing.export import export
    from train.publishing.quantised import KINDS, Quantised, calibration_frames

    settings = load_window_recipe(recipe)
    frames = calibration_frames(settings, split.training, cache)
    export(settings, run, scratch / FLOAT)
    for kind in KINDS:
        export(settings, run, scratch / kind, quantised=Quantised(kind, frames))
    return {name: scratch / name for name in (FLOAT, *KINDS)}


def _times(folders: Mapping[str, Path]) -> dict[str, tuple[float, float]]:
    """Return the times of ``embed`` and of a hop, the variants measured in turns."""
    clip, _ = soundfile.read(demo_clip(), dtype="int16")
    models = {name: EmotionModel(folder) for name, folder in folders.items()}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in folders}
    for _ in range(TURNS):
        for name, model in models.items():
            measured = measure_stages(model, clip, HOPS_A_TURN)
            hop_ms = measured.cpu_ms_per_second * Settings().hop
            taken[name].append((measured.stages["embed"].median, hop_ms))
    return {
        name: (median(embed for embed, _ in each), median(hop for _, hop in each))
        for name, each in taken.items()
    }


def _variant(
    name: str,
    folder: Path,
    heard: Predictions,
    by_float: Predictions,
    times: tuple[float, float],
) -> Variant:
    scores = figures(heard, threshold=0.0)
    same = _labels(heard) == _labels(by_float)
    megabytes = (folder / MODEL_FILE).stat().st_size / 1e6
    return Variant(name, megabytes, scores["accuracy"], scores["uar"], float(same.mean()), *times)


def _labels(heard: Predictions) -> NDArray[np.str_]:
    return np.array(heard.guesses(0.0))


def as_table(variants: Sequence[Variant], clips: int) -> str:
    """Return the variants as a Markdown table."""
    header = f"| {clips} clips | MB | UAR | accuracy | same label | embed, ms | hop, CPU ms |"
    rows = [
        f"| {each.name} | {each.megabytes:.1f} | {each.uar:.3f} | {each.accuracy:.3f}"
        f" | {each.same_labels:.3f} | {each.embed_ms:.2f} | {each.hop_ms:.2f} |"
        for each in variants
    ]
    return "\n".join([header, "|---" * 7 + "|", *rows])


def verdict(variants: Sequence[Variant]) -> str:
    """Say which variant to export: the fastest that loses less than ``ALLOWED_LOSS``."""
    whole = next(each for each in variants if each.name == FLOAT)
    fair = [each for each in variants if whole.uar - each.uar < ALLOWED_LOSS]
    best = min(fair, key=lambda each: each.hop_ms)
    if best is whole:
        return f"{FLOAT} stays: no faster variant loses less than {ALLOWED_LOSS} of UAR"
    return (
        f"{best.name} takes {best.hop_ms / whole.hop_ms:.2f} of a hop's time"
        f" and changes UAR by {best.uar - whole.uar:+.3f}"
    )
