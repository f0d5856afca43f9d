"""The corpus protocols, run on small corpora through the program's own code."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from speech_clips import speech

from realtime_ser import Recognizer, SettingsError
from realtime_ser.emotion.model import bundled_model_folder
from realtime_ser.errors import AudioInputError, RealtimeSerError

pytestmark = pytest.mark.train

for module in ("sklearn", "scipy", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from corpus_clips import write_corpus  # noqa: E402

from train.corpora.clip import Clip  # noqa: E402
from train.corpora.registry import find_corpus, load_corpus  # noqa: E402
from train.evaluation import analyses as analyses_module  # noqa: E402
from train.evaluation.analyses import analyze_clip, analyze_clips, probabilities_of  # noqa: E402
from train.evaluation.corpus_protocols import (  # noqa: E402
    PROTOCOLS,
    Selection,
    count_trained_on,
    evaluate_corpus,
    select_clips,
)
from train.evaluation.corpus_report import corpora_table, corpus_report  # noqa: E402
from train.publishing.quality import WITHOUT_MARKER, write_corpus_scores  # noqa: E402

MODEL = bundled_model_folder()
VOICE = speech("one_utterance")
SILENCE = np.zeros(32_000, np.int16)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three corpora whose clips are a voice and silence by turns."""
    folder = tmp_path_factory.mktemp("corpora")
    samples = (VOICE, SILENCE)
    coffee = [(f"{number}.flac", "", "ordinary") for number in range(2)]
    write_corpus(folder / "ordinary_coffee", coffee, samples)
    sounds = [(f"{name}/1.flac", "", "nonspeech") for name in ("Dog_bark", "Rain")]
    write_corpus(folder / "noise_esc10", sounds, samples)
    acted = [(f"{who}/{label}.flac", who, label) for who in "AB" for label in ("sad", "happy")]
    write_corpus(folder / "nemo", acted, samples)
    return folder


def selection(corpora: Path, corpus: str | None = None, speakers: str = "all") -> Selection:
    return Selection(corpus, corpora, speakers, "voices")


def test_every_protocol_scores_what_analyze_says(corpora: Path, tmp_path: Path) -> None:
    ordinary = evaluate_corpus(PROTOCOLS["ordinary"], selection(corpora), MODEL, tmp_path)
    label = Recognizer(MODEL).recognize(VOICE, 16_000).label
    assert ordinary["scores"]["shares"][label] == 0.5
    assert ordinary["scores"]["shares"]["no speech"] == 0.5
    assert ordinary["clips"] == 2

    sounds = evaluate_corpus(PROTOCOLS["sounds"], selection(corpora), MODEL, tmp_path)
    dog, rain = sounds["scores"]["classes"]
    assert (dog["name"], dog["with_speech"], rain["with_speech"]) == ("Dog_bark", 1.0, 0.0)
    assert 0 < dog["seconds_per_minute"] <= 60

    other = selection(corpora, "nemo")
    cross = evaluate_corpus(PROTOCOLS["cross-corpus"], other, MODEL, tmp_path)
    assert cross["scores"]["no_speech"] == 0.5
    assert cross["scores"]["units"] == 2
    for result in (ordinary, sounds, cross):
        assert result["trained_on"] == 0
        assert result["title"] in corpus_report(json.loads(json.dumps(result)))
        assert corpora_table([result]).count("\n") == 2


def test_an_analysis_has_the_events_of_the_program(corpora: Path) -> None:
    recognizer = Recognizer(MODEL)
    found = analyze_clip(recognizer, corpora / "ordinary_coffee" / "0.flac")
    expected = recognizer.recognize(VOICE, 16_000)
    ended = [event for event in expected.events if type(event).__name__ == "SpeechEnded"]
    assert found.label == expected.label
    assert expected.probabilities is not None
    assert found.probabilities == tuple(expected.probabilities.values())
    assert found.speech == tuple((event.start, event.end) for event in ended)  # type: ignore[union-attr]
    assert found.duration == pytest.approx(len(VOICE) / 16_000)
    silent = analyze_clip(recognizer, corpora / "ordinary_coffee" / "1.flac")
    assert np.isnan(probabilities_of([found, silent])[1]).all()
    assert silent.speech_seconds == 0


def test_analyses_are_cached_until_a_clip_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(f"{number}.flac", "", "ordinary") for number in range(2)]
    write_corpus(tmp_path / "coffee", rows, [VOICE])
    clips = load_corpus("ordinary_coffee", tmp_path / "coffee")
    analyzed: list[str] = []

    def spy(recognizer: Recognizer, path: Path) -> analyses_module.ClipAnalysis:
        analyzed.append(path.name)
        return analyze_clip(recognizer, path)

    monkeypatch.setattr(analyses_module, "analyze_clip", spy)
    first = analyze_clips(MODEL, clips, tmp_path / "cache")
    assert analyze_clips(MODEL, clips, tmp_path / "cache") == first
    assert analyzed == ["0.flac", "1.flac"]
    soundfile.write(clips[0].path, SILENCE, 16_000)
    changed = analyze_clips(MODEL, clips, tmp_path / "cache")
    assert analyzed[2:] == ["0.flac"]
    assert (changed[0].probabilities, changed[1]) == (None, first[1])
    (cache_file,) = (tmp_path / "cache").rglob("*.json")
    cache_file.write_text("{damaged")
    assert analyze_clips(MODEL, clips, tmp_path / "cache") == changed


def test_an_interrupted_analysis_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(f"{number}.flac", "", "ordinary") for number in range(3)]
    clips = load_corpus("ordinary_coffee", write_corpus(tmp_path / "coffee", rows, [SILENCE]))
    analyzed: list[str] = []

    def interrupted(recognizer: Recognizer, path: Path) -> analyses_module.ClipAnalysis:
        analyzed.append(path.name)
        if len(analyzed) == 3:
            raise KeyboardInterrupt
        return analyze_clip(recognizer, path)

    monkeypatch.setattr(analyses_module, "analyze_clip", interrupted)
    with pytest.raises(KeyboardInterrupt):
        analyze_clips(MODEL, clips, tmp_path)
    assert len(analyze_clips(MODEL, clips, tmp_path)) == 3
    assert analyzed == ["0.flac", "1.flac", "2.flac", "2.flac"]


def test_speakers_set_aside_are_those_that_training_leaves_out(corpora: Path) -> None:
    pytest.importorskip("tensorflow", reason="the train extra is not installed")
    from train.model.material import training_clips
    from train.model.mixture_recipe import load_mixture_recipe

    corpus = find_corpus("nemo")
    aside = select_clips(corpus, selection(corpora, speakers="set-aside"))
    trained = training_clips(load_mixture_recipe("voices"), "nemo", corpora, ())
    assert aside
    assert trained
    every: list[Clip] = select_clips(corpus, selection(corpora))
    assert sorted([*aside, *trained], key=lambda clip: clip.path) == every
    assert {clip.speaker for clip in aside}.isdisjoint({clip.speaker for clip in trained})


def test_speakers_that_the_model_was_trained_on_are_counted(corpora: Path, tmp_path: Path) -> None:
    clips = select_clips(find_corpus("nemo"), selection(corpora))
    assert count_trained_on(clips, {"speakers": {"nemo": ["A", "C"], "ravdess": ["B"]}}) == 1
    assert count_trained_on(clips, {}) == 0
    known = {
        **evaluate_corpus(PROTOCOLS["cross-corpus"], selection(corpora, "nemo"), MODEL, tmp_path),
        "speakers": "set-aside",
        "trained_on": 2,
    }
    assert "nEMO, 4 clips, speakers set aside, 2 speakers in training;" in corpus_report(known)


def test_a_wrong_corpus_recipe_or_folder_is_explained(corpora: Path, tmp_path: Path) -> None:
    def fails(protocol: str, chosen: Selection, error: type[RealtimeSerError], text: str) -> None:
        with pytest.raises(error, match=text):
            evaluate_corpus(PROTOCOLS[protocol], chosen, MODEL, tmp_path)

    fails("sounds", selection(corpora, "nemo"), SettingsError, "does not fit nemo, which is acted")
    fails("ordinary", selection(corpora, "mystery"), SettingsError, "no corpus 'mystery'")
    fails("cross-corpus", selection(corpora), SettingsError, "needs a corpus")
    fails("ordinary", selection(tmp_path), AudioInputError, "there is no folder")
    unknown = selection(corpora, speakers="set-aside")
    pytest.importorskip("tensorflow", reason="the train extra is not installed")
    fails("ordinary", unknown, SettingsError, "does not say who speaks")
    best = Selection("nemo", corpora, "set-aside", "best")
    fails("cross-corpus", best, SettingsError, "recipe best sets no speakers aside")


def test_scores_are_written_to_results_and_between_the_markers(
    corpora: Path, tmp_path: Path
) -> None:
    page = tmp_path / "quality.md"
    marker = "<!-- generated by `python -m train evaluate --protocol ordinary --write` -->\n"
    page.write_text(f"before\n{marker}old\n<!-- end of generated text -->\nafter\n")
    result = evaluate_corpus(PROTOCOLS["ordinary"], selection(corpora), MODEL, tmp_path)
    other_model = {**result, "corpus": "ordinary_mycroft", "title": "stale", "sha256": "other"}
    results = tmp_path / "results"
    results.mkdir()
    (results / "ordinary-ordinary_mycroft.json").write_text(json.dumps(other_model))
    write_corpus_scores(result, results, page)
    assert json.loads((results / "ordinary-ordinary_coffee.json").read_text()) == result
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| Coffee orders | 2 |" in text
    assert "stale" not in text
    assert "old" not in text
    page.write_text("no markers\n")
    with pytest.raises(RealtimeSerError, match=r"quality\.md lacks the lines"):
        write_corpus_scores(result, results, page)


def test_scores_of_a_model_without_a_corpus_have_a_table_of_their_own(
    corpora: Path, tmp_path: Path
) -> None:
    page = tmp_path / "quality.md"
    page.write_text(f"{WITHOUT_MARKER}<!-- end of generated text -->\n")
    result = {
        **evaluate_corpus(PROTOCOLS["cross-corpus"], selection(corpora, "nemo"), MODEL, tmp_path),
        "without": "nemo",
    }
    results = tmp_path / "results"
    results.mkdir()
    write_corpus_scores(result, results, page)
    write_corpus_scores(
        {**result, "corpus": "savee", "title": "SAVEE", "sha256": "b"}, results, page
    )
    assert sorted(path.name for path in results.iterdir()) == [
        "without-nemo.json",
        "without-savee.json",
    ]
    assert "| SAVEE | " in page.read_text()
    assert "| nEMO | " in page.read_text()


def test_a_model_that_was_trained_on_the_corpus_is_refused(corpora: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not voices-without-nemo"):
        evaluate_corpus(
            PROTOCOLS["cross-corpus"],
            replace(selection(corpora), without="nemo"),
            MODEL,
            tmp_path,
        )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--protocol", "ordinary"], 2, "--protocol ordinary needs --corpora"),
        (["--protocol", "held-out"], 2, "--protocol held-out needs --data"),
        (["--protocol", "cross-corpus", "--corpora", "."], 1, "needs a corpus"),
        (
            ["--protocol", "sounds", "--corpora", ".", "--model", "other", "--write"],
            1,
            "only the scores of the bundled model are written",
        ),
    ],
)
def test_the_command_explains_what_is_missing(arguments: list[str], code: int, said: str) -> None:
    command = [sys.executable, "-m", "train", "evaluate", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == code
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""


@pytest.mark.skipif(
    "REALTIME_SER_CORPORA" not in os.environ, reason="REALTIME_SER_CORPORA names no corpora"
)
def test_real_clips_of_three_corpora_give_the_same_labels_as_the_command() -> None:
    folder = Path(os.environ["REALTIME_SER_CORPORA"])
    names = ("savee", "ordinary_coffee", "noise_esc10")
    clips = [clip for name in names for clip in load_corpus(name, folder / name)[:2]]
    found = analyze_clips(MODEL, clips)
    command = [sys.executable, "-m", "realtime_ser", "analyze", "--json"]
    paths = [str(clip.path) for clip in clips]
    run = subprocess.run([*command, *paths], capture_output=True, text=True, check=True)
    events = [json.loads(line) for line in run.stdout.splitlines()]
    labels = [event["label"] or "no speech" for event in events if event["event"] == "file"]
    assert [clip.label for clip in found] == labels
    ended = [event for event in events if event["event"] == "speech_ended"]
    expected = sum(event["end"] - event["start"] for event in ended)
    assert sum(clip.speech_seconds for clip in found) == pytest.approx(expected, abs=1e-6)
