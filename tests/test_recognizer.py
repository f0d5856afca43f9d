import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser import (
    LABELS,
    AudioInputError,
    ModelError,
    Recognizer,
    SettingsError,
    SpeechEnded,
)


def test_arrays_and_streams_agree(
    recognizer: Recognizer, three_utterances: NDArray[np.int16]
) -> None:
    result = recognizer.recognize(three_utterances, 16_000)
    stream = recognizer.stream()
    events = [
        event for block in np.array_split(three_utterances, 77) for event in stream.process(block)
    ]
    assert tuple(events + stream.flush()) == result.events


def test_int16_and_float_agree(recognizer: Recognizer, three_utterances: NDArray[np.int16]) -> None:
    floats = three_utterances / 32768.0
    assert recognizer.recognize(floats, 16_000) == recognizer.recognize(three_utterances, 16_000)


def test_a_recording_is_its_utterances_weighted_by_length(
    recognizer: Recognizer, three_utterances: NDArray[np.int16]
) -> None:
    result = recognizer.recognize(three_utterances, 16_000)
    utterances = [event for event in result.events if isinstance(event, SpeechEnded)]
    total = sum(utterance.end - utterance.start for utterance in utterances)
    assert result.probabilities is not None
    for label in LABELS:
        weighted = sum(
            utterance.probabilities[label] * (utterance.end - utterance.start)
            for utterance in utterances
        )
        assert result.probabilities[label] == pytest.approx(weighted / total, abs=2e-5)


def test_silence_has_no_label(recognizer: Recognizer) -> None:
    result = recognizer.recognize(np.zeros(16_000), 16_000)
    assert (result.label, result.confidence, result.probabilities, result.events) == (
        None,
        None,
        None,
        (),
    )


def test_stereo_at_another_rate(recognizer: Recognizer) -> None:
    samples = speech("one_utterance")
    stereo = np.repeat(np.repeat(samples, 3)[:, np.newaxis], 2, axis=1)
    result = recognizer.recognize(stereo, 48_000)
    assert result.label is not None
    assert sum(isinstance(event, SpeechEnded) for event in result.events) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_absurdly_large_samples_are_refused(
    recognizer: Recognizer, dtype: type[np.floating]
) -> None:
    samples = np.full(16_000, np.finfo(dtype).max, dtype)
    with pytest.raises(AudioInputError, match="full scale is 1: scale them"):
        recognizer.recognize(samples, 16_000)


@pytest.mark.parametrize("choice", ["auto", 1, 2])
def test_a_voice_that_its_own_opposite_cancels_is_heard(
    recognizer: Recognizer, three_utterances: np.ndarray, choice: int | str
) -> None:
    both = np.stack([three_utterances, -three_utterances], axis=1)

    heard = recognizer.recognize(both, 16_000, channel=choice)

    assert len([event for event in heard.events if isinstance(event, SpeechEnded)]) == 3
    assert recognizer.recognize(both, 16_000, channel="mix").label is None


@pytest.mark.parametrize("choice", [0, 3, "left", 1.5, True])
def test_a_channel_that_is_not_there_is_refused(
    recognizer: Recognizer, three_utterances: np.ndarray, choice: object
) -> None:
    both = np.stack([three_utterances, three_utterances], axis=1)

    with pytest.raises((AudioInputError, SettingsError), match="channel"):
        recognizer.recognize(both, 16_000, channel=choice)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("samples", "rate", "words"),
    [
        (np.empty(0), 16_000, "no samples"),
        (np.zeros((1, 2, 3)), 16_000, "not audio"),
        (np.zeros(8, np.int64), 16_000, "not audio"),
        (np.full(8, np.nan), 16_000, "NaN or infinity"),
        (np.zeros(8), 100, "unsupported rate"),
    ],
)
def test_arrays_that_are_no_audio(
    recognizer: Recognizer, samples: NDArray[np.generic], rate: int, words: str
) -> None:
    with pytest.raises(AudioInputError, match=words):
        recognizer.recognize(samples, rate)


def test_a_stream_keeps_its_channels(recognizer: Recognizer) -> None:
    stream = recognizer.stream()
    stream.process(np.zeros((160, 2)))
    with pytest.raises(AudioInputError, match="1 channels follows blocks of 2"):
        stream.process(np.zeros(160))


def test_a_missing_model_is_named() -> None:
    with pytest.raises(ModelError, match="there is no model folder nowhere"):
        Recognizer("nowhere")


def test_importing_loads_nothing_heavy() -> None:
    heavy = "ai_edge_litert sounddevice textual soxr soundfile matplotlib keras tensorflow librosa"
    code = (
        "import sys, realtime_ser;"
        f"print([name for name in '{heavy} train'.split() if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
