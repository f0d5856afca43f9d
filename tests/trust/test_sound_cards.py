"""What sound cards do: any rate, channel count and block size gives the events of the voice."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scripted_card import Float32, ScriptedCard, as_card, blocks
from speech_clips import speech

from realtime_ser import EmotionUpdate, Health, Recognizer, SpeechEnded, SpeechStarted
from realtime_ser.capture.file_source import FileSource
from realtime_ser.events import Event
from realtime_ser.live.engine import Engine
from realtime_ser.live.pace import Pace

ODD_SIZES = ([1], [7, 1, 0, 480], [161], [1023, 2], [4801], [100_000])
CARDS = [(8_000, 1), (8_000, 8), (16_000, 8), (44_100, 2), (48_000, 1), (48_000, 8)]


def heard(recognizer: Recognizer, samples: Float32, rate: int) -> list[Event]:
    stream = recognizer.stream(rate)
    return stream.process(samples) + stream.flush()


def said(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Health)]


def same_but_for_rounding(events: Sequence[Event], expected: Sequence[Event]) -> None:
    """A resampled voice: the same events, at most 30 ms apart, with the same label at the end."""
    assert [event.name for event in events] == [event.name for event in expected]
    for mine, theirs in zip(events, expected, strict=True):
        if isinstance(mine, SpeechStarted) and isinstance(theirs, SpeechStarted):
            assert mine.time == pytest.approx(theirs.time, abs=0.031)
        if isinstance(mine, SpeechEnded) and isinstance(theirs, SpeechEnded):
            assert (mine.start, mine.end) == pytest.approx((theirs.start, theirs.end), abs=0.031)
            assert mine.label == theirs.label


@pytest.mark.parametrize("sizes", ODD_SIZES, ids=str)
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (16_000, 8)])
def test_odd_blocks_change_no_bit(
    recognizer: Recognizer, rate: int, channels: int, sizes: list[int]
) -> None:
    samples = as_card(speech("speech_at_once")[:17_600], rate, channels)
    stream = recognizer.stream(rate)
    events = [event for block in blocks(samples, sizes) for event in stream.process(block)]

    assert events + stream.flush() == heard(recognizer, samples, rate)
    assert any(isinstance(event, EmotionUpdate) for event in events)


def test_eight_equal_channels_are_one(recognizer: Recognizer) -> None:
    voice = speech("three_utterances")

    assert heard(recognizer, as_card(voice, 16_000, 8), 16_000) == heard(
        recognizer, as_card(voice, 16_000, 1), 16_000
    )


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_card_without_16_khz_hears_the_same(recognizer: Recognizer, rate: int) -> None:
    voice = speech("three_utterances")
    events = heard(recognizer, as_card(voice, rate, 2), rate)

    same_but_for_rounding(events, heard(recognizer, as_card(voice, 16_000, 1), 16_000))


@pytest.mark.parametrize("channel", [0, 7])
def test_a_voice_on_one_channel_of_eight_is_heard(recognizer: Recognizer, channel: int) -> None:
    voice = as_card(speech("three_utterances"), 48_000, 8)
    voice[:, [number for number in range(8) if number != channel]] = 0
    events = heard(recognizer, voice, 48_000)

    assert sum(isinstance(event, SpeechEnded) for event in events) == 3


def test_telephony_is_heard(recognizer: Recognizer) -> None:
    """At 8 kHz the upper half of the spectrum is missing: labels may differ, utterances not."""
    voice = speech("three_utterances")
    events = heard(recognizer, as_card(voice, 8_000, 1), 8_000)
    expected = heard(recognizer, as_card(voice, 16_000, 1), 16_000)

    starts = [event.time for event in events if isinstance(event, SpeechStarted)]
    assert starts == pytest.approx(
        [event.time for event in expected if isinstance(event, SpeechStarted)], abs=0.1
    )


@pytest.mark.parametrize(("rate", "channels"), CARDS)
def test_a_live_card_gives_the_events_of_its_samples(
    recognizer: Recognizer, rate: int, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The card has the next block at once: waiting for more, as for a microphone, would be idle.
    monkeypatch.setattr(Pace, "wait_for_batch", lambda *_: None)
    samples = as_card(speech("one_utterance"), rate, channels)
    card = ScriptedCard(samples, rate, [rate // 50 + 1, 0, 3])
    *events, health = Engine(card, recognizer.pipeline()).events()

    assert said(events) == heard(recognizer, samples, rate)
    assert isinstance(health, Health)
    assert health.time == pytest.approx(len(samples) / rate, abs=1e-3)
    assert (health.overflows, health.lost_samples) == (0, 0)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (48_000, 8)])
def test_a_file_of_such_a_card_gives_the_events_of_its_samples(
    recognizer: Recognizer, tmp_path: Path, rate: int, channels: int
) -> None:
    path = tmp_path / "card.wav"
    samples: NDArray[np.float32] = as_card(speech("one_utterance"), rate, channels)
    soundfile.write(path, samples, rate, "FLOAT")
    source, stream = FileSource(path), recognizer.stream(rate)
    events: list[Event] = []
    while (block := source.read()) is not None:
        events += stream.process(block)

    assert events + stream.flush() == heard(recognizer, samples, rate)
