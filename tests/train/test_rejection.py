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
    COST_OF_UNCERTAIN,
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


def test_a_label_is_hidden_if_it_is_more_often_wrong_than_right() -> None:
    group = calibrated(0.42, 0.95)
    chosen = choose_rejection({"nemo": group}, 1.0)
    assert chosen.threshold == pytest.approx(1 - COST_OF_UNCERTAIN, abs=0.04)
    assert chosen.error == pytest.approx(error_of(group, chosen.threshold))
    assert chosen.error < error_of(group, 0.0)
    shown = (group.confidence(1.0) >= chosen.threshold).mean()
    assert chosen.coverage == {"nemo": pytest.approx(shown)}


def test_nothing_is_hidden_where_few_labels_are_wrong() -> None:
    chosen = choose_rejection({"nemo": calibrated(0.8, 1.0)}, 1.0)
    assert chosen.threshold == 0.0
    assert chosen.coverage == {"nemo": 1.0}


def test_no_corpus_loses_more_than_its_share_however_wrong_its_labels() -> None:
    sure, unsure = calibrated(0.8, 1.0), calibrated(0.13, 0.5, seed=2)
    chosen = choose_rejection({"nemo": sure, "emospeech": unsure}, 1.0)
    assert SMALLEST_COVERAGE <= chosen.coverage["emospeech"] < SMALLEST_COVERAGE + 0.05
    assert chosen.coverage["nemo"] == 1.0


def test_every_corpus_counts_the_same_whatever_its_size() -> None:
    right, wrong = np.ones(CLIPS, bool), np.zeros(CLIPS, bool)
    confidences = np.linspace(0.3, 0.9, CLIPS)
    mostly_right = group_of(confidences, right)
    few_wrong = group_of(confidences[::20], wrong[::20])
    alone = choose_rejection({"nemo": mostly_right}, 1.0)
    both = choose_rejection({"nemo": mostly_right, "emospeech": few_wrong}, 1.0)
    assert alone.threshold == 0.0
    assert both.error == pytest.approx(0.5), "one of two corpora"


def test_the_threshold_is_compared_with_calibrated_probabilities() -> None:
    group = calibrated(0.42, 0.95)
    flattened = Group(group.logits / 2, group.allowed, group.right)
    temperature = group_temperature([flattened])
    assert temperature == pytest.approx(0.5, abs=0.08)
    assert choose_rejection({"nemo": flattened}, 0.5) == choose_rejection({"nemo": group}, 1.0)
    assert choose_rejection({"nemo": flattened}, 1.0).threshold < 0.4


def test_a_label_that_the_corpus_lacks_is_not_counted_as_wrong() -> None:
    allowed, right = target(find_corpus("emospeech"), "happy")
    probabilities = np.full(len(LABELS), 0.05)
    probabilities[LABELS.index("surprised")] = 0.4  # which emospeech lacks
    probabilities[LABELS.index("happy")] = 0.3
    group = Group(np.log(probabilities)[np.newaxis], allowed[np.newaxis], right[np.newaxis])
    assert group.is_right.tolist() == [True]
    assert group.confidence(1.0) == pytest.approx(0.4), "what a user would see"
