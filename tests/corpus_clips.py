"""Hand-made clips of corpora and analyses of them, for tests of the corpus protocols."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from realtime_ser.events import LABELS, UNCERTAIN
from train.corpora.clip import Clip, Sex
from train.corpora.index import COLUMNS
from train.evaluation.analyses import ClipAnalysis
from train.evaluation.predictions import NO_SPEECH

SILENT = ClipAnalysis(NO_SPEECH, None, (), 4.0)


def corpus_clip(
    corpus: str, speaker: str, label: str | None = None, sex: Sex | None = None, path: str = "a"
) -> Clip:
    """A clip whose file need not exist."""
    return Clip(Path(path), corpus, speaker, sex, label, "en")


def analysis(
    label: str, confidence: float = 0.65, *, calm: float = 0.0, uncertain: bool = False
) -> ClipAnalysis:
    """Four seconds, half of them speech; the rest of the confidence is spread evenly."""
    rest = (1 - confidence - calm) / (len(LABELS) - 1 - bool(calm))
    shares = dict.fromkeys(LABELS, rest) | {label: confidence}
    if calm:
        shares["calm"] = calm
    shown = UNCERTAIN if uncertain else label
    return ClipAnalysis(shown, tuple(shares.values()), ((1.0, 3.0),), 4.0)


def write_corpus(
    folder: Path, rows: Iterable[tuple[str, str, str]], samples: Sequence[NDArray[np.int16]]
) -> Path:
    """Write a corpus with an index; a row has path, speaker and label; the samples take turns."""
    folder.mkdir(parents=True)
    with (folder / "index.csv").open("w", newline="") as file:
        index = csv.DictWriter(file, COLUMNS)
        index.writeheader()
        for number, (path, speaker, label) in enumerate(rows):
            row = {"path": path, "speaker": speaker, "sex": "", "label": label}
            index.writerow(row | {"original_label": label, "language": "en"})
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / path, samples[number % len(samples)], 16_000)
    return folder
