"""Hand-made predictions, and a method that is not a network, for tests of evaluation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ravdess_clips import clip
from speech_clips import speech

from realtime_ser.emotion.model import bundled_model_folder
from realtime_ser.events import LABELS
from train.corpora.clip import Clip
from train.corpora.splits import Split
from train.corpora.targets import label_indices
from train.evaluation import protocols
from train.evaluation.predictions import Predictions
from train.evaluation.protocols import View
from train.model.runs import is_finished, record_end, record_origin

MAN, WOMAN = "01", "02"
SILENT = "silent"


def probabilities(label: str, confidence: float = 0.65) -> list[float]:
    """Probabilities of all labels, the rest of the confidence spread evenly."""
    if label == SILENT:
        return [np.nan] * len(LABELS)
    rest = (1 - confidence) / (len(LABELS) - 1)
    return [confidence if name == label else rest for name in LABELS]


def predictions(rows: Sequence[tuple[str, str, list[float]]]) -> Predictions:
    """Predictions from the true label, the speaker and the probabilities of each clip."""
    clips = tuple(clip(truth, speaker) for truth, speaker, _ in rows)
    return Predictions(clips, np.array([row for *_, row in rows]))


def mostly_right() -> Predictions:
    """Two clips per label; the man's calm is happy, the woman is once uncertain, once silent."""
    rows = {(label, speaker): probabilities(label) for label in LABELS for speaker in (MAN, WOMAN)}
    rows["calm", MAN] = probabilities("happy")
    rows["sad", WOMAN] = probabilities("sad", confidence=0.2)
    rows["angry", WOMAN] = probabilities(SILENT)
    return predictions([(label, speaker, row) for (label, speaker), row in rows.items()])


def view(test: Predictions) -> View:
    """A view at temperature 1."""
    return View(test, test, temperature=1.0, threshold=0.3)


def stored_scores(recipe: str, protocol: str, uar: float) -> dict[str, Any]:
    """Scores as ``evaluate`` writes them, with this mean UAR."""
    views = [view(mostly_right()), view(mostly_right())]
    scores = protocols.protocol_scores(views, by_speaker=protocol == "actors")
    scores["mean"]["uar"] = uar
    return {
        "recipe": recipe,
        "protocol": protocol,
        "text": protocols.PROTOCOL_TEXTS[protocol],
        "commit": "unknown",
        "splits": [],
        "views": {"streamed": scores},
    }


def utterances(label: int, speaker: int) -> NDArray[np.int16]:
    """A second and a half of speech, different for every clip; one clip is silent."""
    if (label, speaker) == (8, 17):
        return np.zeros(24_000, np.int16)
    name = ("one_utterance", "speech_at_once")[label % 2]
    return np.roll(speech(name), 640 * label + 97 * speaker)[:24_000]


class FakeMethod:
    """Predicts the true label of men and the next one of women; counts its calls."""

    streams = False

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.description = f"of {name}"
        self.fitted: list[str] = []
        self.exported: list[Path] = []
        self.priors: list[float] = []
        self.calls = 0

    def fit(self, split: Split, run: Path) -> None:
        print("an epoch")
        self.fitted.append(split.name)
        record_origin(self.name, split, run)
        (run / "log.csv").write_text("epoch,loss,accuracy,val_loss\n0,2.0,0.1,NA\n1,1.5,0.3,NA\n")
        record_end(run, {"epochs": 2})

    def logits(self, clips: Sequence[Clip], run: Path) -> NDArray[np.float32]:
        assert is_finished(run)
        self.calls += 1
        women = np.array([clip.sex == "female" for clip in clips])
        logits: NDArray[np.float32] = (
            3 * np.eye(8, dtype=np.float32)[(label_indices(clips) + women) % 8]
        )
        return logits

    def export(self, run: Path, folder: Path, split: Split, prior: float = 0.0) -> None:
        self.exported.append(run)
        self.priors.append(prior)
        folder.unlink(missing_ok=True)
        folder.symlink_to(bundled_model_folder())
