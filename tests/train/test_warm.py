"""Streams, warm scores and corrections, on a made-up corpus through the program's own code."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from speech_clips import speech

from realtime_ser import EmotionUpdate, SettingsError
from realtime_ser.emotion.manifest import MANIFEST_FILE, STATISTICS_FILE
from realtime_ser.emotion.model import EmotionModel, bundled_model_folder

pytestmark = pytest.mark.train

for module in ("sklearn", "scipy", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from corpus_clips import corpus_clip, write_corpus  # noqa: E402

from train.corpora.registry import find_corpus  # noqa: E402
from train.evaluation.analyses import analyze_clip  # noqa: E402
from train.evaluation.corpus_protocols import PROTOCOLS, Selection, evaluate_corpus  # noqa: E402
from train.evaluation.corpus_report import corpora_table, corpus_report  # noqa: E402
from train.evaluation.streams import EmbeddingCache, hear, streams_of  # noqa: E402
from train.evaluation.warm import Part, warm_scores  # noqa: E402
from train.publishing.quality import write_corpus_scores  # noqa: E402

MODEL = bundled_model_folder()
LABELS = ("angry", "happy", "neutral", "sad")


def clips_of(speakers: dict[str, int]) -> list:  # type: ignore[type-arg]
    return [
        corpus_clip("nemo", who, LABELS[number % 4], path=f"{who}{number}")
        for who, count in speakers.items()
        for number in range(count)
    ]


def test_the_streams_have_the_orders_that_they_are_named_after() -> None:
    clips = clips_of({"A": 20, "B": 12, "C": 70, "rare": 3})
    streams = streams_of(clips, seed=1)
    heard = {
        order: [[clips[turn.clip] for turn in stream] for stream in found]
        for order, found in streams.items()
    }
    assert [len(stream) for stream in heard["random"]] == [20, 12, 60]
    assert not any(clip.speaker == "rare" for found in heard.values() for s in found for clip in s)
    for stream in heard["neutral and calm first"]:
        emotional = [clip.label != "neutral" for clip in stream]
        assert emotional == sorted(emotional)
        assert not all(emotional)
    for stream in heard["one emotion after the other"]:
        labels = [clip.label for clip in stream]
        changes = sum(one != other for one, other in itertools.pairwise(labels))
        assert changes == 3
    for stream in heard["two speakers in turns"]:
        speakers = [clip.speaker for clip in stream]
        assert len(set(speakers)) == 2
        assert speakers[::2] == speakers[:1] * (len(speakers) // 2)
    for found, stream in zip(
        streams["one speaker, then another"], heard["one speaker, then another"], strict=True
    ):
        change = next(index for index, turn in enumerate(found) if turn.scored)
        assert [turn.heard for turn in found[change:]] == list(range(len(found) - change))
        assert {clip.speaker for clip in stream[:change]}.isdisjoint(
            clip.speaker for clip in stream[change:]
        )


def test_streams_depend_on_the_seed_alone() -> None:
    clips = clips_of({"A": 20, "B": 12})
    assert streams_of(clips, 1) == streams_of(clips, 1)
    assert streams_of(clips, 1) != streams_of(clips, 2)


def test_a_single_speaker_has_no_streams_of_two() -> None:
    streams = streams_of(clips_of({"A": 20}), 1)
    assert streams["two speakers in turns"] == []
    assert len(streams["random"]) == 1


def test_a_corpus_of_rare_speakers_is_refused() -> None:
    with pytest.raises(SettingsError, match="no speaker has 8 clips"):
        streams_of(clips_of({"A": 7, "B": 2}), 1)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers whose clips are three voices by turns, at 34 clips enough for corrections."""
    folder = tmp_path_factory.mktemp("corpora")
    rows = [
        (f"{who}/{number}.flac", who, LABELS[number % 4]) for who in "AB" for number in range(34)
    ]
    voices = [speech("short_word"), speech("one_utterance")[:30_000], speech("speech_at_once")]
    write_corpus(folder / "nemo", rows, [voice[:30_000] for voice in voices])
    return folder


def test_a_clip_heard_alone_is_what_analyze_says(corpora: Path) -> None:
    network = EmbeddingCache(EmotionModel(MODEL))
    path = corpora / "nemo" / "A" / "1.flac"
    from realtime_ser import Recognizer
    from train.audio.utterances import read_clip

    heard = hear(network.pipeline(), read_clip(path))
    assert heard == analyze_clip(Recognizer(MODEL), path)


def test_a_stream_through_the_cache_is_what_the_program_says(corpora: Path) -> None:
    model = EmotionModel(MODEL)
    cached = EmbeddingCache(model).pipeline()
    from realtime_ser.pipeline import Pipeline

    plain = Pipeline(model)
    for name in ("one_utterance", "short_word", "one_utterance"):
        samples = speech(name)
        expected = plain.process(samples) + plain.flush()
        assert cached.process(samples) + cached.flush() == expected
        assert any(isinstance(event, EmotionUpdate) for event in expected)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["warm", "corrections"])
def test_the_protocols_score_a_model_folder_and_write_their_table(
    corpora: Path, tmp_path: Path, protocol: str
) -> None:
    selection = Selection("nemo", corpora, "all", "voices")
    result = evaluate_corpus(PROTOCOLS[protocol], selection, MODEL, tmp_path)
    again = json.loads(json.dumps(result))
    assert result["title"] in corpus_report(again)
    marker = f"<!-- generated by `python -m train evaluate --protocol {protocol} --write` -->\n"
    page = tmp_path / "quality.md"
    page.write_text(f"# Quality\n\n{marker}\n<!-- end of generated text -->\n")
    write_corpus_scores(again, tmp_path, page)
    table = corpora_table([again])
    assert table in page.read_text()
    if protocol == "warm":
        assert result["scores"]["speakers"] == 2
        moments = result["scores"]["streams"]["random"]
        assert moments["0"]["clips"] == 3 * 68
        assert moments["20"]["clips"] == 3 * 28
        assert "40" not in moments
        assert 0 <= moments["0"]["warm"] <= 1
        assert table.count("\n") == 1 + 5
    else:
        assert result["scores"]["clips"] == 2 * 2 * (34 - 16)
        assert set(result["scores"]["uar"]) == {"all right", "a quarter wrong", "all of one label"}
        uar = result["scores"]["uar"]["all right"]
        assert list(uar) == ["0", "1", "2", "4", "8", "16"]
        assert all(0 <= value <= 1 for value in uar.values())


def test_a_model_that_cannot_adapt_is_refused(tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(MODEL, tmp_path / "model"))
    (folder / STATISTICS_FILE).unlink()
    values = json.loads((folder / MANIFEST_FILE).read_text())
    values["files"].pop(STATISTICS_FILE)
    (folder / MANIFEST_FILE).write_text(json.dumps({**values, "format_version": 1}))
    with pytest.raises(SettingsError, match="python -m train statistics"):
        warm_scores(find_corpus("nemo"), [Part(clips_of({"A": 20}), folder)])


def test_speakers_that_the_model_was_not_trained_on(corpora: Path, tmp_path: Path) -> None:
    from train.evaluation.corpus_protocols import select_clips

    corpus = find_corpus("nemo")
    selection = Selection("nemo", corpora, "unseen", "voices")
    unseen = select_clips(corpus, selection, {"speakers": {"nemo": ["A"]}})
    assert {clip.speaker for clip in unseen} == {"B"}
    assert np.all([clip.corpus == "nemo" for clip in unseen])
    with pytest.raises(SettingsError, match="trained on all speakers of nemo"):
        select_clips(corpus, selection, {"speakers": {"nemo": ["A", "B"]}})
