"""Warm scores over the six folds of a recipe. Needs the train extra."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.train

for module in ("sklearn", "scipy", "tqdm", "keras"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from predicted_clips import FakeMethod  # noqa: E402

from realtime_ser import SettingsError  # noqa: E402
from realtime_ser.emotion.model import bundled_model_folder  # noqa: E402
from train.corpora.clip import Clip  # noqa: E402
from train.corpora.registry import find_corpus  # noqa: E402
from train.corpora.splits import PROTOCOLS, Split  # noqa: E402
from train.evaluation import warm, warm_folds  # noqa: E402
from train.evaluation.analyses import ClipAnalysis  # noqa: E402
from train.evaluation.corpus_report import corpora_table  # noqa: E402
from train.evaluation.streams import Stream  # noqa: E402
from train.evaluation.warm import Part, warm_scores  # noqa: E402
from train.evaluation.warm_folds import warm_folds as score_folds  # noqa: E402

MODEL = bundled_model_folder()
FOLDS = PROTOCOLS["actors"]


def clip_of(speaker: str, number: int) -> Clip:
    label = ("angry", "sad")[number % 2]
    return Clip(Path(f"{speaker}-{number}.wav"), "ravdess", speaker, "male", label, "en")


def clips_of(*speakers: str) -> tuple[Clip, ...]:
    return tuple(clip_of(speaker, number) for speaker in speakers for number in range(10))


@pytest.fixture
def folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs of six folds; the test clips of each are of two speakers."""

    def split(name: str, data: Path) -> Split:
        return Split(name, (), (), clips_of(f"{name} A", f"{name} B"))

    monkeypatch.setattr(warm_folds, "read_split", split)
    for name in FOLDS:
        run = tmp_path / "voices" / name
        run.mkdir(parents=True)
        (run / "model").symlink_to(MODEL)
    return tmp_path


def hear_nothing_but_anger(monkeypatch: pytest.MonkeyPatch) -> None:
    angry = ClipAnalysis("angry", (0.0, 0.0, 0.0, 0.0, 0.9, 0.1, 0.0, 0.0), ((0.0, 1.0),), 1.0)
    monkeypatch.setattr(warm, "read_clip", lambda _: np.zeros(16, np.int16))
    monkeypatch.setattr(warm, "hear", lambda *_: angry)
    monkeypatch.setattr(warm, "hear_stream", lambda stream, *_: [angry for _ in stream])


def test_all_folds_are_scored_together(folds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hear_nothing_but_anger(monkeypatch)
    result = score_folds(FakeMethod("voices"), Path(), folds, MODEL)
    scores = json.loads(json.dumps(result))["scores"]
    assert (result["clips"], scores["speakers"]) == (6 * 20, 12)
    assert scores["streams"]["random"]["0"]["clips"] == 3 * 6 * 20
    assert scores["streams"]["random"]["0"]["warm"] == 0.5
    title = "RAVDESS, recipe voices, six folds of speakers not in training"
    assert title in corpora_table([result])


def test_no_stream_has_speakers_of_two_folds(folds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hear_nothing_but_anger(monkeypatch)
    streams: list[set[str]] = []

    def note(clips: Sequence[Clip], seed: int) -> dict[str, list[Stream]]:
        streams.append({clip.speaker[:8] for clip in clips})
        return {}

    monkeypatch.setattr(warm, "streams_of", note)
    score_folds(FakeMethod("voices"), Path(), folds, MODEL)
    assert sorted(map(len, streams)) == [1] * 18


def test_a_fold_that_was_not_scored_is_named(folds: Path) -> None:
    (folds / "voices" / "actors-4" / "model").unlink()
    with pytest.raises(SettingsError, match=r"actors-4.*--protocol actors --recipe voices first"):
        score_folds(FakeMethod("voices"), Path(), folds, MODEL)


@pytest.mark.slow
def test_parts_give_what_each_gives_alone(tmp_path: Path) -> None:
    from corpus_clips import write_corpus
    from speech_clips import speech

    from train.corpora.registry import load_corpus

    rows = [
        (f"{who}/{number}.flac", who, ("angry", "sad")[number % 2])
        for who in "AB"
        for number in range(8)
    ]
    write_corpus(tmp_path / "nemo", rows, [speech("short_word"), speech("speech_at_once")])
    clips = load_corpus("nemo", tmp_path / "nemo")
    corpus = find_corpus("nemo")
    parts = [Part([clip for clip in clips if clip.speaker == who], MODEL) for who in "AB"]
    alone = [warm_scores(corpus, [part], seeds=[1]).streams["random"]["0"] for part in parts]
    both = warm_scores(corpus, parts, seeds=[1]).streams["random"]["0"]
    assert both.clips == sum(scores.clips for scores in alone)
    assert both.warm == pytest.approx(np.mean([scores.warm for scores in alone]))
    assert both.cold == pytest.approx(np.mean([scores.cold for scores in alone]))
