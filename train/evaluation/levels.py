"""How many labels change with the level of the voice, and with a constant offset of the sound card.

Neither changes what is heard, so ideally neither changes a label.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from realtime_ser import Recognizer
from train.audio import disturbances
from train.audio.disturbances import Disturbance
from train.corpora.clip import Clip
from train.corpora.seeds import clip_seed
from train.evaluation.recordings import Recording, label_of
from train.markdown import markdown_table

GAINS_DB = (-6.0, -20.0)
OFFSETS = (0.01, 0.02, 0.05, 0.1)
"""Constants that are added, as shares of full scale."""

QUIET_DB = -20.0
"""The gain of the voice that offsets are added to: the quieter the voice, the more they matter."""

CLIPS_PER_SPEAKER = 10


@dataclass(frozen=True, slots=True)
class LevelScore:
    """How many labels a change of level or an offset changes.

    Attributes:
        name: of the change.
        changed: number of clips with another label.
        clips: number of all clips.
    """

    name: str
    changed: int
    clips: int


def choose_clips(clips: Iterable[Clip], per_speaker: int = CLIPS_PER_SPEAKER) -> list[Clip]:
    """Return some clips of each speaker, those with the lowest hashes of their names."""
    by_speaker: dict[str, list[Clip]] = {}
    for clip in sorted(clips, key=clip_seed):
        by_speaker.setdefault(clip.speaker, []).append(clip)
    return [clip for speaker in sorted(by_speaker) for clip in by_speaker[speaker][:per_speaker]]


def measure_levels(recognizer: Recognizer, recordings: Sequence[Recording]) -> list[LevelScore]:
    """Count the labels that gains and offsets change.

    A gain is compared with the voice as recorded, an offset with the same voice 20 dB quieter and
    without an offset.
    """

    def labels(*several: Disturbance) -> list[str]:
        return [label_of(recognizer, recording, *several) for recording in recordings]

    def score(name: str, before: list[str], after: list[str]) -> LevelScore:
        changed = sum(old != new for old, new in zip(before, after, strict=True))
        return LevelScore(name, changed, len(before))

    recorded = labels()
    quiet = partial(disturbances.gain, decibels=QUIET_DB)
    quiet_labels = labels(quiet)
    scores = [
        score(
            f"gain {gain:+.0f} dB",
            recorded,
            quiet_labels if gain == QUIET_DB else labels(partial(disturbances.gain, decibels=gain)),
        )
        for gain in GAINS_DB
    ]
    return scores + [
        score(
            f"offset of {height:g}, voice at {QUIET_DB:+.0f} dB",
            quiet_labels,
            labels(quiet, partial(disturbances.offset, height=height)),
        )
        for height in OFFSETS
    ]


def levels_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the numbers of changed labels as a table."""
    cells = [(row["name"], f"{row['changed']} of {row['clips']}") for row in rows]
    return markdown_table(("level", "labels changed"), cells)
