"""Made-up corpora: tiny audio files in the layouts that corpora come in."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
COLUMNS = ("path", "speaker", "sex", "label", "original_label", "language")
FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "OPUS")}


def write_sound(path: Path, seconds: float = 0.1, level: float = 0.1) -> None:
    """Write noise in the format that the path's ending names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = level * np.random.default_rng(0).normal(size=round(RATE * seconds))
    container, subtype = FORMATS[path.suffix]
    soundfile.write(path, noise, RATE, format=container, subtype=subtype)


def write_index(
    folder: Path, rows: Sequence[Sequence[str]], columns: Sequence[str] = COLUMNS
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def write_corpus(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write an index and the sounds it lists."""
    write_index(folder, rows)
    for row in rows:
        write_sound(folder / row[0])
