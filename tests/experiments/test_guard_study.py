"""The measurement of the guard, on made-up voices and a clip. Needs the train extra."""

import json
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from speech_clips import speech

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from experiments.guard import (  # noqa: E402
    ALTERNATIVES,
    MARKER,
    OTHER_SEX,
    OWNER,
    SAME_SEX,
    USUAL,
    Speaker,
    compare_speakers,
    drawn_speakers,
    guard_table,
    shares_of,
    spoken,
    write_guard,
)
from realtime_ser.emotion.model import EmotionModel  # noqa: E402
from realtime_ser.pipeline import Pipeline  # noqa: E402
from train.corpora.clip import Clip, Sex  # noqa: E402


def speaker(sex: Sex, voice: float, utterances: int = 24) -> Speaker:
    """A speaker whose spectrum has a slope of ``voice``."""
    random = np.random.default_rng(0)
    shape = voice * np.linspace(-1, 1, 64)

    def frame() -> dict[str, NDArray[np.float32]]:
        return {"mel": (random.normal(0, 0.5, (96, 64)) + shape).astype(np.float32)}

    return Speaker(sex, tuple((frame(), frame()) for _ in range(utterances)))


SPEAKERS = {
    "ada": speaker("female", 0.0),
    "eve": speaker("female", 1.5),
    "bob": speaker("male", -1.5),
}


def test_different_voices_are_kept_apart_and_without_limits_all_are_learned() -> None:
    usual = compare_speakers(SPEAKERS, USUAL)
    assert usual[OWNER].learned == usual[OWNER].frames == 3 * 24
    assert usual[OWNER].other == 0
    for guest in (SAME_SEX, OTHER_SEX):
        assert usual[guest].learned == 0
        assert usual[guest].other > 0.9 * usual[guest].frames
    assert (usual[SAME_SEX].frames, usual[OTHER_SEX].frames) == (2 * 24, 4 * 24)
    unlimited = compare_speakers(
        SPEAKERS, replace(USUAL, farthest=inf, other=inf, farthest_recent=inf)
    )
    for heard in unlimited.values():
        assert (heard.learned, heard.other) == (heard.frames, 0)


def test_the_frames_of_a_clip_are_those_that_a_pipeline_recognizes() -> None:
    model = EmotionModel()
    samples = speech("three_utterances")
    pipeline = Pipeline(model)
    events = [*pipeline.process(samples), *pipeline.flush()]
    expected = [event.name for event in events]
    found = spoken(Pipeline(model), samples)
    assert len(found) == expected.count("speech_ended")
    assert sum(map(len, found)) == expected.count("emotion")
    assert found[0][0][model.manifest.feature_maps[0].name].shape == (96, 64)


def test_speakers_are_read_with_all_their_clips() -> None:
    voices: tuple[tuple[str, Sex], ...] = (("a", "female"), ("b", "male"))
    clips = [
        Clip(Path(f"{name}{number}.wav"), "nemo", name, sex, "happy", "pl")
        for name, sex in voices
        for number in range(3)
    ]
    paths: list[Path] = []

    def read(path: Path) -> NDArray[np.int16]:
        paths.append(path)
        return speech("one_utterance")

    found = drawn_speakers(clips, EmotionModel(), read)
    assert sorted(paths) == [clip.path for clip in clips]
    assert {name: who.sex for name, who in found.items()} == {"a": "female", "b": "male"}
    assert all(len(who.utterances) == 3 for who in found.values())


def test_the_result_is_stored_and_shown(tmp_path: Path) -> None:
    page = tmp_path / "profiles.md"
    page.write_text(f"before\n{MARKER}<!-- end of generated text -->\nafter\n")
    shares = shares_of(compare_speakers(SPEAKERS, USUAL))
    result = {"model": "made-up", "corpora": {"nemo": dict.fromkeys(ALTERNATIVES, shares)}}
    write_guard(result, tmp_path / "guard.json", page)
    assert json.loads((tmp_path / "guard.json").read_text()) == result
    text = page.read_text()
    assert guard_table(result) in text
    assert "| nEMO | as they are | 1.00, 0.00 | 0.00, " in text
    assert text.endswith("after\n")
