"""A clip, the unit that every corpus consists of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Sex = Literal["female", "male"]


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording of one speaker.

    Attributes:
        path: its audio file.
        corpus: name of the corpus, such as ``ravdess``.
        speaker: identifies the speaker within the corpus, such as ``07``.
        sex: of the speaker, ``None`` where the corpus does not say.
        label: one of ``realtime_ser.LABELS``, ``None`` where the corpus states no emotion.
        language: ISO 639 code of the language spoken, ``und`` where the corpus does not say.
    """

    path: Path
    corpus: str
    speaker: str
    sex: Sex | None
    label: str | None
    language: str
