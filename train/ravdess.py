"""RAVDESS, the Ryerson Audio-Visual Database of Emotional Speech and Song: names and folders.

S. R. Livingstone and F. A. Russo, PLoS ONE 13(5): e0196391, 2018; Zenodo record 1188976, CC
BY-NC-SA 4.0.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.errors import AudioInputError
from realtime_ser.events import LABELS

CLIP_ENDINGS = (".wav", ".flac")
TRAINING_ACTORS = tuple(range(1, 17))
VALIDATION_ACTORS = tuple(range(17, 21))
HELD_OUT_ACTORS = tuple(range(21, 25))
"""Never trained on and never used to choose anything: the bundled model's test voices."""


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
    parts = path.stem.split("-")
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
    highest = (3, 1, len(LABELS), 2, 2, 2, 24)
    if (
        len(parts) != 7
        or len(numbers) != 7
        or numbers[:2] != [3, 1]
        or not all(1 <= number <= limit for number, limit in zip(numbers, highest, strict=True))
    ):
        raise AudioInputError(
            f"{path.name} is not the name of a RAVDESS speech clip",
            "expected seven numbers such as 03-01-05-02-01-02-17",
        )
    return Clip(path, label=numbers[2] - 1, actor=numbers[6])


def list_clips(folder: Path, actors: Collection[int]) -> list[Clip]:
    """Return the clips of these actors below ``folder``, sorted by name.

    Raises:
        AudioInputError: an actor has no clips there, or a file is misnamed.
    """
    paths = sorted(path for path in folder.glob("Actor_*/*") if path.suffix.lower() in CLIP_ENDINGS)
    clips = [clip for clip in map(parse_clip, paths) if clip.actor in actors]
    missing = sorted(set(actors) - {clip.actor for clip in clips})
    if missing:
        raise AudioInputError(
            f"{folder} holds no clips of actors {', '.join(map(str, missing))}",
            "give the folder that holds Actor_01 to Actor_24 of RAVDESS's speech clips",
        )
    return clips
