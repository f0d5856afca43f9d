"""A support vector machine on statistics of MFCCs: the paper's classical baseline.

A run stores numbers only, no pickles: C, gamma and the training data. Fitting the machine again
takes seconds and gives the same result.
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

from experiments.baselines.baseline import Baseline
from experiments.baselines.features import cached_features, mfcc
from experiments.baselines.preprocess import preprocess, read_float
from realtime_ser.errors import SettingsError
from train.corpora.clip import Clip
from train.corpora.splits import Split
from train.corpora.targets import label_indices
from train.model.recipe_files import settings_from
from train.model.runs import check_validation, record_end, record_origin

MACHINE_FILE = "machine.npz"

Float32 = NDArray[np.float32]

STATISTICS: dict[str, Callable[[Float32], Any]] = {
    "mean": lambda track: track.mean(axis=0),
    "deviation": lambda track: track.std(axis=0),
    "lowest": lambda track: track.min(axis=0),
    "highest": lambda track: track.max(axis=0),
    "quartiles": lambda track: np.quantile(track, (0.25, 0.5, 0.75), axis=0).ravel(),
    "skewness": lambda track: _moment(stats.skew, track),
    "kurtosis": lambda track: _moment(stats.kurtosis, track),
}
"""Statistics of a track ``[steps, coefficients]`` over its steps."""


def _moment(moment: Callable[..., Any], track: Float32) -> Any:
    """Return a standardized moment, 0 where a coefficient is constant, as in a silent clip."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(moment(track, axis=0))


@dataclass(frozen=True, slots=True)
class StatisticsSettings:
    """The features of a clip.

    Attributes:
        coefficients: number of MFCCs, 13 to 40.
        derivatives: 1 adds first derivatives, 2 also second ones.
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
    """The grid that is searched on the validation clips.

    Attributes:
        costs: values of C.
        widths: values of gamma, multiplied by the number of features.
    """

    costs: tuple[float, ...]
    widths: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.costs or not self.widths:
            raise SettingsError("the grid is empty", "list at least one cost and one width")


class SupportVectorMethod(Baseline):
    """A recipe of this kind as a ``train.model.method.Method``: see ``Baseline``."""

    def __init__(self, name: str, table: Mapping[str, Any], cache: Path) -> None:
        super().__init__(name, table, cache)
        self._features = settings_from(
            StatisticsSettings, table.get("features"), f"recipe {name}: [features]"
        )
        self._grid = settings_from(GridSettings, table.get("grid"), f"recipe {name}: [grid]")

    def fit(self, split: Split, run: Path) -> None:
        """Train on ``split``: see ``Method.fit``.

        Raises:
            SettingsError: the split has no validation clips.
        """
        check_validation(self.name, split)
        record_origin(self.name, split, run)
        training, labels = self._features_of(split.training), label_indices(split.training)
        validation, truth = self._features_of(split.validation), label_indices(split.validation)
        tried = []
        for cost, width in product(self._grid.costs, self._grid.widths):
            guesses = _machine(cost, width, training, labels).predict(validation)
            uar = float(recall_score(truth, guesses, average="macro"))
            tried.append({"cost": cost, "width": width, "validation_uar": uar})
            print(f"C {cost:g}, gamma {width:g} / features: validation UAR {uar:.4f}", flush=True)
        best = max(tried, key=lambda point: point["validation_uar"])
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
        with np.load(run / MACHINE_FILE) as stored:
            machine = _machine(
                float(stored["cost"]),
                float(stored["width"]),
                stored["training"],
                stored["labels"],
            )
        return np.asarray(machine.decision_function(self._features_of(clips)), np.float32)

    def _features_of(self, clips: Sequence[Clip]) -> Float32:
        """Return the features of clips: ``[clips, features]``."""
        return np.stack(
            cached_features(
                clips,
                lambda path: self._statistics(preprocess(read_float(path), self._preprocess)),
                self._computed_from,
                self._cache,
                "MFCC statistics",
            )
        )

    def _statistics(self, samples: Float32) -> Float32:
        """Return the features of a preprocessed clip without its padding."""
        unpadded = np.trim_zeros(samples, "b") if samples.any() else samples
        return statistics(mfcc(unpadded, self._features.coefficients), self._features)

    @property
    def _computed_from(self) -> dict[str, Any]:
        return {"preprocess": asdict(self._preprocess), "features": asdict(self._features)}


def statistics(track: Float32, settings: StatisticsSettings) -> Float32:
    """Return statistics of coefficients and of their derivatives, shape ``[features]``.

    Args:
        track: shape ``[steps, coefficients]``.
        settings: which statistics.
    """
    derivatives = [
        librosa.feature.delta(track, order=order, axis=0, mode="nearest")
        for order in range(1, settings.derivatives + 1)
    ]
    return np.concatenate(
        [
            STATISTICS[name](values)
            for values in (track, *derivatives)
            for name in settings.statistics
        ],
        dtype=np.float32,
    )


def _machine(cost: float, width: float, training: Float32, labels: NDArray[np.int64]) -> Pipeline:
    gamma = width / training.shape[1]
    machine = make_pipeline(StandardScaler(), SVC(C=cost, gamma=gamma, class_weight="balanced"))
    return machine.fit(training, labels)
