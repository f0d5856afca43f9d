import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser import (
    LABELS,
    AudioInputError,
    EmotionUpdate,
    Recognizer,
    Settings,
    SpeechEnded,
    SpeechStarted,
)
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.events import Event


def run(recognizer: Recognizer, samples: NDArray[np.int16], size: int | None = None) -> list[Event]:
    pipeline = recognizer.pipeline()
    blocks = np.split(samples, range(size, len(samples), size)) if size else [samples]
    return [event for block in blocks for event in pipeline.process(block)] + pipeline.flush()


@pytest.mark.parametrize("size", [1, 7, 160, 480, 1000, 15_600, 48_000])
def test_blocks_of_any_size_give_identical_events(
    recognizer: Recognizer, three_utterances: NDArray[np.int16], size: int
) -> None:
    samples = three_utterances[:40_000] if size == 1 else three_utterances
    assert run(recognizer, samples, size) == run(recognizer, samples)


def test_each_utterance_starts_updates_every_hop_and_ends(
    recognizer: Recognizer, three_utterances: NDArray[np.int16]
) -> None:
    events = run(recognizer, three_utterances)
    starts = [index for index, each in enumerate(events) if isinstance(each, SpeechStarted)]
    assert len(starts) == 3
    for first, after in zip(starts, [*starts[1:], len(events)], strict=True):
        started, *updates, ended = events[first:after]
        assert isinstance(started, SpeechStarted)
        assert isinstance(ended, SpeechEnded)
        assert ended.start == started.time
        for index, update in enumerate(updates):
            assert isinstance(update, EmotionUpdate)
            assert update.start == pytest.approx(started.time + 0.48 * index)
            assert update.end == pytest.approx(update.start + 0.96)
            assert update.end <= ended.end


def test_probabilities_name_all_labels_and_sum_to_one(
    recognizer: Recognizer, three_utterances: NDArray[np.int16]
) -> None:
    for event in run(recognizer, three_utterances):
        if isinstance(event, EmotionUpdate | SpeechEnded):
            assert tuple(event.probabilities) == LABELS
            assert sum(event.probabilities.values()) == pytest.approx(1, abs=1e-9)
            assert event.confidence == max(event.probabilities.values())


def test_every_frame_is_embedded_once(
    recognizer: Recognizer,
    three_utterances: NDArray[np.int16],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embedded, embed = [], EmotionModel.embed

    def counting(model: EmotionModel, maps: object) -> object:
        embedded.append(maps)
        return embed(model, maps)  # type: ignore[arg-type]

    monkeypatch.setattr(EmotionModel, "embed", counting)
    events = run(recognizer, three_utterances)
    assert len(embedded) == sum(isinstance(each, EmotionUpdate) for each in events)


def test_a_short_hop_gives_more_updates(
    recognizer: Recognizer, three_utterances: NDArray[np.int16]
) -> None:
    fast = Recognizer(settings=Settings(hop=0.12))
    updates = [each for each in run(fast, three_utterances) if isinstance(each, EmotionUpdate)]
    usual = [each for each in run(recognizer, three_utterances) if isinstance(each, EmotionUpdate)]
    assert len(updates) > 3 * len(usual)
    assert updates[1].start - updates[0].start == pytest.approx(0.12)


@pytest.mark.parametrize("length", [4000, 8000, 15_599])
def test_the_shortest_utterance_gives_an_update(recognizer: Recognizer, length: int) -> None:
    samples = speech("speech_at_once")
    events = run(recognizer, samples[: 4800 + length])
    assert [each.name for each in events] == ["speech_started", "emotion", "speech_ended"]
    _, update, ended = events
    assert isinstance(update, EmotionUpdate)
    assert isinstance(ended, SpeechEnded)
    assert update.end <= ended.end


def test_silence_says_nothing(recognizer: Recognizer) -> None:
    assert run(recognizer, np.zeros(160_000, np.int16)) == []


def test_below_the_threshold_the_label_is_uncertain(three_utterances: NDArray[np.int16]) -> None:
    events = run(Recognizer(settings=Settings(threshold=1.0)), three_utterances)
    labels = {each.label for each in events if isinstance(each, EmotionUpdate | SpeechEnded)}
    assert labels == {"uncertain"}


def test_a_gap_ends_the_utterance_and_keeps_time_true(
    recognizer: Recognizer, three_utterances: NDArray[np.int16]
) -> None:
    pipeline = recognizer.pipeline()
    pipeline.process(three_utterances[:32_000])
    ended = pipeline.skip(16_000)[-1]
    assert isinstance(ended, SpeechEnded)
    assert ended.end == 2.0
    later = pipeline.process(speech("one_utterance")) + pipeline.flush()
    alone = run(recognizer, speech("one_utterance"))
    assert isinstance(later[0], SpeechStarted)
    assert isinstance(alone[0], SpeechStarted)
    assert later[0].time == pytest.approx(3.0 + alone[0].time)


def test_reset_starts_again(recognizer: Recognizer, three_utterances: NDArray[np.int16]) -> None:
    pipeline = recognizer.pipeline()
    pipeline.process(three_utterances[:30_000])
    pipeline.reset()
    events = pipeline.process(three_utterances) + pipeline.flush()
    assert events == run(recognizer, three_utterances)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_the_rate_of_a_recording_hardly_matters(recognizer: Recognizer, rate: int) -> None:
    samples = speech("one_utterance").astype(np.float32) / 32768
    # What an 8 kHz recording lacks, the reference must lack too.
    reference = samples if rate > 8_000 else soxr.resample(soxr.resample(samples, 2, 1), 1, 2)
    expected = recognizer.recognize(reference, 16_000)
    result = recognizer.recognize(soxr.resample(samples, 16_000, rate), rate)
    assert result.label == expected.label
    assert result.probabilities is not None
    assert expected.probabilities is not None
    for label in LABELS:
        assert result.probabilities[label] == pytest.approx(expected.probabilities[label], abs=0.05)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.array([0.0, np.nan]), "NaN or infinity"),
        (np.array([0.0, np.inf], np.float32), "NaN or infinity"),
        (np.zeros((2, 2), np.int16), "not one channel"),
        (np.zeros(2, np.int32), "not audio"),
        (np.array(["a"]), "not audio"),
    ],
)
def test_samples_that_are_no_audio(
    recognizer: Recognizer, samples: NDArray[np.generic], words: str
) -> None:
    with pytest.raises(AudioInputError, match=words):
        recognizer.pipeline().process(samples)
