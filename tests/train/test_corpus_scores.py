"""Scores of whole corpora, from hand-made analyses with known answers."""

import numpy as np
import pytest

from realtime_ser.events import LABELS

pytestmark = pytest.mark.train

for module in ("sklearn", "scipy", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from corpus_clips import SILENT, analysis, corpus_clip  # noqa: E402
from predicted_clips import MAN, WOMAN, mostly_right, predictions, probabilities  # noqa: E402
from sklearn.metrics import recall_score  # noqa: E402

from train.corpora.corpus import predict_label  # noqa: E402
from train.corpora.registry import find_corpus  # noqa: E402
from train.evaluation.analyses import ClipAnalysis  # noqa: E402
from train.evaluation.bootstrap import (  # noqa: E402
    Groups,
    Interval,
    bootstrap_interval,
    group_by_speaker,
)
from train.evaluation.cross_corpus import cross_corpus_scores  # noqa: E402
from train.evaluation.ordinary import ordinary_scores  # noqa: E402
from train.evaluation.outcomes import mean_recall, outcomes_of_corpus, restrict  # noqa: E402
from train.evaluation.report import speaker_table  # noqa: E402
from train.evaluation.sounds import sounds_scores  # noqa: E402
from train.evaluation.speaker_scores import speaker_scores  # noqa: E402

SAVEE = find_corpus("savee")
TUREV = find_corpus("turev")  # calm, happy, sad, angry


# The bootstrap.


def groups_of(values: np.ndarray, size: int) -> Groups:
    """Groups of equal size, in order."""
    rows = np.arange(len(values)).reshape(-1, size)
    return Groups("speakers", tuple(rows))


def test_speakers_are_the_units_and_clips_where_a_speaker_is_unknown() -> None:
    named = [corpus_clip("savee", name) for name in ("DC", "JE", "DC")]
    groups = group_by_speaker(named)
    assert groups.unit == "speakers"
    assert [rows.tolist() for rows in groups.rows] == [[0, 2], [1]]
    groups = group_by_speaker([*named, corpus_clip("savee", "unknown")])
    assert groups.unit == "clips"
    assert [rows.tolist() for rows in groups.rows] == [[0], [1], [2], [3]]


def test_the_interval_of_a_mean_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    interval = bootstrap_interval(groups_of(values, 1), lambda rows: float(values[rows].mean()))
    error = 1.96 * values.std() / np.sqrt(400)
    assert interval is not None
    assert interval.low == pytest.approx(values.mean() - error, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + error, abs=0.03)


def test_speakers_who_agree_within_themselves_widen_the_interval() -> None:
    values = np.repeat(np.arange(10) % 2, 40).astype(float)  # ten speakers, always or never right

    def width(size: int) -> float:
        interval = bootstrap_interval(
            groups_of(values, size), lambda rows: float(values[rows].mean())
        )
        assert interval is not None
        return interval.high - interval.low

    assert width(40) > 5 * width(1)


def test_the_interval_is_repeatable_and_absent_for_one_speaker() -> None:
    values = np.random.default_rng(1).random(30)

    def mean(rows: np.ndarray) -> float:
        return float(values[rows].mean())

    assert bootstrap_interval(groups_of(values, 5), mean) == bootstrap_interval(
        groups_of(values, 5), mean
    )
    assert bootstrap_interval(groups_of(values, 30), mean) is None


# Comparison among a corpus's labels.


def test_restricted_probabilities_are_renormalized_with_calm_in_neutral() -> None:
    row = np.array([[0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2]])
    assert restrict(("neutral", "sad"), row) == pytest.approx(np.array([[0.75, 0.25]]))
    assert restrict(("calm", "sad"), row) == pytest.approx(np.array([[2 / 3, 1 / 3]]))
    assert np.isnan(restrict(("calm", "sad"), np.full((1, 8), np.nan))).all()
    nothing = np.eye(8)[[4]]  # all of it angry
    assert restrict(("calm", "sad"), nothing) == pytest.approx(np.array([[0.5, 0.5]]))


@pytest.mark.parametrize("name", ["savee", "turev", "ravdess", "emospeech"])
def test_the_likeliest_label_is_that_of_predict_label(name: str) -> None:
    corpus = find_corpus(name)
    rows = np.random.default_rng(2).dirichlet(np.ones(8), 200)
    analyses = [ClipAnalysis("happy", tuple(row), (), 1.0) for row in rows.tolist()]
    expected = [predict_label(corpus, row) for row in rows]
    clips = [corpus_clip(name, "one", label) for label in expected]
    assert outcomes_of_corpus(corpus, clips, analyses).right.all()


def test_mean_recall_is_scikit_learns() -> None:
    random = np.random.default_rng(3)
    truth = random.choice([0, 2, 5], 300)  # some labels do not occur
    guesses = random.integers(0, 6, 300)
    expected = recall_score(truth, guesses, labels=[0, 2, 5], average="macro")
    assert mean_recall(truth, truth == guesses) == pytest.approx(expected)


# The protocol cross-corpus.


def test_cross_corpus_scores_known_by_hand() -> None:
    heard = [
        ("A", "female", "neutral", analysis("neutral")),
        ("A", "female", "neutral", analysis("happy", 0.3, calm=0.28)),  # neutral once merged
        ("A", "female", "happy", analysis("happy")),
        ("B", "male", "happy", analysis("sad", 0.25, uncertain=True)),
        ("B", "male", "sad", analysis("sad", 0.25, uncertain=True)),
        ("B", "male", "sad", SILENT),
        ("B", "male", "angry", analysis("calm")),
        ("B", "male", "angry", analysis("angry")),
    ]
    clips = [corpus_clip("savee", who, label, sex) for who, sex, label, _ in heard]  # type: ignore[arg-type]
    scores = cross_corpus_scores(SAVEE, clips, [analysis for *_, analysis in heard])
    assert (scores.unit, scores.units) == ("speakers", 2)
    assert scores.recall == {
        "neutral": 1.0,
        "happy": 0.5,
        "sad": 0.5,
        "angry": 0.5,
        "fearful": None,
        "disgust": None,
        "surprised": None,
    }
    assert scores.uar == pytest.approx(2.5 / 4)
    assert scores.accuracy == pytest.approx(5 / 8)
    assert scores.chance == pytest.approx(1 / 7)
    assert scores.no_speech == pytest.approx(1 / 8)
    assert scores.coverage.coverage == pytest.approx(5 / 8)
    assert scores.coverage.accuracy == pytest.approx(4 / 5)
    assert scores.coverage.accuracy_of_most_confident["0.50"] == pytest.approx(3 / 4)
    assert (scores.uar_women, scores.uar_men) == pytest.approx((1.0, 1 / 3))
    assert scores.worst is None, "no speaker has ten clips"
    assert scores.uar_interval is not None
    assert scores.uar_interval.low == pytest.approx(1 / 3)
    assert scores.uar_interval.high == pytest.approx(1.0)


def test_the_worst_speaker_has_ten_clips() -> None:
    clips = [corpus_clip("turev", who, "sad") for who in "A" * 10 + "B" * 10 + "C" * 9]
    analyses = [analysis("sad")] * 8 + [analysis("happy")] * 2 + [analysis("sad")] * 10
    worst = cross_corpus_scores(TUREV, clips, [*analyses, *[analysis("angry")] * 9]).worst
    assert worst is not None
    assert (worst.speaker, worst.uar) == ("A", 0.8)


def test_calibration_is_measured_among_the_corpus_s_labels() -> None:
    clips = [corpus_clip("turev", "A", "sad") for _ in range(10)]
    rows = [(0.0, 0.0, 0.05, 0.45, 0.0, 0.5, 0.0, 0.0)] * 10  # fearful, which the corpus lacks
    analyses = [ClipAnalysis("fearful", row, (), 1.0) for row in rows]
    scores = cross_corpus_scores(TUREV, clips, analyses)
    assert scores.accuracy == 1.0
    assert scores.calibration_error == pytest.approx(1 - 0.45 / 0.5)


def test_a_corpus_without_any_speech_has_no_calibration() -> None:
    scores = cross_corpus_scores(SAVEE, [corpus_clip("savee", "A", "sad")], [SILENT])
    assert (scores.uar, scores.no_speech) == (0.0, 1.0)
    assert scores.calibration_error is None
    assert scores.coverage.accuracy is None
    assert scores.uar_interval is None


# The protocol ordinary.


def test_ordinary_speech_is_neutral_calm_uncertain_or_wrong() -> None:
    clips = [corpus_clip("ordinary_coffee", "unknown")] * 8
    said = [
        analysis("neutral"),
        analysis("calm"),
        analysis("angry", uncertain=True),
        analysis("angry"),
        analysis("angry"),
        analysis("happy"),
        analysis("neutral"),
        SILENT,
    ]
    scores = ordinary_scores(clips, said)
    assert scores.unemotional == pytest.approx(0.5)
    assert (scores.unit, scores.units) == ("clips", 8)
    assert set(scores.shares) == {*LABELS, "uncertain", "no speech"}
    assert sum(scores.shares.values()) == pytest.approx(1)
    assert scores.shares["neutral"] == pytest.approx(2 / 8)
    assert scores.shares["uncertain"] == scores.shares["no speech"] == pytest.approx(1 / 8)
    assert scores.shares["angry"] == pytest.approx(2 / 8)


def test_the_interval_of_ordinary_speech_is_over_speakers_where_these_are_known() -> None:
    clips = [corpus_clip("ordinary_librispeech", who) for who in "AAAABBBB"]
    scores = ordinary_scores(clips, [analysis("calm")] * 4 + [analysis("sad")] * 4)
    assert (scores.unit, scores.units) == ("speakers", 2)
    assert scores.unemotional_interval == Interval(0.0, 1.0)


# The protocol sounds.


def test_reported_speech_is_counted_by_minute_and_class() -> None:
    paths = ["esc10/Rain/1.ogg", "esc10/Rain/2.ogg", "esc10/Dog_bark/1.ogg", "esc10/Dog_bark/2.ogg"]
    clips = [corpus_clip("noise_esc10", "unknown", path=path) for path in paths]
    bark = ClipAnalysis("angry", (1 / 8,) * 8, ((0.0, 1.0), (2.0, 2.5)), 10.0)
    scores = sounds_scores(clips, [SILENT, SILENT, bark, SILENT])
    assert scores.minutes == pytest.approx(22 / 60)
    assert scores.seconds_per_minute == pytest.approx(1.5 / 22 * 60)
    assert scores.with_speech == 0.25
    dog, rain = scores.classes
    assert (dog.name, dog.clips, dog.with_speech) == ("Dog_bark", 2, 0.5)
    assert dog.seconds_per_minute == pytest.approx(1.5 / 14 * 60)
    assert dog.labels == {"angry": 0.5}, "the other clip has no speech"
    assert rain.labels == {}
    assert (rain.name, rain.seconds_per_minute, rain.with_speech) == ("Rain", 0.0, 0.0)
    assert scores.interval is not None
    assert scores.interval.low == 0.0


# What the reports of RAVDESS add.


def test_scores_by_speaker_known_by_hand() -> None:
    scores = speaker_scores(mostly_right(), threshold=0.3)
    assert scores.speakers == 2
    assert scores.sex_gap == pytest.approx(6 / 8 - 7 / 8)
    assert scores.uar is not None
    assert (scores.uar.low, scores.uar.high) == pytest.approx((6 / 8, 7 / 8))
    assert scores.worst is None, "nobody has ten clips"
    assert scores.coverage.coverage == pytest.approx(14 / 16)
    assert scores.coverage.accuracy == pytest.approx(13 / 14)
    assert scores.merged.all == pytest.approx(13 / 16), "neutral and calm exceed the unsure sad"
    assert (scores.merged.women, scores.merged.men) == pytest.approx((6 / 8, 7 / 8))


def test_calm_for_neutral_is_right_as_for_listeners_only() -> None:
    confused = predictions(
        [("neutral", MAN, probabilities("calm")), ("calm", WOMAN, probabilities("neutral"))]
    )
    scores = speaker_scores(confused, threshold=0.3)
    assert scores.coverage.accuracy == 0.0
    assert scores.merged.all == 1.0


def test_the_table_by_speaker_stands_beside_the_listeners() -> None:
    from dataclasses import asdict

    table = speaker_table({"by_speaker": asdict(speaker_scores(mostly_right(), 0.3))})
    assert "| UAR, 95 % interval over 2 speakers | 0.750 … 0.875 |  |" in table
    assert "| UAR, women less men | -0.125 |  |" in table
    assert "| accuracy of the most confident 90% of the clips |" in table
    assert "neutral and calm merged | 0.812 | 0.62 |" in table
    assert "women | 0.750 | 0.66 |" in table
    assert "men | 0.875 | 0.59 |" in table
    assert speaker_table({}) == "", "older scores lack it"
