"""The threshold of ``uncertain``, on made-up groups. Needs the train extra."""

import numpy as np
import pytest
from numpy.typing import NDArray

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "sklearn", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from realtime_ser.events import LABELS  # noqa: E402
from train.corpora.corpus import target  # noqa: E402
from train.corpora.registry import find_corpus  # noqa: E402
from train.evaluation.group_calibration import Group, group_temperature  # noqa: E402
from train.evaluation.rejection import (  # noqa: E402
    LARGEST_ERROR,
    SMALLEST_COVERAGE,
    choose_rejection,
)

CLIPS = 1000

Float64 = NDArray[np.float64]


def group_of(confidences: Float64, right: NDArray[np.bool_]) -> Group:
    """Return clips whose likeliest label has these probabilities and is right or not."""
    rest = (1 - confidences) / (len(LABELS) - 1)
    probabilities = np.tile(rest[:, np.newaxis], len(LABELS))
    probabilities[:, 0] = confidences
    truth = np.zeros((len(confidences), len(LABELS)), bool)
    truth[np.arange(len(confidences)), np.where(right, 0, 1)] = True
    return Group(np.log(probabilities), np.ones_like(truth), truth)


def calibrated(lowest: float, highest: float, seed: int = 1) -> Group:
    """Return clips of which the share that their confidence states is right."""
    random = np.random.default_rng(seed)
    confidences = random.uniform(lowest, highest, CLIPS)
    return group_of(confidences, random.uniform(size=CLIPS) < confidences)


def error_of(group: Group, threshold: float) -> float:
    return float(1 - group.is_right[group.confidence(1.0) >= threshold].mean())


def test_the_threshold_is_the_lowest_with_an_error_small_enough() -> None:
    group = calibrated(0.5, 0.82)
    chosen = choose_rejection({"nemo": group}, 1.0)
    assert error_of(group, 0.0) > LARGEST_ERROR, "without a threshold it would be larger"
    assert chosen.error == pytest.approx(error_of(group, chosen.threshold))
    assert chosen.error <= LARGEST_ERROR < error_of(group, chosen.threshold - 0.01)
    assert chosen.coverage["nemo"] >= SMALLEST_COVERAGE


def test_nothing_is_hidden_where_few_labels_are_wrong() -> None:
    chosen = choose_rejection({"nemo": calibrated(0.8, 1.0)}, 1.0)
    assert chosen.threshold == 0.0
    assert chosen.coverage == {"nemo": 1.0}


def test_no_corpus_loses_more_than_its_share_however_wrong_its_labels() -> None:
    sure, unsure = calibrated(0.8, 1.0), calibrated(0.2, 0.5, seed=2)
    chosen = choose_rejection({"nemo": sure, "emospeech": unsure, "savee": unsure}, 1.0)
    assert chosen.error > LARGEST_ERROR, "out of reach"
    assert SMALLEST_COVERAGE <= chosen.coverage["emospeech"] < SMALLEST_COVERAGE + 0.05
    assert chosen.coverage["nemo"] == 1.0


def test_every_corpus_counts_the_same_whatever_its_size() -> None:
    sure, unsure = calibrated(0.9, 1.0), calibrated(0.3, 0.7, seed=2)
    few = Group(unsure.logits[:50], unsure.allowed[:50], unsure.right[:50])
    chosen = choose_rejection({"nemo": sure, "emospeech": few}, 1.0)
    expected = (error_of(sure, chosen.threshold) + error_of(few, chosen.threshold)) / 2
    assert chosen.error == pytest.approx(expected)


def test_the_threshold_is_compared_with_calibrated_probabilities() -> None:
    group = calibrated(0.5, 0.82)
    cold = choose_rejection({"nemo": group}, 1.0)
    flattened = Group(group.logits / 2, group.allowed, group.right)
    temperature = group_temperature([flattened])
    assert temperature == pytest.approx(0.5, abs=0.08)
    assert choose_rejection({"nemo": flattened}, 0.5) == cold
    assert choose_rejection({"nemo": flattened}, 1.0).threshold < cold.threshold


def test_a_label_that_the_corpus_lacks_is_not_counted_as_wrong() -> None:
    allowed, right = target(find_corpus("emospeech"), "happy")
    probabilities = np.full(len(LABELS), 0.05)
    probabilities[LABELS.index("surprised")] = 0.4  # which emospeech lacks
    probabilities[LABELS.index("happy")] = 0.3
    group = Group(np.log(probabilities)[np.newaxis], allowed[np.newaxis], right[np.newaxis])
    assert group.is_right.tolist() == [True]
    assert group.confidence(1.0) == pytest.approx(0.4), "what a user would see"
