"""Scores and calibration of hand-made predictions."""

import numpy as np
import pytest

from realtime_ser import LABELS, SettingsError
from realtime_ser.events import UNCERTAIN

pytestmark = pytest.mark.train

for module in ("tensorflow", "keras", "sklearn", "scipy", "matplotlib", "parselmouth", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from predicted_clips import (  # noqa: E402
    MAN,
    SILENT,
    WOMAN,
    mostly_right,
    predictions,
    probabilities,
    view,
)

from train.evaluation.calibration import fit_temperature, reliability, scaled  # noqa: E402
from train.evaluation.predictions import NO_SPEECH, Predictions  # noqa: E402
from train.evaluation.protocols import protocol_scores, view_of  # noqa: E402
from train.evaluation.scores import scores_of  # noqa: E402


def test_scores_of_a_confusion_matrix_known_by_hand() -> None:
    found = scores_of(mostly_right(), threshold=0.3)
    expected = {
        "accuracy": 13 / 16,
        "uar": (5 + 3 * 0.5) / 8,
        "macro_precision": (7 + 2 / 3) / 8,  # happy is predicted three times, twice correctly
        "macro_f1": (4 + 0.8 + 3 * 2 / 3) / 8,
        "accuracy_likeliest": 14 / 16,
        "uar_likeliest": (6 + 2 * 0.5) / 8,
        "uar_women": 6 / 8,
        "uar_men": 7 / 8,
    }
    assert {key: found[key] for key in expected} == pytest.approx(expected)
    assert found["recall"]["calm"] == 0.5
    assert found["precision"]["happy"] == pytest.approx(2 / 3)
    assert found["f1"]["happy"] == pytest.approx(0.8)
    counts = dict(zip(found["columns"], np.array(found["confusion"]).T.tolist(), strict=True))
    assert counts["happy"] == [0, 1, 2, 0, 0, 0, 0, 0]
    assert counts[UNCERTAIN] == [0, 0, 0, 1, 0, 0, 0, 0]
    assert counts[NO_SPEECH] == [0, 0, 0, 0, 1, 0, 0, 0]
    assert np.sum(found["confusion"]) == 16


def test_a_label_that_is_never_predicted_has_precision_0() -> None:
    always_sad = predictions([(label, WOMAN, probabilities("sad")) for label in LABELS])
    assert scores_of(always_sad, 0.0)["uar"] == 1 / 8
    assert scores_of(always_sad, 0.0)["macro_precision"] == pytest.approx(1 / 64)
    assert scores_of(always_sad, 0.0)["uar_men"] is None
    assert always_sad.labels(0.7) == [UNCERTAIN] * 8, "0.65 is below that threshold"


@pytest.mark.parametrize(
    ("clips", "error"),
    [
        ([(0.9, True)] * 8 + [(0.9, False)] * 2, 0.1),
        ([(0.9, True)] * 9 + [(0.9, False)], 0.0),
        ([(0.9, True)] * 8 + [(0.9, False)] * 2 + [(0.6, True)] * 6 + [(0.6, False)] * 4, 0.05),
        ([(0.55, True), (0.65, False)], (0.45 + 0.65) / 2),  # in two of fifteen bins
        ([(0.61, True), (0.65, False)], abs(0.5 - 0.63)),  # in one
        ([(1.0, True)] * 3, 0.0),
    ],
)
def test_calibration_error_known_by_hand(clips: list[tuple[float, bool]], error: float) -> None:
    rows = np.array([[confidence, 1 - confidence] for confidence, _ in clips])
    labels = np.array([0 if right else 1 for _, right in clips])
    result = reliability(rows, labels)
    assert result.error == pytest.approx(error)
    assert result.counts.sum() == len(clips)


def test_the_temperature_reverses_a_known_scaling() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (5000, 8))
    gumbel = random.gumbel(size=logits.shape)
    labels = np.argmax(logits + gumbel, axis=1)  # samples of the logits' probabilities
    assert fit_temperature(logits, labels) == pytest.approx(1, abs=0.05)
    ratio = fit_temperature(3 * logits, labels) / fit_temperature(logits, labels)
    assert ratio == pytest.approx(3, rel=1e-4)


def test_scaling_calibrates_without_changing_the_likeliest_label() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 8, 800)
    guesses = np.where(random.random(800) < 0.6, labels, (labels + 1) % 8)
    overconfident = predictions(
        [
            (LABELS[truth], f"{speaker:02}", probabilities(LABELS[guess], 0.95))
            for truth, guess, speaker in zip(
                labels, guesses, random.integers(1, 25, 800), strict=True
            )
        ]
    )
    calibrated = view_of({"validation": overconfident, "test": overconfident}, threshold=0.3)
    assert calibrated.scaled.labels(0.0) == overconfident.labels(0.0)
    before = reliability(calibrated.unscaled.probabilities, labels).error
    after = reliability(calibrated.scaled.probabilities, labels).error
    assert before > 0.3
    assert after < 0.02


def test_the_temperature_depends_on_the_validation_clips_only() -> None:
    test = mostly_right()
    wrong = Predictions(test.clips, np.roll(test.probabilities, 1, axis=1))
    temperatures = {
        view_of({"validation": test, "test": predictions}, 0.3).temperature
        for predictions in (test, wrong)
    }
    assert len(temperatures) == 1


def test_validation_clips_without_speech_are_explained() -> None:
    silent = predictions([(label, WOMAN, probabilities(SILENT)) for label in LABELS])
    with pytest.raises(SettingsError, match="no validation clip has speech"):
        view_of({"validation": silent, "test": mostly_right()}, 0.3)


def test_scaling_does_not_change_no_speech() -> None:
    assert scaled(mostly_right(), 2.0).labels(0.0).count(NO_SPEECH) == 1


def test_mean_deviation_and_pool_of_two_folds() -> None:
    perfect = predictions(
        [(label, speaker, probabilities(label)) for label in LABELS for speaker in (MAN, WOMAN)]
    )
    scores = protocol_scores([view(mostly_right()), view(perfect)], by_speaker=False)
    assert scores["mean"]["accuracy"] == round((13 / 16 + 1) / 2, 4)
    assert scores["deviation"]["accuracy"] == round((1 - 13 / 16) / np.sqrt(2), 4)
    assert scores["mean"]["recall"]["calm"] == 0.75
    assert scores["pooled"]["accuracy"] == round(29 / 32, 4)
    assert np.sum(scores["pooled"]["confusion"]) == 32
    assert [split["accuracy"] for split in scores["splits"]] == [0.8125, 1.0]


def test_one_fold_has_no_deviation() -> None:
    scores = protocol_scores([view(mostly_right())], by_speaker=False)
    assert scores["deviation"]["uar"] is None
    assert scores["deviation"]["recall"]["sad"] is None
