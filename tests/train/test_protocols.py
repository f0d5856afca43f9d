"""Protocols: what is trained, cached, scored and written."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from ravdess_clips import write_clips

from realtime_ser import Recognizer, SettingsError
from realtime_ser.emotion.model import bundled_model_folder

pytestmark = pytest.mark.train

for module in ("tensorflow", "keras", "sklearn", "scipy", "matplotlib", "parselmouth", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from predicted_clips import FakeMethod, utterances  # noqa: E402

from train.corpora.ravdess import parse_clip  # noqa: E402
from train.corpora.splits import read_split  # noqa: E402
from train.evaluation import protocols  # noqa: E402
from train.evaluation.analyses import streamed_probabilities  # noqa: E402
from train.evaluation.held_out import analyze, labels_shown_at  # noqa: E402
from train.evaluation.predictions import NO_SPEECH, Predictions  # noqa: E402
from train.evaluation.protocols import evaluate  # noqa: E402
from train.evaluation.streamed import (  # noqa: E402
    development_temperature,
    fitted_prior,
    streamed_predictions,
)
from train.model.runs import FINISHED_FILE, record_end  # noqa: E402


def test_the_label_at_a_moment_is_the_newest_one_shown() -> None:
    def emotion(end: float, label: str) -> dict[str, Any]:
        return {"event": "emotion", "end": end, "label": label}

    events: list[dict[str, Any]] = [
        {"event": "speech_started", "time": 0.5},
        emotion(1.46, "calm"),
        emotion(1.94, "sad"),
        emotion(2.42, "angry"),
        {"event": "speech_ended", "label": "angry"},
        {"event": "speech_started", "time": 3.0},
        emotion(3.96, "happy"),
        {"event": "file", "path": "spoken"},
        {"event": "file", "path": "silent"},
    ]
    shown = {moment: labels_shown_at(moment, events) for moment in (0.5, 0.96, 1.92, 9.0)}
    assert shown == {
        0.5: {"spoken": NO_SPEECH, "silent": NO_SPEECH},
        0.96: {"spoken": "calm", "silent": NO_SPEECH},
        1.92: {"spoken": "angry", "silent": NO_SPEECH},
        9.0: {"spoken": "happy", "silent": NO_SPEECH},
    }


def test_streamed_predictions_are_those_of_analyze(tmp_path: Path, recognizer: Recognizer) -> None:
    folder = write_clips(tmp_path, utterances)
    paths = sorted((folder / "Actor_17").iterdir())
    clips = [parse_clip(path) for path in paths]
    streamed = Predictions(tuple(clips), streamed_probabilities(bundled_model_folder(), clips))
    np.testing.assert_array_equal(
        streamed.probabilities, analyze(clips, bundled_model_folder()).whole.probabilities
    )
    results = [recognizer.recognize(soundfile.read(path)[0], 16_000) for path in paths]
    labels = [result.label or NO_SPEECH for result in results]
    assert streamed.labels(recognizer.pipeline().threshold) == labels
    assert labels[-1] == NO_SPEECH, "the silent clip"
    assert len(np.unique(streamed.probabilities[streamed.has_speech], axis=0)) == 7, (
        "all but the silent one"
    )


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeMethod:
    """A method whose scores are written below ``tmp_path``."""
    monkeypatch.setattr(protocols, "RESULTS_FOLDER", tmp_path / "results")
    monkeypatch.setattr(protocols, "current_commit", lambda: "a commit")
    return FakeMethod()


def test_evaluate_trains_what_is_missing_and_writes_the_scores(
    fake: FakeMethod, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, runs = write_clips(tmp_path / "data", None), tmp_path / "runs"
    fake.fit(read_split("actors-2", data), runs / "fake" / "actors-2")
    capsys.readouterr()
    evaluate(fake, "actors", data, runs, write=True)
    assert fake.fitted == ["actors-2", *(f"actors-{fold}" for fold in (1, 3, 4, 5, 6))]
    printed = capsys.readouterr()
    assert "an epoch" not in printed.out
    assert "| UAR, women | 0.000 ± 0.000 |" in printed.out
    assert "| UAR, men (5 of 6 splits have such clips) | 1.000 ± 0.000 |" in printed.out
    assert "| actors-2 | 32 clips of speakers 04, 10, 12, 14 | 0.000 |" in printed.out
    stored = tmp_path / "results" / "fake-actors.json"
    scores = json.loads(stored.read_text())
    # Men among the test speakers of the six folds: 3, 0, 3, 3, 1, 2.
    by_fold = [0.75, 0.0, 0.75, 0.75, 0.25, 0.5]
    by_clip = scores["views"]["clip-level"]
    assert [split["uar"] for split in by_clip["splits"]] == by_fold
    assert by_clip["mean"]["uar"] == 0.5
    assert by_clip["deviation"]["uar"] == round(float(np.std(by_fold, ddof=1)), 4)
    # Without 17 to 20: of {1, 11, 21}, {8, 9, 23}, {2, 15, 16} and {6, 13, 22} some are men.
    beyond = [split["uar_beyond_choice"] for split in by_clip["splits"]]
    assert beyond == [1.0, 0.0, 0.6667, 0.75, 0.3333, 0.3333]
    assert scores["splits"][1]["test_speakers"] == ["04", "10", "12", "14"]
    for split in scores["splits"]:
        assert set(split["test_speakers"]).isdisjoint(split["validation_speakers"])
    assert [path.name for path in (runs / "fake" / "actors-plots").iterdir()] == ["clip-level.png"]
    assert all(
        (runs / "fake" / split["name"] / "history.png").exists() for split in scores["splits"]
    )

    calls, written = fake.calls, stored.read_bytes()
    evaluate(fake, "actors", data, runs, write=True)
    assert (fake.calls, stored.read_bytes()) == (calls, written), "the predictions are cached"
    finished = runs / "fake" / "actors-3" / FINISHED_FILE
    os.utime(finished, ns=(0, 0))
    (runs / "fake" / "actors-4" / "clip-level.json").write_text("{half")
    evaluate(fake, "actors", data, runs, write=True)
    assert fake.calls == calls + 2, "one run is newer, the cache of another is damaged"


def test_random_splits_are_named_by_seed(
    fake: FakeMethod, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(fake, "random", write_clips(tmp_path / "data", None), tmp_path / "runs", write=False)
    printed = capsys.readouterr().out
    assert "| random-5 | 29 clips |" in printed
    assert "17–20" not in printed, "no speaker is unseen there"
    assert not (tmp_path / "results").exists()


def test_a_method_that_streams_is_scored_streamed_too(
    fake: FakeMethod,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake.streams = True
    monkeypatch.setattr(protocols, "PROTOCOLS", {"actors": ("actors-1", "actors-2")})
    data, runs = write_clips(tmp_path / "data", utterances), tmp_path / "runs"
    for _ in range(2):
        evaluate(fake, "actors", data, runs, write=True)
    assert len(fake.exported) == 2, "once per split"
    scores = json.loads((tmp_path / "results" / "fake-actors.json").read_text())
    assert list(scores["views"]) == ["streamed", "clip-level"]
    assert np.sum(scores["views"]["streamed"]["pooled"]["confusion"]) == 2 * 32
    split = read_split("actors-1", data)
    cached = streamed_predictions(fake, split, runs / "fake" / "actors-1")
    np.testing.assert_array_equal(
        cached["test"].probabilities, streamed_probabilities(bundled_model_folder(), split.test)
    )
    assert "| score | streamed | clip-level |" in capsys.readouterr().out


def test_streamed_predictions_are_of_the_network_with_its_prior(
    fake: FakeMethod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.evaluation.streamed.fitted_prior", lambda *_: 1.25)
    data, run = write_clips(tmp_path / "data", utterances), tmp_path / "run"
    split = read_split("actors-1", data)
    fake.fit(split, run)
    streamed_predictions(fake, split, run)
    assert fake.priors == [0.0, 1.25]


def test_a_recipe_of_ravdess_alone_has_no_prior(fake: FakeMethod, tmp_path: Path) -> None:
    assert fitted_prior(fake, tmp_path) == 0.0


def test_chosen_splits_are_scored_alone(
    fake: FakeMethod, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, runs = write_clips(tmp_path / "data", None), tmp_path / "runs"
    evaluate(fake, "random", data, runs, ["random-1", "random-3"], write=True)
    assert fake.fitted == ["random-1", "random-3"]
    stored = json.loads((tmp_path / "results" / "fake-random.json").read_text())
    assert [split["name"] for split in stored["splits"]] == ["random-1", "random-3"]
    assert "random-2" not in capsys.readouterr().out


@pytest.mark.parametrize("splits", [["actors-1"], ["random-9"], ["random-1", "held-out"]])
def test_a_split_of_another_protocol_is_refused(
    splits: list[str], fake: FakeMethod, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=r"protocol random has no split .*random-1"):
        evaluate(fake, "random", tmp_path, tmp_path / "runs", splits, write=False)
    assert not fake.fitted


def test_one_split_is_not_enough(fake: FakeMethod, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no deviation: choose at least two"):
        evaluate(fake, "random", tmp_path, tmp_path / "runs", ["random-1"] * 2, write=False)


def test_the_exported_temperature_is_fitted_to_speakers_17_to_20(
    fake: FakeMethod, tmp_path: Path
) -> None:
    data, runs = write_clips(tmp_path / "data", utterances), tmp_path / "runs"
    run = runs / "fake" / "development"
    with pytest.raises(SettingsError, match="holds no finished run: run python -m train fit"):
        development_temperature(fake, data, runs)
    record_end(run, {})
    assert 0.05 <= development_temperature(fake, data, runs) <= 20
    stored = json.loads((run / "streamed.json").read_text())
    assert {row["clip"][-7:-5] for row in stored["validation"]} == {"17", "18", "19", "20"}
    assert stored["test"] == []
    silent = [row["clip"] for row in stored["validation"] if row["probabilities"] is None]
    assert silent == ["03-01-08-01-01-01-17.flac"]
