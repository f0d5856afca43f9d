"""Adaptation to a voice, on made-up embeddings with known statistics."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime_ser.emotion.adaptation import (
    Adaptation,
    AdaptationSettings,
    VoiceStatistics,
    no_voice,
)

CHANNELS = 40
TRAINING = np.stack([np.linspace(-1, 1, CHANNELS), np.linspace(0.5, 2, CHANNELS)])

Float32 = NDArray[np.float32]


def frames(count: int, shift: float = 0.0, scale: float = 1.0, seed: int = 0) -> list[Float32]:
    """Embeddings of a voice whose channels lie ``shift`` deviations off the training voices'."""
    random = np.random.default_rng(seed)
    values = shift + scale * random.normal(size=(count, 3, CHANNELS))
    return list((TRAINING[0] + TRAINING[1] * values).astype(np.float32))


def heard(adaptation: Adaptation, embeddings: list[Float32]) -> list[Float32]:
    return [adaptation.normalize(embedding) for embedding in embeddings]


def test_the_statistics_are_those_of_all_positions() -> None:
    adaptation = Adaptation(TRAINING, AdaptationSettings(decay=1.0))
    embeddings = frames(50, shift=1.0)
    heard(adaptation, embeddings)
    positions = np.concatenate(embeddings)
    assert adaptation.statistics.count == 150
    np.testing.assert_allclose(adaptation.statistics.mean, positions.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(adaptation.statistics.variance, positions.var(axis=0), rtol=1e-5)


def test_old_positions_fade() -> None:
    adaptation = Adaptation(TRAINING, AdaptationSettings(decay=0.9))
    heard(adaptation, frames(100, shift=1.0) + frames(100, shift=-1.0, seed=1))
    assert adaptation.statistics.count == pytest.approx(3 / (1 - 0.9**3))
    offset = (adaptation.statistics.mean - TRAINING[0]) / TRAINING[1]
    assert offset.mean() == pytest.approx(-1.0, abs=0.1)


def test_normalization_follows_its_formula() -> None:
    settings = AdaptationSettings(prior=60, decay=1.0, mean_strength=0.5, largest_ratio=9.0)
    adaptation = Adaptation(TRAINING, settings)
    embeddings = frames(40, shift=0.7, scale=0.5)
    normalized = heard(adaptation, embeddings)[-1]
    positions = np.concatenate(embeddings).astype(np.float64)
    share = 120 / 180
    mean, variance = positions.mean(axis=0), positions.var(axis=0)
    difference = mean - TRAINING[0]
    mixed = share * variance + (1 - share) * TRAINING[1] ** 2
    mixed += share * (1 - share) * difference**2
    expected = (embeddings[-1] - TRAINING[0] - 0.5 * share * difference) * TRAINING[1]
    expected = expected / np.sqrt(mixed) + TRAINING[0]
    np.testing.assert_allclose(normalized, expected, atol=1e-5)
    assert adaptation.share == pytest.approx(share)


@pytest.mark.parametrize(("scale", "ratio"), [(0.01, 1.25), (100.0, 1 / 1.25)])
def test_the_ratio_of_the_deviations_is_limited(scale: float, ratio: float) -> None:
    adaptation = Adaptation(TRAINING, AdaptationSettings(prior=0.001, mean_strength=0.0))
    embeddings = frames(200, scale=scale)
    normalized = heard(adaptation, embeddings)[-1]
    expected = (embeddings[-1] - TRAINING[0]) * ratio + TRAINING[0]
    np.testing.assert_allclose(normalized, expected, rtol=1e-4, atol=1e-4)


def test_a_voice_like_the_training_voices_is_left_nearly_alone() -> None:
    adaptation = Adaptation(TRAINING)
    embeddings = frames(300)
    difference = np.abs(np.array(heard(adaptation, embeddings)) - embeddings) / TRAINING[1]
    assert difference[-20:].mean() < 0.1


def test_the_share_grows_from_nothing_and_clear_forgets() -> None:
    adaptation = Adaptation(TRAINING)
    shares = [adaptation.share]
    for embedding in frames(100):
        adaptation.normalize(embedding)
        shares.append(adaptation.share)
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert 0.3 < shares[-1] < 1
    adaptation.clear()
    assert adaptation.share == 0
    fresh, cleared = Adaptation(TRAINING), adaptation
    for embedding in frames(20, seed=3):
        np.testing.assert_array_equal(cleared.normalize(embedding), fresh.normalize(embedding))


def test_statistics_that_are_taken_and_given_continue_bit_for_bit() -> None:
    one, other = Adaptation(TRAINING), Adaptation(TRAINING)
    one.restore(no_voice(CHANNELS))
    heard(one, frames(30, shift=0.5))
    taken = one.statistics
    other.restore(VoiceStatistics(taken.count, taken.mean.copy(), taken.variance.copy()))
    one.restore(taken)
    for embedding in frames(30, shift=0.5, seed=1):
        np.testing.assert_array_equal(one.normalize(embedding), other.normalize(embedding))


def test_clear_goes_back_to_the_voice_that_was_restored() -> None:
    adaptation = Adaptation(TRAINING)
    heard(adaptation, frames(30))
    known = adaptation.statistics
    adaptation.restore(known)
    heard(adaptation, frames(30, seed=1))
    assert adaptation.statistics.count > known.count
    adaptation.clear()
    assert adaptation.statistics is known


def test_a_new_voice_takes_over() -> None:
    adaptation = Adaptation(TRAINING)
    heard(adaptation, frames(400, shift=0.8) + frames(300, shift=-0.8))
    offset = (adaptation.statistics.mean - TRAINING[0]) / TRAINING[1]
    assert offset.mean() < 0


def test_a_restored_voice_is_remembered_for_longer() -> None:
    adaptation = Adaptation(TRAINING)
    adaptation.restore(no_voice(CHANNELS))
    heard(adaptation, frames(400, shift=0.8) + frames(300, shift=-0.8))
    offset = (adaptation.statistics.mean - TRAINING[0]) / TRAINING[1]
    assert offset.mean() > 0
    assert adaptation.share > 0.8


def test_a_constant_channel_gives_no_nan() -> None:
    training = TRAINING.copy()
    training[1, 0] = 0.0
    adaptation = Adaptation(training)
    embeddings = frames(50)
    for embedding in embeddings:
        embedding[:, 0] = training[0, 0]
    assert np.isfinite(heard(adaptation, embeddings)).all()


def test_embeddings_of_one_position_are_taken() -> None:
    adaptation = Adaptation(TRAINING)
    embedding = frames(1)[0][0]
    assert adaptation.normalize(embedding).shape == (CHANNELS,)
    assert adaptation.statistics.count == 1


def test_the_embedding_that_is_given_stays_as_it_is() -> None:
    adaptation = Adaptation(TRAINING)
    embedding = frames(1, shift=2.0)[0]
    before = embedding.copy()
    adaptation.normalize(embedding)
    np.testing.assert_array_equal(embedding, before)


@pytest.mark.parametrize(
    ("count", "mean", "variance", "words"),
    [
        (-1.0, np.zeros(3), np.zeros(3), "negative"),
        (1.0, np.zeros(3), np.array([0, -1, 0]), "negative"),
        (np.nan, np.zeros(3), np.zeros(3), "finite"),
        (1.0, np.array([0, np.inf, 0]), np.zeros(3), "finite"),
        (1.0, np.zeros(3), np.zeros(4), "one length"),
        (1.0, np.zeros((3, 1)), np.zeros((3, 1)), "one length"),
    ],
)
def test_statistics_that_make_no_sense(count: float, mean: Any, variance: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        VoiceStatistics(count, mean, variance)


def test_statistics_cannot_be_changed_afterwards() -> None:
    mean = np.zeros(3)
    statistics = VoiceStatistics(1.0, mean, np.ones(3))
    mean[0] = 7
    assert statistics.mean[0] == 0
    for array in (statistics.mean, statistics.updated(np.ones((2, 3))).mean):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_statistics_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match="3 channels, not 40"):
        Adaptation(TRAINING).restore(no_voice(3))
