"""What the speech output is trained on."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from train.corpora.catalog import CORPORA  # noqa: E402
from train.model import speech_examples  # noqa: E402
from train.model.mixture import Source  # noqa: E402
from train.model.speech_examples import (  # noqa: E402
    CLEAN,
    SOUND,
    SOUND_SECONDS,
    VARIANTS_OF_A_SOUND,
    speech_and_other_sounds,
)

RATE = 16_000
Int16 = NDArray[np.int16]


def tone(hertz: float, seconds: float) -> Int16:
    times = np.arange(round(seconds * RATE)) / RATE
    return (8000 * np.sin(2 * np.pi * hertz * times)).astype(np.int16)


def loud_parts(samples: Int16) -> int:
    """Return how many parts of a recording, with quieter ones between, are loud."""
    blocks = samples[: len(samples) // 160 * 160].reshape(-1, 160).astype(np.float64)
    levels = np.sqrt((blocks**2).mean(axis=1))
    loud = levels > levels.max() / 3
    return int((np.diff(loud.astype(int), prepend=0) > 0).sum())


@pytest.fixture
def few_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_examples, "SOUNDS_OF_A_KIND", 0)
    monkeypatch.setattr(speech_examples, "SECOND_SOUND_SHARE", 0.0)


@pytest.mark.usefixtures("few_sounds")
def test_short_sounds_are_heard_once_or_repeatedly() -> None:
    sounds = {"farm": [tone(700, 0.2), tone(900, 0.3)], "door": [tone(300, 0.1)]}
    examples = speech_and_other_sounds([], {}, sounds, seed=1)
    assert {example.kind for example in examples} == {SOUND}
    groups = [example.group for example in examples]
    assert groups.count("farm") == 2 * VARIANTS_OF_A_SOUND
    assert groups.count("door") == VARIANTS_OF_A_SOUND
    scenes = [example.samples for example in examples[::2]]
    assert {len(scene) for scene in scenes} == {SOUND_SECONDS * RATE}, "every second is whole"
    parts = [loud_parts(scene) for scene in scenes]
    assert 1 in parts
    assert max(parts) > 3


@pytest.mark.usefixtures("few_sounds")
def test_sounds_longer_than_a_scene_are_cut() -> None:
    examples = speech_and_other_sounds([], {}, {"rain": [tone(500, 20)]}, seed=1)
    assert max(len(example.samples) for example in examples) == SOUND_SECONDS * RATE


@pytest.mark.usefixtures("few_sounds")
def test_short_sounds_do_not_change_the_speech() -> None:
    source = Source(CORPORA["nemo"], ["angry"] * 3, [[tone(200, 2)] * 3], 1.0)
    without = speech_and_other_sounds([source], {}, {}, seed=1)
    beside = speech_and_other_sounds([source], {}, {"farm": [tone(700, 0.2)]}, seed=1)
    assert sum(example.kind == CLEAN for example in without) == 3
    for before, after in zip(without, beside, strict=False):
        assert np.array_equal(before.samples, after.samples)
        assert replace(before, samples=after.samples) == after


def test_the_same_seed_gives_the_same_examples() -> None:
    sounds = {"farm": [tone(700, 0.2), tone(900, 0.3)]}
    first, second, other = (speech_and_other_sounds([], {}, sounds, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a.samples, b.samples) for a, b in zip(first, other, strict=True))
