"""Calibration: the difference of confidence and accuracy, and the temperature that minimizes it.

C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks, ICML 2017
(arXiv:1706.04599).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from realtime_ser.errors import SettingsError
from train.evaluation.predictions import Predictions

Float64 = NDArray[np.float64]

BINS = 15
"""Equal-width bins of confidence, as in the paper."""

SMALLEST_PROBABILITY = 1e-6
"""The last digit of an event's probabilities; replaces a probability that was rounded to 0."""

TEMPERATURE_RANGE = (0.05, 20.0)


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram: clips in bins of confidence, all arrays of shape ``[15]``.

    Attributes:
        counts: clips in each bin.
        confidences: their mean confidence, 0 for an empty bin.
        accuracies: the share whose likeliest label is right, 0 for an empty bin.
    """

    counts: NDArray[np.int64]
    confidences: Float64
    accuracies: Float64

    @property
    def error(self) -> float:
        """The expected calibration error: mean difference over clips, 0 to 1."""
        differences = np.abs(self.accuracies - self.confidences)
        return float(np.average(differences, weights=self.counts))


def reliability(probabilities: Float64, labels: NDArray[np.int64]) -> Reliability:
    """Sort clips into bins by the highest of their probabilities.

    Args:
        probabilities: shape ``[clips, labels]``, rows that sum to 1.
        labels: the true ones, shape ``[clips]``, at least one.
    """
    confidences = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, BINS + 1)
    bins = np.digitize(confidences, edges[1:-1], right=True)
    counts = np.bincount(bins, minlength=BINS)
    filled = np.maximum(counts, 1)
    return Reliability(
        counts,
        np.bincount(bins, confidences, minlength=BINS) / filled,
        np.bincount(bins, right, minlength=BINS) / filled,
    )


def reliability_of(predictions: Predictions) -> Reliability:
    """Return the reliability of the clips with speech."""
    speech = predictions.has_speech
    return reliability(predictions.probabilities[speech], predictions.truth[speech])


def fit_temperature(log_probabilities: Float64, labels: NDArray[np.int64]) -> float:
    """Return the temperature that maximizes the likelihood of the labels, 0.05 to 20.

    Args:
        log_probabilities: or logits, shape ``[clips, labels]``.
        labels: the true ones, shape ``[clips]``.

    Raises:
        ValueError: there are no clips.
    """
    if not len(labels):
        raise ValueError("a temperature needs clips")

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(log_probabilities / np.exp(log_temperature), axis=1)
        return -float(scaled[np.arange(len(labels)), labels].mean())

    # The loss is convex in the inverse temperature, so it has one minimum in its logarithm.
    result = minimize_scalar(
        loss, bounds=np.log(TEMPERATURE_RANGE), method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(result.x))


def log_probabilities(probabilities: Float64) -> Float64:
    """Return the logarithms, finite where a probability was rounded to 0."""
    return np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))


def temperature_of(predictions: Predictions) -> float:
    """Return the temperature fitted to the clips with speech.

    Raises:
        SettingsError: there are none.
    """
    speech = predictions.has_speech
    if not speech.any():
        raise SettingsError(
            "the temperature cannot be fitted, no validation clip has speech",
            "check the clips and the model",
        )
    return fit_temperature(
        log_probabilities(predictions.probabilities[speech]), predictions.truth[speech]
    )


def scaled(predictions: Predictions, temperature: float) -> Predictions:
    """Return the predictions at another temperature; the likeliest labels stay the same."""
    logits = log_probabilities(predictions.probabilities) / temperature
    return Predictions(predictions.clips, softmax(logits, axis=1))
