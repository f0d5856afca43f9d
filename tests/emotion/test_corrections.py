"""Corrections, on made-up utterances."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime_ser.emotion.corrections import MOST_CORRECTIONS, Correction, Corrections
from realtime_ser.events import LABELS

CHANNELS = 30
TRAINING = np.stack([np.ones(CHANNELS), np.full(CHANNELS, 2.0)])

Float32 = NDArray[np.float32]


def utterance(seed: int) -> Float32:
    return (1 + 2 * np.random.default_rng(seed).normal(size=CHANNELS)).astype(np.float32)


def shares(**named: float) -> Float32:
    rest = (1 - sum(named.values())) / (len(LABELS) - len(named))
    return np.array([named.get(label, rest) for label in LABELS], np.float32)


ANGRY = shares(angry=0.6, happy=0.2)


def said(label: str, seed: int = 0, probabilities: Float32 = ANGRY) -> Correction:
    return Correction(label, utterance(seed), probabilities)


def probability(corrections: Corrections, label: str, seed: int = 0) -> float:
    return float(corrections.apply(ANGRY, utterance(seed))[LABELS.index(label)])


def test_without_corrections_the_probabilities_are_the_networks_own() -> None:
    corrections = Corrections(TRAINING)
    assert corrections.apply(ANGRY, utterance(0)) is ANGRY


def test_a_correction_helps_its_label_most_where_an_utterance_is_similar() -> None:
    corrections = Corrections(TRAINING)
    corrections.add(said("happy"))
    similar = utterance(0) + 0.1 * utterance(1)
    after = corrections.apply(ANGRY, similar)
    assert after[LABELS.index("happy")] > 0.25
    unrelated = utterance(0)[::-1].copy()
    after_unrelated = corrections.apply(ANGRY, unrelated)[LABELS.index("happy")]
    assert after_unrelated == pytest.approx(0.2, abs=0.02)
    assert after.sum() == pytest.approx(1, abs=1e-6)
    assert after.dtype == np.float32


def test_what_the_network_knew_changes_little() -> None:
    corrections = Corrections(TRAINING)
    corrections.add(said("angry", probabilities=shares(angry=0.97)))
    assert probability(corrections, "angry") == pytest.approx(0.6, abs=0.02)


def test_undo_takes_the_newest_back_exactly() -> None:
    corrections, alone = Corrections(TRAINING), Corrections(TRAINING)
    for both in (corrections, alone):
        both.add(said("happy"))
    second = said("sad", seed=1)
    corrections.add(second)
    assert corrections.undo() is second
    assert (
        corrections.apply(ANGRY, utterance(2)).tolist() == alone.apply(ANGRY, utterance(2)).tolist()
    )
    corrections.undo()
    assert corrections.undo() is None
    assert corrections.apply(ANGRY, utterance(0)) is ANGRY


def test_contradictory_corrections_cancel_out() -> None:
    corrections = Corrections(TRAINING)
    for label in ("happy", "sad") * 8:
        corrections.add(said(label, probabilities=shares(happy=0.25, sad=0.25)))
    after = corrections.apply(shares(happy=0.25, sad=0.25), utterance(0))
    happy, sad = (after[LABELS.index(label)] for label in ("happy", "sad"))
    assert happy == pytest.approx(sad, abs=1e-5)


def test_one_wrong_correction_among_right_ones_costs_little() -> None:
    corrections = Corrections(TRAINING)
    for seed in range(6):
        corrections.add(said("happy", seed))
    before = probability(corrections, "happy")
    corrections.add(said("disgust", seed=7))
    assert probability(corrections, "happy") > before - 0.1


def test_many_corrections_of_one_label_do_not_take_over() -> None:
    corrections = Corrections(TRAINING)
    confident = shares(angry=0.9)
    for seed in range(MOST_CORRECTIONS):
        corrections.add(Correction("neutral", utterance(seed), shares(neutral=0.6)))
    after = corrections.apply(confident, -utterance(100))
    assert after[LABELS.index("angry")] > 0.5


def test_the_order_of_corrections_does_not_matter() -> None:
    one, other = Corrections(TRAINING), Corrections(TRAINING)
    several = [said("happy"), said("sad", 1), said("calm", 2)]
    one.restore(several)
    for correction in several[::-1]:
        other.add(correction)
    np.testing.assert_allclose(
        one.apply(ANGRY, utterance(3)), other.apply(ANGRY, utterance(3)), atol=1e-6
    )


def test_only_the_newest_corrections_are_used() -> None:
    corrections = Corrections(TRAINING)
    several = [said("happy", seed) for seed in range(MOST_CORRECTIONS + 3)]
    for correction in several:
        corrections.add(correction)
    assert corrections.all == tuple(several[3:])


def test_clear_goes_back_to_what_was_restored() -> None:
    corrections = Corrections(TRAINING)
    known = (said("happy"),)
    corrections.restore(known)
    corrections.add(said("sad", 1))
    corrections.clear()
    assert corrections.all == known


def test_corrections_work_without_statistics_of_the_training_voices() -> None:
    corrections = Corrections()
    corrections.add(said("happy"))
    assert probability(corrections, "happy") > 0.2
    silent = np.zeros(CHANNELS, np.float32)
    assert np.isfinite(corrections.apply(ANGRY, silent)).all()


@pytest.mark.parametrize(
    ("label", "pooled", "probabilities", "words"),
    [
        ("uncertain", utterance(0), ANGRY, "not one of"),
        ("", utterance(0), ANGRY, "not one of"),
        ("happy", utterance(0).reshape(2, -1), ANGRY, "must be"),
        ("happy", utterance(0), ANGRY[:7], "must be"),
        ("happy", utterance(0) * np.nan, ANGRY, "finite"),
        ("happy", utterance(0), ANGRY * np.inf, "finite"),
        ("happy", utterance(0), ANGRY - 0.3, "sum to 1"),
        ("happy", utterance(0), 2 * ANGRY, "sum to 1"),
    ],
)
def test_corrections_that_make_no_sense(
    label: str, pooled: Any, probabilities: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Correction(label, pooled, probabilities)
