"""Sounds that open the gate, and what the network says of them. Needs its speech output."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser import EmotionUpdate, SpeechEnded
from realtime_ser.emotion.model import EmbeddedFrame, EmotionModel
from realtime_ser.pipeline import Pipeline
from train.audio.levels import at_level
from train.audio.sounds import TRAINING_SOUNDS, UNSEEN_SOUNDS, colored_noise

SECONDS = 20
DRAWS = 4
"""Every family of sounds draws its own color, pitch and tempo: one draw says little of a family."""

SOUNDS = {"rumble": colored_noise(1.0), "breath": TRAINING_SOUNDS["breath"], **UNSEEN_SOUNDS}


@pytest.fixture(scope="module")
def model() -> EmotionModel:
    """The bundled model."""
    model = EmotionModel()
    if not model.manifest.has_speech_output:
        pytest.skip("the bundled model cannot tell speech from other sounds")
    return model


@pytest.fixture(scope="module")
def gate_alone(model: EmotionModel) -> EmotionModel:
    """The same model, its network not asked what is speech, and not run either."""
    unasked = EmotionModel(model.folder)
    unasked.manifest = replace(unasked.manifest, speech_threshold=None)
    embedded = EmbeddedFrame(np.zeros(unasked.manifest.embedding_shape, np.float32))
    unasked.embed = lambda maps: embedded  # type: ignore[method-assign]
    return unasked


def sound(name: str, draw: int = 2) -> NDArray[np.int16]:
    """Return 20 s of a sound at -20 dBFS, behind three seconds of faint noise."""
    random = np.random.default_rng(draw)
    faint = random.normal(scale=10 ** (-75 / 20), size=48_000)
    loud = at_level(SOUNDS[name](SECONDS * 16_000, random), -20.0)
    return np.clip(np.concatenate((faint, loud)) * 32768, -32768, 32767).astype(np.int16)


def spoken(model: EmotionModel, samples: NDArray[np.int16]) -> float:
    """Return the seconds in reported utterances."""
    pipeline = Pipeline(model)
    events = pipeline.process(samples) + pipeline.flush()
    return sum(event.end - event.start for event in events if isinstance(event, SpeechEnded))


@pytest.mark.parametrize(
    ("name", "share"),
    [
        (name, 2 / 3 if name == "music" else 0.1) for name in SOUNDS
    ],  # music: docs/quality.md says so
)
def test_sounds_that_open_the_gate_seldom_get_an_emotion(
    model: EmotionModel, gate_alone: EmotionModel, name: str, share: float
) -> None:
    drawn = [sound(name, draw) for draw in range(1, DRAWS + 1)]
    opened = sum(spoken(gate_alone, samples) for samples in drawn)
    assert opened > 1, "else there is nothing to refuse"
    assert sum(spoken(model, samples) for samples in drawn) < share * opened


@pytest.mark.parametrize(
    "clip", ["one_utterance", "three_utterances", "speech_at_once", "short_word"]
)
def test_speech_is_reported_as_the_gate_cuts_it(
    model: EmotionModel, gate_alone: EmotionModel, clip: str
) -> None:
    samples = speech(clip)
    assert spoken(model, samples) > 0.9 * spoken(gate_alone, samples)


@pytest.mark.parametrize("name", ["rumble", "typing"])
def test_speech_after_a_sound_is_found(model: EmotionModel, name: str) -> None:
    before, voice = sound(name)[-64_000:], speech("one_utterance")
    pipeline = Pipeline(model)
    assert pipeline.process(before) == []
    events = pipeline.process(voice) + pipeline.flush()
    assert any(isinstance(event, EmotionUpdate) for event in events)
