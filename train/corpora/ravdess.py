"""RAVDESS, the Ryerson Audio-Visual Database of Emotional Speech and Song.

S. R. Livingstone and F. A. Russo, PLoS ONE 13(5): e0196391, 2018; Zenodo record 1188976, licensed
CC BY-NC-SA 4.0. Twenty-four professional actors speak two sentences in North American English.
"""

from collections import Counter
from collections.abc import Collection
from itertools import product
from pathlib import Path

from realtime_ser.errors import AudioInputError
from realtime_ser.events import LABELS
from train.corpora.clip import Clip

CORPUS = "ravdess"
LANGUAGE = "en"
CLIP_SUFFIXES = (".wav", ".flac")
SPEAKERS = tuple(f"{number:02}" for number in range(1, 25))
HELD_OUT_SPEAKERS = SPEAKERS[20:]
"""Test speakers of the bundled model: never used for training or for any choice."""

NEUTRAL, STRONG = 1, 2

CLIP_NAMES = frozenset(
    f"03-01-{emotion:02}-{intensity:02}-{statement:02}-{repetition:02}-{speaker}"
    for emotion, intensity, statement, repetition, speaker in product(
        range(1, len(LABELS) + 1), (1, 2), (1, 2), (1, 2), SPEAKERS
    )
    if (emotion, intensity) != (NEUTRAL, STRONG)
)
"""All 1440 names: audio only (03), speech (01), then the variables; neutral is never strong."""

SAME_RECORDING = ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07")
"""Two names under which the published archive holds the same recording, byte for byte."""

FOLDER_REMEDY = (
    "give the folder that holds Actor_01 to Actor_24 of RAVDESS's speech clips, or download it "
    "with python -m train prepare --download"
)


def parse_clip(path: Path) -> Clip:
    """Read a clip's label and speaker from its name, such as ``03-01-05-02-01-02-17.wav``.

    The third number is the emotion, in the order of ``LABELS``; the last is the actor: odd numbers
    are men, even ones are women.

    Raises:
        AudioInputError: the name is not that of an audio-only speech clip.
    """
    if path.stem not in CLIP_NAMES:
        raise AudioInputError(
            f"{path.name} is not the name of a RAVDESS speech clip",
            "expected seven numbers such as 03-01-05-02-01-02-17",
        )
    numbers = path.stem.split("-")
    return Clip(
        path,
        corpus=CORPUS,
        speaker=numbers[6],
        sex="male" if int(numbers[6]) % 2 else "female",
        label=LABELS[int(numbers[2]) - 1],
        language=LANGUAGE,
    )


def clip_files(folder: Path) -> list[Path]:
    """Return the audio files of all actors in ``folder``, sorted, without hidden files.

    Raises:
        AudioInputError: the folder does not exist, or holds no audio files of actors.
    """
    if not folder.is_dir():
        raise AudioInputError(f"there is no folder {folder}", FOLDER_REMEDY)
    paths = sorted(
        path
        for path in folder.glob("Actor_*/*")
        if path.suffix.lower() in CLIP_SUFFIXES and not path.name.startswith(".")
    )
    if not paths:
        raise AudioInputError(f"{folder} holds no clips of RAVDESS", FOLDER_REMEDY)
    return paths


def list_clips(folder: Path, speakers: Collection[str] = SPEAKERS) -> list[Clip]:
    """Return the clips of these speakers in ``folder``, sorted by path.

    Raises:
        AudioInputError: a speaker has no clips there, a file is misnamed, or a clip exists twice,
            which could put it on two sides of a split.
    """
    clips = [clip for clip in map(parse_clip, clip_files(folder)) if clip.speaker in speakers]
    missing = sorted(set(speakers) - {clip.speaker for clip in clips})
    if missing:
        raise AudioInputError(
            f"{folder} holds no clips of actors {', '.join(missing)}", FOLDER_REMEDY
        )
    counts = Counter(clip.path.stem for clip in clips)
    if duplicates := sorted(name for name, count in counts.items() if count > 1):
        raise AudioInputError(
            f"{folder} holds {duplicates[0]} more than once", "delete one of them"
        )
    return clips
