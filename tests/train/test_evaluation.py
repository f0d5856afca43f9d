"""Scores: by hand-made predictions, by a method that is no network, and as documents state them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser import LABELS, RealtimeSerError, Recognizer, SettingsError
from realtime_ser.emotion.model import EmotionModel, bundled_model_folder
from realtime_ser.events import UNCERTAIN
from realtime_ser.settings import Settings
from train.data.ravdess import Clip, parse_clip

pytestmark = pytest.mark.train

for module in ("tensorflow", "keras", "sklearn", "scipy", "matplotlib", "pandas", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from train.data.splits import Split, read_split  # noqa: E402
from train.evaluation import ablation, protocols, streamed  # noqa: E402
from train.evaluation.calibration import (  # noqa: E402
    development_temperature,
    fit_temperature,
    reliability,
    scaled,
)
from train.evaluation.compare import PUBLISHED, compare, comparison  # noqa: E402
from train.evaluation.files import README, RESULTS_FOLDER  # noqa: E402
from train.evaluation.held_out import analyzed, shown_at  # noqa: E402
from train.evaluation.predictions import NO_SPEECH, Predictions  # noqa: E402
from train.evaluation.protocols import View, evaluate, scores_of, view_of  # noqa: E402
from train.evaluation.scores import figures  # noqa: E402
from train.evaluation.streamed import streamed_predictions, streamed_probabilities  # noqa: E402
from train.evaluation.targets import targets_table  # noqa: E402
from train.methods.method import FINISHED_FILE  # noqa: E402
from train.methods.runs import record_end, record_origin  # noqa: E402

MAN, WOMAN = 1, 2
SILENT = "silent"


def clip(label: str, actor: int) -> Clip:
    number = LABELS.index(label)
    return Clip(Path(f"03-01-{number + 1:02}-01-01-01-{actor:02}.wav"), number, actor)


def shares(guess: str, confidence: float = 0.65) -> list[float]:
    """Probabilities of eight labels, the rest of the confidence spread evenly."""
    if guess == SILENT:
        return [np.nan] * len(LABELS)
    rest = (1 - confidence) / (len(LABELS) - 1)
    return [confidence if label == guess else rest for label in LABELS]


def predictions(heard: Sequence[tuple[str, int, list[float]]]) -> Predictions:
    """Predictions from truth, actor and probabilities of each clip."""
    clips = tuple(clip(truth, actor) for truth, actor, _ in heard)
    return Predictions(clips, np.array([row for *_, row in heard]))


def mostly_right() -> Predictions:
    """Two clips a label; one calm man happy, one sad woman uncertain, one angry woman unheard."""
    rows = {(label, actor): shares(label) for label in LABELS for actor in (MAN, WOMAN)}
    rows["calm", MAN] = shares("happy")
    rows["sad", WOMAN] = shares("sad", confidence=0.2)
    rows["angry", WOMAN] = shares(SILENT)
    return predictions([(label, actor, row) for (label, actor), row in rows.items()])


def test_figures_of_a_confusion_known_by_hand() -> None:
    found = figures(mostly_right(), threshold=0.3)
    expected = {
        "accuracy": 13 / 16,
        "uar": (5 + 3 * 0.5) / 8,
        "macro_precision": (7 + 2 / 3) / 8,  # happy was said three times, twice rightly
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


def test_a_label_never_given_has_precision_0() -> None:
    always_sad = predictions([(label, WOMAN, shares("sad")) for label in LABELS])
    everyone = predictions(
        [(label, actor, shares("sad")) for label in LABELS for actor in (MAN, WOMAN)]
    )
    assert figures(everyone, 0.0)["uar"] == 1 / 8
    assert figures(everyone, 0.0)["macro_precision"] == pytest.approx(1 / 64)
    assert always_sad.guesses(0.7) == [UNCERTAIN] * 8, "0.65 is below that threshold"


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
    probabilities = np.array([[confidence, 1 - confidence] for confidence, _ in clips])
    labels = np.array([0 if right else 1 for _, right in clips])
    result = reliability(probabilities, labels)
    assert result.error == pytest.approx(error)
    assert result.counts.sum() == len(clips)


def test_the_temperature_undoes_a_known_scaling() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (5000, 8))
    gumbel = random.gumbel(size=logits.shape)
    labels = np.argmax(logits + gumbel, axis=1)  # drawn from the logits' own probabilities
    assert fit_temperature(logits, labels) == pytest.approx(1, abs=0.05)
    ratio = fit_temperature(3 * logits, labels) / fit_temperature(logits, labels)
    assert ratio == pytest.approx(3, rel=1e-4)


def test_scaling_calibrates_and_keeps_the_likeliest_label() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 8, 800)
    guesses = np.where(random.random(800) < 0.6, labels, (labels + 1) % 8)
    overconfident = predictions(
        [
            (LABELS[truth], actor, shares(LABELS[guess], 0.95))
            for truth, guess, actor in zip(
                labels, guesses, random.integers(1, 25, 800), strict=True
            )
        ]
    )
    seen = view_of({"validation": overconfident, "test": overconfident}, threshold=0.3)
    assert seen.scaled.guesses(0.0) == overconfident.guesses(0.0)
    before = reliability(seen.unscaled.probabilities, labels).error
    after = reliability(seen.scaled.probabilities, labels).error
    assert before > 0.3
    assert after < 0.02


def test_the_temperature_is_the_validation_clips() -> None:
    test = mostly_right()
    wrong = Predictions(test.clips, np.roll(test.probabilities, 1, axis=1))
    temperatures = {
        view_of({"validation": test, "test": each}, 0.3).temperature for each in (test, wrong)
    }
    assert len(temperatures) == 1


def test_nobody_heard_in_validation_is_explained() -> None:
    silent = predictions([(label, WOMAN, shares(SILENT)) for label in LABELS])
    with pytest.raises(SettingsError, match="nobody was heard in any validation clip"):
        view_of({"validation": silent, "test": mostly_right()}, 0.3)


def test_no_speech_stays_so_when_scaled() -> None:
    assert scaled(mostly_right(), 2.0).guesses(0.0).count(NO_SPEECH) == 1


def view(test: Predictions) -> View:
    return View(test, test, temperature=1.0, threshold=0.3)


def test_mean_deviation_and_pool_of_two_folds() -> None:
    perfect = predictions(
        [(label, actor, shares(label)) for label in LABELS for actor in (MAN, WOMAN)]
    )
    scores = scores_of([view(mostly_right()), view(perfect)], by_actors=False)
    assert scores["mean"]["accuracy"] == round((13 / 16 + 1) / 2, 4)
    assert scores["deviation"]["accuracy"] == round((1 - 13 / 16) / np.sqrt(2), 4)
    assert scores["mean"]["recall"]["calm"] == 0.75
    assert scores["pooled"]["accuracy"] == round(29 / 32, 4)
    assert np.sum(scores["pooled"]["confusion"]) == 32
    assert [each["accuracy"] for each in scores["splits"]] == [0.8125, 1.0]


def test_one_fold_has_no_deviation() -> None:
    scores = scores_of([view(mostly_right())], by_actors=False)
    assert scores["deviation"]["uar"] is None
    assert scores["deviation"]["recall"]["sad"] is None


def lay_out(folder: Path, content: Callable[[int, int], NDArray[np.int16]] | None) -> Path:
    """Lay out one clip of every label by every actor; empty files without content."""
    for actor in range(1, 25):
        (folder / f"Actor_{actor:02}").mkdir(parents=True)
        for label in range(1, 9):
            path = folder / f"Actor_{actor:02}" / f"03-01-{label:02}-01-01-01-{actor:02}.flac"
            if content is None:
                path.touch()
            else:
                soundfile.write(path, content(label, actor), 16_000)
    return folder


def utterances(label: int, actor: int) -> NDArray[np.int16]:
    """A second and a half of speech, cut differently for every clip; one clip is silent."""
    if (label, actor) == (8, 17):
        return np.zeros(24_000, np.int16)
    name = ("one_utterance", "speech_at_once")[label % 2]
    return np.roll(speech(name), 640 * label + 97 * actor)[:24_000]


def test_the_label_at_a_moment_is_the_newest_one_shown_by_then() -> None:
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
    shown = {moment: shown_at(moment, events) for moment in (0.5, 0.96, 1.92, 9.0)}
    assert shown == {
        0.5: {"spoken": NO_SPEECH, "silent": NO_SPEECH},
        0.96: {"spoken": "calm", "silent": NO_SPEECH},
        1.92: {"spoken": "angry", "silent": NO_SPEECH},
        9.0: {"spoken": "happy", "silent": NO_SPEECH},
    }


def test_streamed_is_what_analyze_says(tmp_path: Path, recognizer: Recognizer) -> None:
    folder = lay_out(tmp_path, utterances)
    paths = sorted((folder / "Actor_17").iterdir())
    clips = [parse_clip(path) for path in paths]
    found = Predictions(tuple(clips), streamed_probabilities(bundled_model_folder(), clips))
    np.testing.assert_array_equal(
        found.probabilities, analyzed(clips, bundled_model_folder()).whole.probabilities
    )
    results = [recognizer.recognize(soundfile.read(path)[0], 16_000) for path in paths]
    labels = [result.label or NO_SPEECH for result in results]
    assert found.guesses(Settings().threshold) == labels
    assert labels[-1] == NO_SPEECH, "the silent clip"
    assert len(np.unique(found.probabilities[found.heard], axis=0)) == 7, "all but the silent one"


class FakeMethod:
    """Guesses by clip: right for odd actors, next label for even ones; counts what is asked."""

    name = "fake"

    def __init__(self) -> None:
        self.fitted: list[str] = []
        self.asked = 0

    def fit(self, split: Split, run: Path) -> None:
        print("an epoch")
        self.fitted.append(split.name)
        record_origin(self.name, split, run)
        (run / "log.csv").write_text("epoch,loss,accuracy,val_loss\n0,2.0,0.1,NA\n1,1.5,0.3,NA\n")
        record_end(run, {"epochs": 2})

    def logits(self, clips: Sequence[Clip], run: Path) -> NDArray[np.float32]:
        assert (run / FINISHED_FILE).exists()
        self.asked += 1
        guesses = [(clip.label + (clip.actor % 2 == 0)) % 8 for clip in clips]
        return 3 * np.eye(8, dtype=np.float32)[guesses]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeMethod:
    """A method of no kind of ours; scores are kept below ``tmp_path``."""
    method = FakeMethod()
    monkeypatch.setattr(protocols, "open_method", lambda name, cache: method)
    monkeypatch.setattr(protocols, "read_recipe", lambda name: {"method": "fake"})
    monkeypatch.setattr(protocols, "RESULTS_FOLDER", tmp_path / "results")
    monkeypatch.setattr(protocols, "current_commit", lambda: "a commit")
    return method


def test_evaluate_trains_what_is_missing_and_keeps_the_scores(
    fake: FakeMethod, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, runs = lay_out(tmp_path / "data", None), tmp_path / "runs"
    fake.fit(read_split("actors-2", data), runs / "fake" / "actors-2")
    capsys.readouterr()
    evaluate("fake", "actors", data, runs, write=True)
    assert fake.fitted == ["actors-2", *(f"actors-{fold}" for fold in (1, 3, 4, 5, 6))]
    printed = capsys.readouterr()
    assert "an epoch" not in printed.out
    assert "| UAR, women | 0.000 ± 0.000 |" in printed.out
    assert "| UAR, men (5 of 6 splits have any) | 1.000 ± 0.000 |" in printed.out
    assert "| actors-2 | 32 clips of actors 4, 10, 12, 14 | 0.000 |" in printed.out
    kept = tmp_path / "results" / "fake-actors.json"
    scores = json.loads(kept.read_text())
    # Men among the test actors of the six folds: 3, 0, 3, 3, 1, 2.
    by_fold = [0.75, 0.0, 0.75, 0.75, 0.25, 0.5]
    by_clip = scores["views"]["clip-level"]
    assert [each["uar"] for each in by_clip["splits"]] == by_fold
    assert by_clip["mean"]["uar"] == 0.5
    assert by_clip["deviation"]["uar"] == round(float(np.std(by_fold, ddof=1)), 4)
    # Without 17 to 20: of {1, 11, 21}, {8, 9, 23}, {2, 15, 16} and {6, 13, 22} some are men.
    beyond = [each["uar_beyond_choice"] for each in by_clip["splits"]]
    assert beyond == [1.0, 0.0, 0.6667, 0.75, 0.3333, 0.3333]
    assert scores["splits"][1]["test_actors"] == [4, 10, 12, 14]
    for split in scores["splits"]:
        assert set(split["test_actors"]).isdisjoint(split["validation_actors"])
    assert [path.name for path in (runs / "fake" / "actors-plots").iterdir()] == ["clip-level.png"]
    assert all(
        (runs / "fake" / split["name"] / "history.png").exists() for split in scores["splits"]
    )

    asked, written = fake.asked, kept.read_bytes()
    evaluate("fake", "actors", data, runs, write=True)
    assert (fake.asked, kept.read_bytes()) == (asked, written), "scored again from what was kept"
    finished = runs / "fake" / "actors-3" / FINISHED_FILE
    os.utime(finished, ns=(0, 0))
    (runs / "fake" / "actors-4" / "clip-level.json").write_text("{half")
    evaluate("fake", "actors", data, runs, write=True)
    assert fake.asked == asked + 2, "one run was trained anew, of one the file is damaged"


def test_ablation_scores_a_recipe_and_its_versions_on_the_actors_that_choose(
    fake: FakeMethod,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    methods = {name: FakeMethod() for name in ("fake", "ablations/less")}
    for name, method in methods.items():
        method.name = name
    monkeypatch.setattr(ablation, "recipe_names", lambda: ["ablations/less", "fake", "paper"])
    monkeypatch.setattr(ablation, "read_recipe", lambda name: {"description": f"of {name}"})
    monkeypatch.setattr(ablation, "open_method", lambda name, cache: methods[name])
    monkeypatch.setattr(ablation, "RESULTS_FOLDER", tmp_path / "results")
    data = lay_out(tmp_path / "data", None)
    for _ in range(2):
        ablation.ablation("fake", data, tmp_path / "runs", write=True)
    assert [each.fitted for each in methods.values()] == [["development"]] * 2
    printed = capsys.readouterr().out
    assert "an epoch" not in printed
    # Of actors 17 to 20, the method is right about the men.
    assert "| fake | of fake | 0.500 | 0.500 |" in printed
    assert "| less | of ablations/less | 0.500 | 0.500 |" in printed
    kept = json.loads((tmp_path / "results" / "ablation.json").read_text())
    assert [row["recipe"] for row in kept["rows"]] == ["fake", "ablations/less"]


def test_random_splits_are_named_by_seed(
    fake: FakeMethod, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate("fake", "random", lay_out(tmp_path / "data", None), tmp_path / "runs", write=False)
    printed = capsys.readouterr().out
    assert "| random-5 | 29 clips |" in printed
    assert "17–20" not in printed, "nobody is unseen there"
    assert not (tmp_path / "results").exists()


def test_a_recipe_of_windows_is_scored_streamed_too(
    fake: FakeMethod,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(protocols, "read_recipe", lambda name: {"method": "windows"})
    monkeypatch.setattr(protocols, "PROTOCOLS", {"actors": ("actors-1", "actors-2")})
    exports: list[Path] = []

    def exported(recipe: str, run: Path) -> Path:
        exports.append(run)
        return bundled_model_folder()

    monkeypatch.setattr(streamed, "_exported", exported)
    data, runs = lay_out(tmp_path / "data", utterances), tmp_path / "runs"
    for _ in range(2):
        evaluate("fake", "actors", data, runs, write=True)
    assert len(exports) == 2, "once a split"
    scores = json.loads((tmp_path / "results" / "fake-actors.json").read_text())
    assert list(scores["views"]) == ["streamed", "clip-level"]
    pool = scores["views"]["streamed"]["pooled"]
    assert np.sum(pool["confusion"]) == 2 * 32
    test = read_split("actors-1", data).test
    kept = streamed_predictions("fake", read_split("actors-1", data), runs / "fake" / "actors-1")
    np.testing.assert_array_equal(
        kept["test"].probabilities, streamed_probabilities(bundled_model_folder(), test)
    )
    assert "| figure | streamed | clip-level |" in capsys.readouterr().out


def test_the_exported_temperature_is_that_of_actors_17_to_20(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, runs = lay_out(tmp_path / "data", utterances), tmp_path / "runs"
    run = runs / "fake" / "development"
    with pytest.raises(SettingsError, match="no finished run of the development split"):
        development_temperature("fake", data, runs)
    run.mkdir(parents=True)
    record_end(run, {})
    monkeypatch.setattr(streamed, "_exported", lambda recipe, run: bundled_model_folder())
    temperature = development_temperature("fake", data, runs)
    assert 0.05 <= temperature <= 20
    kept = json.loads((run / "streamed.json").read_text())
    assert {row["clip"][-7:-5] for row in kept["validation"]} == {"17", "18", "19", "20"}
    assert kept["test"] == []
    silent = [row["clip"] for row in kept["validation"] if row["probabilities"] is None]
    assert silent == ["03-01-08-01-01-01-17.flac"]


def kept_scores(recipe: str, protocol: str, uar: float) -> dict[str, Any]:
    """Scores as evaluate keeps them, the same figure everywhere."""
    scores = scores_of([view(mostly_right()), view(mostly_right())], by_actors=protocol == "actors")
    scores["mean"]["uar"] = uar
    return {
        "recipe": recipe,
        "protocol": protocol,
        "text": protocols.PROTOCOL_TEXTS[protocol],
        "commit": "unknown",
        "splits": [],
        "views": {"streamed": scores},
    }


def write_scores(folder: Path, *scores: dict[str, Any]) -> None:
    for each in scores:
        path = folder / f"{each['recipe']}-{each['protocol']}.json"
        path.write_text(json.dumps(each))


def test_compare_puts_unseen_speakers_first_and_ours_above_the_published(tmp_path: Path) -> None:
    write_scores(
        tmp_path,
        kept_scores("weak", "actors", 0.4),
        kept_scores("strong", "actors", 0.7),
        kept_scores("strong", "random", 0.8),
    )
    lines = comparison(tmp_path, bundled_model_folder()).split("\n\n")[0].splitlines()[2:]
    assert [line.split("`")[1] for line in lines] == ["actors"] * 5 + ["held-out"] * 2 + [
        "random"
    ] * 4
    assert "| **strong**, streamed | 0.700 ± 0.000 |" in lines[0]
    assert "| **weak**, streamed | 0.400 ± 0.000 |" in lines[1]
    assert "**the bundled model**" in lines[5]
    published = [line for line in lines if "*published:*" in line]
    assert len(published) == len(PUBLISHED)
    paper = next(line for line in published if "Transfer Learning" in line)
    assert paper.endswith("| 0.879 | 0.893 | 0.886 | 0.882 | – |")


def test_targets_are_met_missed_or_not_measured(tmp_path: Path) -> None:
    scores = kept_scores("best", "actors", 0.7)
    streamed = scores["views"]["streamed"]
    scores["views"]["clip-level"] = json.loads(json.dumps(streamed))
    scores["views"]["clip-level"]["mean"]["uar_likeliest"] = (
        streamed["mean"]["uar_likeliest"] - 0.03
    )
    write_scores(tmp_path, scores, kept_scores("other", "random", 0.9))
    rows = [
        {"change": -0.2, "target": None},
        {"change": -0.04, "target": True},
        {"change": -0.01, "target": True},
    ]
    (tmp_path / "robustness.json").write_text(json.dumps({"rows": rows}))
    lines = targets_table(tmp_path, bundled_model_folder()).splitlines()[2:]
    verdicts = {line.split("|")[1].strip(): line.split("|")[3:5] for line in lines}
    assert verdicts["UAR on unseen speakers, `actors`, streamed"] == [" 0.700 ", " met "]
    known = "accuracy on known speakers, `random`, streamed"
    assert verdicts[known] == [" – ", " not measured yet "], "that is another recipe's"
    apart = "UAR streamed and by clip apart, `actors`, likeliest labels"
    assert verdicts[apart] == [" 0.030 ", " missed "]
    worst = next(name for name in verdicts if name.startswith("worst change"))
    assert verdicts[worst] == [" -0.040 ", " met "], "what has no target does not count"


def test_compare_without_kept_scores_has_the_others(tmp_path: Path) -> None:
    table = comparison(tmp_path, bundled_model_folder())
    assert table.count("*published:*") == len(PUBLISHED)
    assert "`actors`" in table


@pytest.mark.parametrize("content", ["{half", "[]", "{}", '{"views": {"streamed": 3}}', "\udc80"])
def test_scores_that_cannot_be_read_are_named_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "best-actors.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(RealtimeSerError, match=r"best-actors\.json .*written again") as caught:
        comparison(tmp_path, bundled_model_folder())
    assert "\n" not in str(caught.value)


def test_compare_writes_between_the_markers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    begin = "<!-- written by `python -m train compare --write` -->\n"
    readme.write_text(f"before\n{begin}old\n<!-- end of what is written -->\nafter\n")
    for _ in range(2):
        compare(write=True, results=tmp_path, readme=readme)
    text = readme.read_text()
    table = comparison(tmp_path, bundled_model_folder())
    assert text == f"before\n{begin}\n{table}\n\n<!-- end of what is written -->\nafter\n"
    assert capsys.readouterr().out == f"{table}\n" * 2
    readme.write_text("no place for it\n")
    with pytest.raises(RealtimeSerError, match=r"README\.md has no lines"):
        compare(write=True, results=tmp_path, readme=readme)


def test_the_table_is_written_even_if_nobody_reads_it_to_its_end(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(
        "<!-- written by `python -m train compare --write` -->\n<!-- end of what is written -->\n"
    )
    read, write = os.pipe()
    os.close(read)
    with (
        pytest.raises(BrokenPipeError),
        os.fdopen(write, "w", buffering=1) as closed,
        redirect_stdout(closed),
    ):
        compare(write=True, results=tmp_path, readme=readme)
    assert comparison(tmp_path, bundled_model_folder()) in readme.read_text()


def test_the_readme_states_what_compare_prints() -> None:
    assert comparison(RESULTS_FOLDER, bundled_model_folder()) in README.read_text()


def copied_model(folder: Path) -> tuple[Path, dict[str, Any]]:
    """A copy of the bundled model folder, and its held-out scores."""
    copy = Path(shutil.copytree(bundled_model_folder(), folder / bundled_model_folder().name))
    return copy, json.loads((copy / "manifest.json").read_text())["metrics"]["held-out"]


@pytest.mark.filterwarnings("default")
def test_card_and_readme_state_the_scores_of_the_manifest(tmp_path: Path) -> None:
    from train.publishing.model_card import readme_with_scores, write_model_card

    folder, scores = copied_model(tmp_path)
    card = (folder / "README.md").read_text()
    write_model_card(folder, scores)
    assert (folder / "README.md").read_text() == card
    assert EmotionModel(folder).manifest == EmotionModel(bundled_model_folder()).manifest
    readme = README.read_text()
    assert readme_with_scores(readme, scores) == readme


def test_the_card_says_only_what_was_measured(tmp_path: Path) -> None:
    from train.publishing.export import update_manifest
    from train.publishing.model_card import write_model_card

    folder, scores = copied_model(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    recipe, results = manifest["training"]["recipe"], tmp_path / "results"
    results.mkdir()

    def card(**training: Any) -> str:
        update_manifest(folder, training={**manifest["training"], **training})
        write_model_card(folder, scores, results)
        EmotionModel(folder)
        return (folder / "README.md").read_text()

    bare = card(temperature=1.0)
    assert "are not calibrated" in bare
    assert "six folds" not in bare
    assert "Robustness" not in bare
    write_scores(results, kept_scores(recipe, "actors", 0.7), kept_scores("other", "random", 0.9))
    full = card(temperature=0.8)
    assert "scaled by a temperature of 0.800" in full
    assert "| UAR (unweighted average, or macro, recall) | 0.700 ± 0.000 |" in full
    assert "known speakers" not in full, "those are another recipe's scores"

    versions = [
        {"recipe": name, "description": "", "uar": 0.6, "accuracy": 0.6, "cross_entropy": 1.0}
        for name in ("other", "ablations/less")
    ]
    tried = {"text": "development", "rows": versions}
    (results / "ablation.json").write_text(json.dumps(tried))
    assert "What else was tried" not in card(), "versions of another recipe"
    versions[0]["recipe"] = recipe
    (results / "ablation.json").write_text(json.dumps(tried))
    assert "| less |  | 0.600 | 0.600 | 1.000 |" in card()

    row = {"name": "telephone", "uar": 0.61, "change": -0.05, "unchanged": 0.9, "target": True}
    disturbed = {"protocol": "robustness: told", "sha256": "", "rows": [row]}
    (results / "robustness.json").write_text(json.dumps(disturbed))
    assert "Robustness" not in card(), "measured on other weights"
    disturbed["sha256"] = manifest["files"]["model.tflite"]
    (results / "robustness.json").write_text(json.dumps(disturbed))
    assert "telephone" in card()
    (results / "robustness.json").write_text("{}")
    with pytest.raises(RealtimeSerError, match=r"robustness\.json .*sha256.*written again"):
        card()


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "train", "compare"]
    done = subprocess.run(
        command, cwd=README.parent, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
