"""Setting speakers aside: a speaker is on one side of a split, never on both."""

import hashlib
from collections.abc import Sequence

from realtime_ser.errors import SettingsError
from train.corpora.clip import Clip


def split_speakers(clips: Sequence[Clip], share: float, seed: int) -> tuple[list[Clip], list[Clip]]:
    """Divide clips so that a share of the speakers of each corpus is set aside.

    Speakers are ordered by a hash of seed, corpus and name, so that the outcome depends on nothing
    else: neither on the order of the clips nor on the other corpora. A corpus of one speaker, such
    as one whose index does not say who speaks, is not divided: all of it stays.

    Args:
        clips: of one corpus or several.
        share: of each corpus's speakers, above 0 and below 1, rounded to whole speakers; at least
            one speaker is set aside and at least one stays.
        seed: another one sets other speakers aside.

    Returns:
        The clips that stay and those set aside, each in the order given.

    Raises:
        SettingsError: the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise SettingsError(f"a share of {share} of the speakers", "give one between 0 and 1")
    speakers: dict[str, set[str]] = {}
    for clip in clips:
        speakers.setdefault(clip.corpus, set()).add(clip.speaker)
    aside = {
        (corpus, speaker)
        for corpus, names in speakers.items()
        for speaker in _first_by_hash(corpus, names, share, seed)
    }
    return (
        [clip for clip in clips if (clip.corpus, clip.speaker) not in aside],
        [clip for clip in clips if (clip.corpus, clip.speaker) in aside],
    )


def _first_by_hash(corpus: str, names: set[str], share: float, seed: int) -> list[str]:
    if len(names) == 1:
        return []
    count = min(max(1, round(share * len(names))), len(names) - 1)
    return sorted(names, key=lambda name: _hash(f"{seed}/{corpus}/{name}"))[:count]


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
