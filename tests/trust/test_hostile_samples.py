"""Samples no voice makes: events stay sane, or one clear error comes and the stream can go on."""

import logging
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scripted_card import ScriptedCard, as_card
from speech_clips import speech

from realtime_ser import (
    AudioInputError,
    EmotionUpdate,
    Recognizer,
    SpeechEnded,
    SpeechStarted,
)
from realtime_ser.events import Event
from realtime_ser.live.engine import Engine

TEN_SECONDS = np.arange(160_000) / 16_000


def utterances(events: list[Event]) -> list[tuple[float, float]]:
    """Return what was said when, after looking at every number of every event."""
    for event in events:
        if isinstance(event, EmotionUpdate | SpeechEnded):
            assert 0 <= event.start < event.end
            assert sum(event.probabilities.values()) == pytest.approx(1, abs=1e-9)
            assert all(0 <= probability <= 1 for probability in event.probabilities.values())
            assert math.isfinite(event.confidence)
    return [(event.start, event.end) for event in events if isinstance(event, SpeechEnded)]


def probabilities(events: list[Event]) -> NDArray[np.float64]:
    """Return those of each utterance, shape ``[utterances, 8]``."""
    ended = [event for event in events if isinstance(event, SpeechEnded)]
    return np.array([list(utterance.probabilities.values()) for utterance in ended])


def heard(recognizer: Recognizer, samples: NDArray[np.generic], rate: int = 16_000) -> list[Event]:
    return list(recognizer.recognize(samples, rate).events)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_refused_block_leaves_the_stream_as_it_was(
    recognizer: Recognizer, value: float, rate: int
) -> None:
    samples = as_card(speech("one_utterance"), rate, 2)
    half = len(samples) // 2
    hostile = samples[half : half + 1000].copy()
    hostile[500, 1] = value
    stream = recognizer.stream(rate)

    events = stream.process(samples[:half])
    with pytest.raises(AudioInputError, match=r"NaN or infinity at about 1\.7"):
        stream.process(hostile)
    events += stream.process(samples[half:]) + stream.flush()

    assert events == heard(recognizer, samples, rate)
    assert utterances(events)


def test_a_card_that_delivers_nan_tells_so_after_what_came_before(recognizer: Recognizer) -> None:
    samples = as_card(speech("one_utterance"), 16_000, 1)
    samples[-100:] = np.nan
    events: list[Event] = []

    with pytest.raises(AudioInputError, match="NaN or infinity"):
        events.extend(Engine(ScriptedCard(samples, 16_000, [320]), recognizer.pipeline()).events())

    assert isinstance(events[0], SpeechStarted)


@pytest.mark.parametrize("hertz", [50, 440, 3_000, 8_000])
def test_a_full_scale_square_wave_is_no_voice(recognizer: Recognizer, hertz: int) -> None:
    square = np.where(np.sin(2 * np.pi * hertz * TEN_SECONDS + 0.1) > 0, 32767, -32768)

    assert heard(recognizer, square.astype(np.int16)) == []


def test_a_voice_clipped_to_a_square_wave_is_still_a_voice(recognizer: Recognizer) -> None:
    voice = speech("three_utterances")
    clipped = utterances(heard(recognizer, np.clip(voice / 32768 * 1000, -1, 1)))

    for start, end in utterances(heard(recognizer, voice)):
        assert any(first < end and last > start for first, last in clipped), "none is lost"


@pytest.mark.parametrize("scale", [32768, 3e38])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_floats_of_another_scale_are_refused(
    recognizer: Recognizer, scale: float, rate: int
) -> None:
    samples = as_card(speech("three_utterances"), rate, 2) * scale

    with pytest.raises(AudioInputError, match=r"samples reach .* and full scale is 1"):
        recognizer.recognize(samples, rate)


@pytest.mark.parametrize("offset", [-0.5, 0.02, 0.3])
def test_a_constant_offset_hides_no_utterance(recognizer: Recognizer, offset: float) -> None:
    voice = speech("three_utterances") / 32768
    plain, shifted = heard(recognizer, voice), heard(recognizer, voice + offset)

    assert utterances(shifted) == utterances(plain)
    if abs(offset) <= 0.02:  # more is a faulty card, which the doctor warns of
        # Whether a label near the threshold is `uncertain` may change; the likeliest may not.
        before, after = probabilities(plain), probabilities(shifted)
        np.testing.assert_array_equal(after.argmax(axis=1), before.argmax(axis=1))
        np.testing.assert_allclose(after, before, atol=0.03)


@pytest.mark.parametrize("constant", [-32768, -1, 1, 32767])
def test_a_constant_is_silence(recognizer: Recognizer, constant: int) -> None:
    assert heard(recognizer, np.full(160_000, constant, np.int16)) == []


def test_denormals_are_silence(recognizer: Recognizer) -> None:
    noise = np.random.default_rng(2).uniform(-0.1, 0.1, (480_000, 2)).astype(np.float32)
    denormal = (noise * np.float32(1e-39)).astype(np.float32)

    assert 0 < np.abs(denormal).max() < np.finfo(np.float32).tiny
    assert heard(recognizer, denormal, 48_000) == []


def test_after_minutes_of_zeros_a_voice_is_heard_on_time(recognizer: Recognizer) -> None:
    minutes = 10
    voice, second = speech("three_utterances"), np.zeros(16_000, np.int16)
    stream = recognizer.stream()
    events = [event for _ in range(60 * minutes) for event in stream.process(second)]
    assert events == []
    late = utterances(stream.process(voice) + stream.flush())

    soon = utterances(heard(recognizer, np.concatenate([*[second] * 6, voice])))
    assert len(late) == 3
    waited = 60 * minutes - 6
    for mine, theirs in zip(late, soon, strict=True):
        assert [time - waited for time in mine] == pytest.approx(theirs)


def test_a_microphone_of_zeros_is_warned_of_once_in_minutes(
    recognizer: Recognizer, caplog: pytest.LogCaptureFixture
) -> None:
    card = ScriptedCard(np.zeros((16_000 * 120, 1), np.float32), 16_000, [16_000])
    with caplog.at_level(logging.WARNING, "realtime_ser"):
        list(Engine(card, recognizer.pipeline()).events())

    assert [
        message for message in caplog.messages if "delivers only zeros" in message
    ] == caplog.messages
    assert len(caplog.messages) == 1
