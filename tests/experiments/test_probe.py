"""The probe of the corpus, on made-up features and clips. Needs the train extra."""

import json
from pathlib import Path

import numpy as np
import pytest
from speech_clips import speech

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "sklearn", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from experiments.probe import (  # noqa: E402
    EMBEDDINGS,
    MARKER,
    MEL,
    clip_features,
    probe_accuracy,
    probe_table,
    write_probe,
)
from realtime_ser.emotion.model import EmotionModel  # noqa: E402

SPEAKERS, CLIPS, FEATURES = 10, 12, 40
CORPORA = ("nemo", "emospeech")
NAMES = [corpus for corpus in CORPORA for _ in range(SPEAKERS * CLIPS)]
WHO = [f"{corpus} {who}" for corpus in CORPORA for who in range(SPEAKERS) for _ in range(CLIPS)]


def test_features_that_tell_the_corpus_are_found_out() -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(len(NAMES), FEATURES)).astype(np.float32)
    features[:, 3] += [4.0 * (name == "nemo") for name in NAMES]
    assert probe_accuracy(features, NAMES, WHO) > 0.9


def test_features_that_tell_only_the_speaker_do_not_tell_the_corpus() -> None:
    random = np.random.default_rng(2)
    voices = {who: random.normal(size=FEATURES) for who in dict.fromkeys(WHO)}
    noise = 0.01 * random.normal(size=(len(WHO), FEATURES))
    features = (np.stack([voices[who] for who in WHO]) + noise).astype(np.float32)
    assert probe_accuracy(features, NAMES, WHO) < 0.75, "cross-validation by clip would find 1.0"


def test_the_features_of_a_clip() -> None:
    model = EmotionModel()
    features = clip_features(model, speech("one_utterance"))
    bands = model.manifest.feature_maps[0].bands
    assert features[EMBEDDINGS].shape == model.manifest.embedding_shape[-1:]
    assert features[MEL].shape == (2 * bands,)
    assert all(np.isfinite(values).all() for values in features.values())


def test_the_result_is_stored_and_shown(tmp_path: Path) -> None:
    page = tmp_path / "quality.md"
    page.write_text(f"before\n{MARKER}<!-- end of generated text -->\nafter\n")
    accuracy = {EMBEDDINGS: 0.61, MEL: 0.93}
    clips = {"nemo": 100, "savee": 90}
    result = {"model": "made-up", "clips": clips, "guessing": 0.5, "accuracy": accuracy}
    write_probe(result, tmp_path / "probe.json", page)
    assert json.loads((tmp_path / "probe.json").read_text()) == result
    text = page.read_text()
    assert probe_table(result) in text
    assert "clips: nEMO 100, SAVEE 90" in text
    assert "| embeddings | 0.610 |" in text
    assert "| guessing | 0.500 |" in text
