"""What a clip's label lets a loss and a score compare."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.events import LABELS
from train.corpora.catalog import CORPORA
from train.corpora.corpus import Corpus, Kind, predict_label, target

RAVDESS, NEMO, TUREV = CORPORA["ravdess"], CORPORA["nemo"], CORPORA["turev"]
ORDINARY, NOISE = CORPORA["ordinary_librispeech"], CORPORA["noise_hu100"]
SPEECH = [corpus for corpus in CORPORA.values() if corpus.kind != "noise"]


def named(mask: np.ndarray) -> set[str]:
    assert mask.shape == (len(LABELS),)
    assert mask.dtype == np.bool_
    return {label for label, chosen in zip(LABELS, mask, strict=True) if chosen}


@pytest.mark.parametrize(
    ("corpus", "label", "allowed", "right"),
    [
        (RAVDESS, "neutral", set(LABELS), {"neutral"}),
        (RAVDESS, "calm", set(LABELS), {"calm"}),
        (NEMO, "neutral", {*LABELS} - {"disgust"}, {"neutral", "calm"}),
        (NEMO, "sad", {*LABELS} - {"disgust"}, {"sad"}),
        (TUREV, "calm", {"calm", "happy", "sad", "angry"}, {"calm"}),
        (ORDINARY, None, set(LABELS), {"neutral", "calm"}),
    ],
)
def test_a_target_compares_among_the_labels_of_its_corpus(
    corpus: Corpus, label: str | None, allowed: set[str], right: set[str]
) -> None:
    found = target(corpus, label)
    assert (named(found[0]), named(found[1])) == (allowed, right)


@pytest.mark.parametrize("corpus", SPEECH, ids=lambda corpus: corpus.name)
def test_every_label_of_every_corpus_has_a_target(corpus: Corpus) -> None:
    for label in corpus.labels or (None,):
        allowed, right = target(corpus, label)
        assert right.any()
        assert not (right & ~allowed).any()
        if label is not None:
            assert label in named(right)


@pytest.mark.parametrize(
    ("corpus", "label"),
    [(NEMO, "calm"), (NEMO, "disgust"), (NEMO, None), (ORDINARY, "neutral"), (NOISE, None)],
)
def test_a_label_that_the_corpus_lacks_is_refused(corpus: Corpus, label: str | None) -> None:
    with pytest.raises(ValueError, match=corpus.name):
        target(corpus, label)


def probabilities(**shares: float) -> list[float]:
    return [shares.get(label, 0.0) for label in LABELS]


@pytest.mark.parametrize(
    ("corpus", "shares", "expected"),
    [
        (RAVDESS, {"neutral": 0.3, "calm": 0.3, "sad": 0.4}, "sad"),
        (NEMO, {"neutral": 0.3, "calm": 0.3, "sad": 0.4}, "neutral"),
        (NEMO, {"disgust": 0.9, "happy": 0.06, "sad": 0.04}, "happy"),
        (NEMO, {"calm": 0.6, "happy": 0.4}, "neutral"),
        (TUREV, {"neutral": 0.7, "calm": 0.1, "sad": 0.2}, "sad"),
        (ORDINARY, {"neutral": 0.3, "calm": 0.3, "disgust": 0.4}, "neutral"),
        (ORDINARY, {"neutral": 0.1, "calm": 0.1, "disgust": 0.8}, "disgust"),
    ],
)
def test_the_predicted_label_is_one_of_the_corpus(
    corpus: Corpus, shares: dict[str, float], expected: str
) -> None:
    assert predict_label(corpus, probabilities(**shares)) == expected


@given(
    st.lists(st.floats(0, 1), min_size=8, max_size=8).filter(lambda values: sum(values) > 0.01),
    st.sampled_from(SPEECH),
)
def test_a_loss_near_zero_means_a_right_prediction(values: list[float], corpus: Corpus) -> None:
    """Where more than half of the allowed probability is right, the prediction is right."""
    shares = np.array(values) / sum(values)
    for label in corpus.labels or (None,):
        allowed, right = target(corpus, label)
        if shares[allowed].sum() and shares[right].sum() > 0.5001 * shares[allowed].sum():
            assert predict_label(corpus, shares) == (label or "neutral")


def test_noise_and_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="no speech"):
        predict_label(NOISE, probabilities(sad=1))
    with pytest.raises(ValueError, match="expected 8 probabilities"):
        predict_label(NEMO, [0.5, 0.5])


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (("sad", "happy"), "acted"),
        (("happy", "joyful"), "acted"),
        ((), "acted"),
        (("happy",), "ordinary"),
        (("happy",), "noise"),
    ],
)
def test_a_corpus_with_a_wrong_label_set_cannot_be_made(
    labels: tuple[str, ...], kind: Kind
) -> None:
    with pytest.raises(ValueError, match="labels"):
        Corpus("made-up", "Made up", "en", "none", "nowhere", "score", kind, labels)


def test_only_corpora_whose_license_allows_it_are_trained_on() -> None:
    unlicensed = {"ased", "savee", "emodb", "urdu", "turev", "tess", "crema-d"}
    scored = {name for name, corpus in CORPORA.items() if corpus.use == "score"}
    assert scored == unlicensed | {
        "ordinary_coffee",
        "ordinary_malayalam",
        "noise_esc10",
        "noise_household",
    }
    assert all(name == corpus.name for name, corpus in CORPORA.items())


def test_the_loss_of_a_merged_label_is_that_of_the_sum() -> None:
    """The recipe of the docstring: mask, softmax, log of the sum over the right labels."""
    logits = np.log(np.maximum(probabilities(neutral=0.2, calm=0.2, happy=0.4, disgust=0.2), 1e-9))
    allowed, right = target(NEMO, "neutral")
    shares = np.exp(np.where(allowed, logits, -np.inf))
    shares /= shares.sum()
    assert -math.log(shares[right].sum()) == pytest.approx(math.log(2), abs=1e-6)
