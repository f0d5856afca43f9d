"""Speakers set aside are on one side of a split alone."""

from pathlib import Path

import pytest

from realtime_ser.errors import SettingsError
from train.corpora.clip import Clip
from train.corpora.speakers import split_speakers


def clips(corpus: str, speakers: int, clips_each: int = 3) -> list[Clip]:
    return [
        Clip(Path(corpus, f"{speaker}-{number}.ogg"), corpus, f"{speaker:02}", None, "sad", "und")
        for speaker in range(speakers)
        for number in range(clips_each)
    ]


def speakers(found: list[Clip], corpus: str) -> set[str]:
    return {clip.speaker for clip in found if clip.corpus == corpus}


def test_no_speaker_is_on_both_sides_and_no_clip_is_lost() -> None:
    everything = clips("nemo", 9) + clips("emospeech", 105)
    stay, aside = split_speakers(everything, 0.2, seed=1)
    assert sorted(stay + aside, key=everything.index) == everything
    for corpus, count in (("nemo", 2), ("emospeech", 21)):
        assert speakers(stay, corpus).isdisjoint(speakers(aside, corpus))
        assert len(speakers(aside, corpus)) == count


def test_the_same_name_in_two_corpora_is_two_speakers() -> None:
    sides = [
        {corpus: speakers(aside, corpus) for corpus in ("a", "b")}
        for seed in range(5)
        for _, aside in [split_speakers(clips("a", 10) + clips("b", 10), 0.5, seed)]
    ]
    assert any(side["a"] != side["b"] for side in sides)


def test_only_seed_corpus_and_name_decide() -> None:
    nemo = clips("nemo", 20)
    _, aside = split_speakers(nemo, 0.3, seed=7)
    _, reordered = split_speakers(nemo[::-1], 0.3, seed=7)
    _, beside_others = split_speakers(clips("savee", 4) + nemo, 0.3, seed=7)
    assert speakers(aside, "nemo") == speakers(reordered, "nemo") == speakers(beside_others, "nemo")
    assert speakers(aside, "nemo") == {"01", "03", "08", "09", "10", "12"}, "on every machine"
    assert any(
        speakers(split_speakers(nemo, 0.3, seed)[1], "nemo") != speakers(aside, "nemo")
        for seed in range(3)
    )


@pytest.mark.parametrize(
    ("count", "share", "aside"), [(1, 0.5, 0), (2, 0.01, 1), (2, 0.99, 1), (4, 0.25, 1)]
)
def test_one_speaker_at_least_is_on_each_side(count: int, share: float, aside: int) -> None:
    assert len(speakers(split_speakers(clips("a", count), share, 0)[1], "a")) == aside


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(SettingsError, match="between 0 and 1"):
        split_speakers(clips("a", 2), share, 0)
