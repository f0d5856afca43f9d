"""The comparison of branches, on made-up logits. Needs the train extra."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "sklearn", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from experiments.branches import MARKER, score, write_branches  # noqa: E402
from realtime_ser.events import LABELS  # noqa: E402
from train.corpora.registry import find_corpus  # noqa: E402


def logits_of(*labels: str) -> NDArray[np.float32]:
    """Return logits whose likeliest label is given for each clip."""
    return 9 * np.eye(len(LABELS), dtype=np.float32)[[LABELS.index(label) for label in labels]]


def test_emotional_speech_has_the_mean_recall_of_its_labels() -> None:
    truth = ["sad", "sad", "sad", "angry"]
    found = score(find_corpus("nemo"), truth, logits_of("sad", "sad", "angry", "angry"))
    assert found == pytest.approx((2 / 3 + 1) / 2)


def test_calm_is_neutral_in_a_corpus_without_calm() -> None:
    assert score(find_corpus("nemo"), ["neutral"], logits_of("calm")) == 1.0


def test_ordinary_speech_has_the_share_that_is_neutral_or_calm() -> None:
    corpus = find_corpus("ordinary_librispeech")
    found = score(corpus, [None] * 4, logits_of("neutral", "calm", "happy", "neutral"))
    assert found == pytest.approx(0.75)


def test_scores_are_stored_and_written_into_the_page(tmp_path: Path) -> None:
    page = tmp_path / "quality.md"
    page.write_text(f"before\n\n{MARKER}\n<!-- end of generated text -->\nafter\n")
    result = {
        "model": "made-up",
        "commit": "none",
        "rows": [{"corpus": "nemo", "clips": 3, "scores": {"yamnet": 0.5, "joined": 0.625}}],
    }
    write_branches(result, tmp_path / "branches.json", page)
    assert json.loads((tmp_path / "branches.json").read_text()) == result
    assert "| 3 | UAR | 0.500 | 0.625 |" in page.read_text()
    assert "after" in page.read_text()
