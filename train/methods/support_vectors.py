"""A support vector machine on statistics of MFCCs: the paper's row for classical features.

What is kept of a run is numbers alone, nothing pickled: C, gamma and what the machine is fitted to.
Fitting it again takes seconds and gives the same machine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import recall_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from realtime_ser.errors import SettingsError
from train.data.features import cached, mfcc
from train.data.preprocess import PreprocessSettings, preprocess, read_float
from train.data.ravdess import Clip
from train.data.splits import Split
from train.methods.runs import check_validation, record_end, record_origin
from train.recipe import settings_from

MACHINE_FILE = "machine.npz"

Float32 = NDArray[np.float32]

STATISTICS: dict[str, Callable[[Float32], Any]] = {
    "mean": lambda track: track.mean(axis=0),
    "deviation": lambda track: track.std(axis=0),
    "lowest": lambda track: track.min(axis=0),
    "highest": lambda track: track.max(axis=0),
    "quartiles": lambda track: np.quantile(track, (0.25, 0.5, 0.75), axis=0).ravel(),
    "skewness": lambda track: _of_what_moves(stats.skew, track),
    "kurtosis": lambda track: _of_what_moves(stats.kurtosis, track),
}
"""Of a track ``[steps, coefficients]``, over its steps."""


def _of_what_moves(moment: Callable[..., Any], track: Float32) -> Any:
    """Return a standardised moment, 0 where a coefficient never changes: a silent clip."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(moment(track, axis=0))


@dataclass(frozen=True, slots=True)
class StatisticsSettings:
    """What a clip is described by.

    Attributes:
        coefficients: MFCCs of each step, 13 to 40.
        derivatives: 1 adds their change over time, 2 the change of that too.
        statistics: names in ``STATISTICS``.
    """

    coefficients: int
    derivatives: int
    statistics: tuple[str, ...]

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.statistics) - set(STATISTICS)):
            raise SettingsError(
                f"there is no statistic {unknown[0]!r}", f"use {', '.join(STATISTICS)}"
            )


@dataclass(frozen=True, slots=True)
class GridSettings:
    """What is tried on the validation clips.

    Attributes:
        costs: values of C.
        widths: values of gamma, times the number of features.
    """

    costs: tuple[float, ...]
    widths: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.costs or not self.widths:
            raise SettingsError("there is nothing to tune", "give costs and widths")


class SupportVectorMethod:
    """One recipe of this kind.

    Args:
        name: the recipe's name.
        table: the content of its file.
        cache: folder where statistics are kept.

    Raises:
        SettingsError: a setting is missing or misspelt.
    """

    def __init__(self, name: str, table: Mapping[str, Any], cache: Path) -> None:
        self.name = name
        self._preprocess = settings_from(
            PreprocessSettings, table.get("preprocess"), f"recipe {name}: [preprocess]"
        )
        self._features = settings_from(
            StatisticsSettings, table.get("features"), f"recipe {name}: [features]"
        )
        self._grid = settings_from(GridSettings, table.get("grid"), f"recipe {name}: [grid]")
        self._cache = cache

    def fit(self, split: Split, run: Path) -> None:
        """Train on ``split``: see ``Method.fit``.

        Raises:
            SettingsError: the split has no validation clips.
        """
        check_validation(self.name, split)
        record_origin(self.name, split, run)
        training, labels = self._described(split.training), _labels(split.training)
        unseen, expected = self._described(split.validation), _labels(split.validation)
        tried = []
        for cost, width in product(self._grid.costs, self._grid.widths):
            guesses = _machine(cost, width, training, labels).predict(unseen)
            uar = float(recall_score(expected, guesses, average="macro"))
            tried.append({"cost": cost, "width": width, "validation_uar": uar})
            print(f"C {cost:g}, gamma {width:g} / features: validation UAR {uar:.4f}", flush=True)
        best = max(tried, key=lambda each: each["validation_uar"])
        np.savez(
            run / MACHINE_FILE,
            training=training,
            labels=labels,
            cost=best["cost"],
            width=best["width"],
        )
        record_end(run, {**best, "tried": tried})

    def logits(self, clips: Sequence[Clip], run: Path) -> Float32:
        """Return the one-against-the-rest scores of clips: see ``Method.logits``."""
        with np.load(run / MACHINE_FILE) as kept:
            machine = _machine(
                float(kept["cost"]), float(kept["width"]), kept["training"], kept["labels"]
            )
        return np.asarray(machine.decision_function(self._described(clips)), np.float32)

    def _described(self, clips: Sequence[Clip]) -> Float32:
        """Return the statistics of clips: ``[clips, features]``."""
        return np.stack(
            cached(
                clips,
                lambda path: self._statistics(preprocess(read_float(path), self._preprocess)),
                self._computed_from,
                self._cache,
                "MFCC statistics",
            )
        )

    def _statistics(self, samples: Float32) -> Float32:
        """Return what describes a prepared clip, the zeros it is padded with left out."""
        unpadded = np.trim_zeros(samples, "b") if samples.any() else samples
        return statistics(mfcc(unpadded, self._features.coefficients), self._features)

    @property
    def _computed_from(self) -> dict[str, Any]:
        return {"preprocess": asdict(self._preprocess), "features": asdict(self._features)}


def statistics(track: Float32, settings: StatisticsSettings) -> Float32:
    """Return statistics of coefficients and of their derivatives, shape ``[features]``.

    Args:
        track: shape ``[steps, coefficients]``.
        settings: which ones.
    """
    derivatives = [
        librosa.feature.delta(track, order=order, axis=0, mode="nearest")
        for order in range(1, settings.derivatives + 1)
    ]
    return np.concatenate(
        [STATISTICS[name](each) for each in (track, *derivatives) for name in settings.statistics],
        dtype=np.float32,
    )


def _machine(cost: float, width: float, training: Float32, labels: NDArray[np.int64]) -> Pipeline:
    gamma = width / training.shape[1]
    machine = make_pipeline(StandardScaler(), SVC(C=cost, gamma=gamma, class_weight="balanced"))
    return machine.fit(training, labels)


def _labels(clips: Sequence[Clip]) -> NDArray[np.int64]:
    return np.array([clip.label for clip in clips], np.int64)
