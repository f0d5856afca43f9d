"""Clips and folders named as RAVDESS's, for tests of training and evaluation."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from realtime_ser.events import LABELS
from train.corpora.clip import Clip
from train.corpora.ravdess import CLIP_NAMES, SAME_RECORDING, parse_clip

RATE = 48_000
SPEAKER = "07"
SPEAKER_FOLDER = f"Actor_{SPEAKER}"
SPEAKER_CLIPS = sorted(name for name in CLIP_NAMES if name.endswith(f"-{SPEAKER}"))
"""The names of all clips of one speaker."""


def clip(label: str, speaker: str, folder: Path = Path()) -> Clip:
    """A clip of this label and speaker, whose file need not exist."""
    number = LABELS.index(label) + 1
    return parse_clip(folder / f"03-01-{number:02}-01-01-01-{speaker}.flac")


def write_clips(folder: Path, samples_of: Callable[[int, int], NDArray[np.int16]] | None) -> Path:
    """Write a clip of every label and speaker; without samples, the files are empty."""
    for speaker in range(1, 25):
        actor = folder / f"Actor_{speaker:02}"
        actor.mkdir(parents=True)
        for label in range(1, 9):
            path = actor / f"03-01-{label:02}-01-01-01-{speaker:02}.flac"
            if samples_of is None:
                path.touch()
            else:
                soundfile.write(path, samples_of(label, speaker), 16_000)
    return folder


def noise_wav(seed: int, seconds: float = 1.1) -> bytes:
    """A WAV file of quiet noise, different for every seed."""
    noise = np.random.default_rng(seed).normal(0, 300, round(RATE * seconds)).astype(np.int16)
    content = io.BytesIO()
    soundfile.write(content, noise, RATE, format="WAV")
    return content.getvalue()


@cache
def speaker_wavs() -> dict[str, bytes]:
    """WAV files of one speaker by clip name, two of them identical, as in RAVDESS."""
    clips = {name: noise_wav(seed) for seed, name in enumerate(SPEAKER_CLIPS)}
    return clips | {SAME_RECORDING[1]: clips[SAME_RECORDING[0]]}
