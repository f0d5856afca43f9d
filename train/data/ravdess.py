"""RAVDESS, the Ryerson Audio-Visual Database of Emotional Speech and Song: names and folders.

S. R. Livingstone and F. A. Russo, PLoS ONE 13(5): e0196391, 2018; Zenodo record 1188976, CC
BY-NC-SA 4.0.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from realtime_ser.errors import AudioInputError
from realtime_ser.events import LABELS

CLIP_ENDINGS = (".wav", ".flac")
ACTORS = tuple(range(1, 25))
HELD_OUT_ACTORS = tuple(range(21, 25))
"""Never trained on and never used to choose anything: the bundled model's test voices."""

NEUTRAL, STRONG = 1, 2

CLIP_NAMES = frozenset(
    f"03-01-{emotion:02}-{intensity:02}-{statement:02}-{repetition:02}-{actor:02}"
    for emotion, intensity, statement, repetition, actor in product(
        range(1, len(LABELS) + 1), (1, 2), (1, 2), (1, 2), ACTORS
    )
    if (emotion, intensity) != (NEUTRAL, STRONG)
)
"""All 1440: sound alone (03), speech (01), then what the variables say; no neutral is strong."""

ONE_RECORDING = ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07")
"""Two names under which the published archive holds one recording, byte for byte."""

HOW_TO_GIVE_THE_FOLDER = (
    "give the folder that holds Actor_01 to Actor_24 of RAVDESS's speech clips, or have it filled "
    "with python -m train prepare --download"
)


@dataclass(frozen=True, slots=True)
class Clip:
    """One recorded sentence.

    Attributes:
        path: its sound file.
        label: index into ``LABELS``.
        actor: 1 to 24; odd numbers are men, even ones women.
    """

    path: Path
    label: int
    actor: int


def parse_clip(path: Path) -> Clip:
    """Read a clip's label and actor off its name, such as ``03-01-05-02-01-02-17.wav``.

    Raises:
        AudioInputError: the name is not that of an audio-only speech clip.
    """
    if path.stem not in CLIP_NAMES:
        raise AudioInputError(
            f"{path.name} is not the name of a RAVDESS speech clip",
            "expected seven numbers such as 03-01-05-02-01-02-17",
        )
    numbers = [int(part) for part in path.stem.split("-")]
    return Clip(path, label=numbers[2] - 1, actor=numbers[6])


def clip_files(folder: Path) -> list[Path]:
    """Return the sound files of all actors below ``folder``, sorted; hidden ones are no clips.

    Raises:
        AudioInputError: there is no such folder, or it holds no sound files of actors.
    """
    if not folder.is_dir():
        raise AudioInputError(f"there is no folder {folder}", HOW_TO_GIVE_THE_FOLDER)
    paths = sorted(
        path
        for path in folder.glob("Actor_*/*")
        if path.suffix.lower() in CLIP_ENDINGS and not path.name.startswith(".")
    )
    if not paths:
        raise AudioInputError(f"{folder} holds no clips of RAVDESS", HOW_TO_GIVE_THE_FOLDER)
    return paths


def list_clips(folder: Path, actors: Collection[int]) -> list[Clip]:
    """Return the clips of these actors below ``folder``, sorted by name.

    Raises:
        AudioInputError: an actor has no clips there, or a file is misnamed or there twice, which
            could put it on two sides of a split.
    """
    clips = [clip for clip in map(parse_clip, clip_files(folder)) if clip.actor in actors]
    missing = sorted(set(actors) - {clip.actor for clip in clips})
    if missing:
        raise AudioInputError(
            f"{folder} holds no clips of actors {', '.join(map(str, missing))}",
            HOW_TO_GIVE_THE_FOLDER,
        )
    counts = Counter(clip.path.stem for clip in clips)
    if doubled := sorted(name for name, count in counts.items() if count > 1):
        raise AudioInputError(f"{folder} holds {doubled[0]} more than once", "keep one of them")
    return clips
