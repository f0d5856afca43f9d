import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

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
from realtime_ser.emotion.manifest import MANIFEST_FILE
from realtime_ser.emotion.model import EmbeddedFrame, EmotionModel, bundled_model_folder
from realtime_ser.events import Event
from realtime_ser.pipeline import Pipeline


def run(recognizer: Recognizer, samples: NDArray[np.int16], size: int | None = None) -> list[Event]:
    pipeline = recognizer.pipeline()
    blocks = np.split(samples, range(size, len(samples), size)) if size else [samples]
    return [event for block in blocks for event in pipeline.process(block)] + pipeline.flush()


@pytest.mark.parametrize("size", [1, 7, 160, 480, 1000, 15_600, 48_000])
def test_blocks_of_any_size_give_identical_events(
    recognizer: Recognizer, three_utterances: NDArray[np.int16], size: int
) -> None:
    samples = speech("speech_at_once")[:24_000] if size == 1 else three_utterances
    assert run(recognizer, samples, size) == run(recognizer, samples)


@pytest.mark.parametrize("clip", ["three_utterances", "short_word", "speech_at_once"])
@pytest.mark.parametrize("tells_speech", [True, False])
def test_gathering_samples_delays_no_event(
    recognizer: Recognizer, clip: str, tells_speech: bool
) -> None:
    """Compared with a pipeline that looks for an event after every block."""
    model = cast(Any, Scripted(recognizer.model, "S" * 99 if tells_speech else None))
    lazy, eager = Pipeline(model), Pipeline(model)
    gathered = 0
    for block in np.split(speech(clip), range(160, len(speech(clip)), 160)):
        eager._next_event = 0
        assert lazy.process(block) == eager.process(block)
        gathered = max(gathered, lazy.samples_wanted)
    assert lazy.flush() == eager.flush()
    assert gathered > (8_000 if tells_speech else 2_000)


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

    def counting(model: EmotionModel, maps: Any) -> EmbeddedFrame:
        embedded.append(maps)
        return embed(model, maps)

    monkeypatch.setattr(EmotionModel, "embed", counting)
    events = run(recognizer, three_utterances)
    assert len(embedded) == sum(isinstance(event, EmotionUpdate) for event in events)


def test_a_short_hop_gives_more_updates(
    recognizer: Recognizer, three_utterances: NDArray[np.int16]
) -> None:
    fast = Recognizer(settings=Settings(hop=0.12))
    updates = [event for event in run(fast, three_utterances) if isinstance(event, EmotionUpdate)]
    usual = [
        event for event in run(recognizer, three_utterances) if isinstance(event, EmotionUpdate)
    ]
    assert len(updates) > 3 * len(usual)
    assert updates[1].start - updates[0].start == pytest.approx(0.12)


@pytest.mark.parametrize("length", [4000, 8000, 15_599])
def test_the_shortest_utterance_gives_an_update(recognizer: Recognizer, length: int) -> None:
    samples = speech("speech_at_once")
    events = run(recognizer, samples[: 4800 + length])
    assert [event.name for event in events] == ["speech_started", "emotion", "speech_ended"]
    _, update, ended = events
    assert isinstance(update, EmotionUpdate)
    assert isinstance(ended, SpeechEnded)
    assert update.end <= ended.end


def test_silence_says_nothing(recognizer: Recognizer) -> None:
    assert run(recognizer, np.zeros(160_000, np.int16)) == []


def test_below_the_threshold_the_label_is_uncertain(three_utterances: NDArray[np.int16]) -> None:
    events = run(Recognizer(settings=Settings(threshold=1.0)), three_utterances)
    labels = {event.label for event in events if isinstance(event, EmotionUpdate | SpeechEnded)}
    assert labels == {"uncertain"}


def test_the_models_threshold_decides_what_is_uncertain(
    tmp_path: Path, three_utterances: NDArray[np.int16]
) -> None:
    folder = Path(shutil.copytree(bundled_model_folder(), tmp_path / "model"))
    path = folder / MANIFEST_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "uncertain_threshold": 1.0}))
    labels = {}
    for threshold in (None, 0.0):
        recognizer = Recognizer(folder, Settings(threshold=threshold))
        result = recognizer.recognize(three_utterances, 16_000)
        events = [
            event for event in result.events if isinstance(event, EmotionUpdate | SpeechEnded)
        ]
        labels[threshold] = {result.label, *(event.label for event in events)}
    assert labels[None] == {"uncertain"}, "the model's"
    assert "uncertain" not in labels[0.0], "the user's"


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


class Scripted:
    """The network, its word on speech replaced by a script's: ``S`` is speech, ``.`` is not."""

    def __init__(self, model: EmotionModel, script: str | None) -> None:
        threshold = None if script is None else 0.5
        self.manifest = replace(model.manifest, speech_threshold=threshold)
        self.statistics = model.statistics
        self.classify = model.classify
        self._embed = model.embed
        self._script = script
        self.embedded: list[EmbeddedFrame] = []

    def embed(self, maps: Mapping[str, NDArray[np.float32]]) -> EmbeddedFrame:
        said = "S" if self._script is None else self._script[len(self.embedded)]
        embedded = replace(self._embed(maps), speech=0.9 if said == "S" else 0.1)
        self.embedded.append(embedded)
        return embedded


def scripted(recognizer: Recognizer, script: str | None) -> tuple[Pipeline, Scripted]:
    """Return a pipeline that asks a scripted network, without a script one that cannot tell."""
    model = Scripted(recognizer.model, script)
    return Pipeline(cast(EmotionModel, model), Settings(adapt=False)), model


@pytest.fixture(scope="module")
def long_utterance() -> NDArray[np.int16]:
    """One utterance of ten frames that begins after the first sample."""
    voice = speech("one_utterance")[14_400:38_400]
    return np.concatenate([np.zeros(8_000, np.int16), *[voice] * 3, np.zeros(16_000, np.int16)])


GATE = -1
"""Stands for where the gate ends the utterance."""


@pytest.mark.parametrize(
    ("script", "utterances"),
    [
        pytest.param("SSSSSSSSSS", [(0, GATE)], id="speech"),
        pytest.param("..........", [], id="a fan, music, typing"),
        pytest.param("..SSSSSSSS", [(2, GATE)], id="speech after music"),
        pytest.param("SSSS......", [(0, 5)], id="music goes on after speech"),
        pytest.param("SSSSSSSSS.", [(0, GATE)], id="the gate ends it first"),
        pytest.param("SSS.SSSSSS", [(0, GATE)], id="a frame of noise within"),
        pytest.param("SSS..SSSSS", [(0, 4), (5, GATE)], id="music between"),
        pytest.param(".S..S..S..", [(1, 3), (4, 6), (7, 9)], id="words in music"),
    ],
)
def test_only_frames_of_speech_are_reported(
    recognizer: Recognizer,
    long_utterance: NDArray[np.int16],
    script: str,
    utterances: list[tuple[int, int]],
) -> None:
    """Utterances are drawn in hops: frame ``n`` lies from ``n`` to ``n + 2``."""
    alone = all_events(scripted(recognizer, None)[0], long_utterance)
    opened, closed = alone[0], alone[-1]
    assert isinstance(opened, SpeechStarted)
    assert isinstance(closed, SpeechEnded)

    events = all_events(scripted(recognizer, script)[0], long_utterance)

    def time(hops: int) -> object:
        return pytest.approx(opened.time + 0.48 * hops if hops != GATE else closed.end)

    spans = [(event.start, event.end) for event in events if isinstance(event, SpeechEnded)]
    assert spans == [(time(start), time(end)) for start, end in utterances]
    starts = [event.time for event in events if isinstance(event, SpeechStarted)]
    assert starts == [start for start, _ in spans]
    emotions = [event.start for event in events if isinstance(event, EmotionUpdate)]
    assert emotions == [time(frame) for frame, said in enumerate(script) if said == "S"]


def all_events(pipeline: Pipeline, samples: NDArray[np.int16]) -> list[Event]:
    return pipeline.process(samples) + pipeline.flush()


@pytest.mark.parametrize("size", [7, 480, 1000, 15_600])
def test_what_the_network_says_counts_the_same_in_blocks_of_any_size(
    recognizer: Recognizer, long_utterance: NDArray[np.int16], size: int
) -> None:
    script = ".S..SS.SS."
    pipeline, _ = scripted(recognizer, script)
    blocks = np.split(long_utterance, range(size, len(long_utterance), size))
    events = [event for block in blocks for event in pipeline.process(block)] + pipeline.flush()
    assert events == all_events(scripted(recognizer, script)[0], long_utterance)


def test_an_utterance_is_reported_with_its_first_frame_of_speech(
    recognizer: Recognizer, long_utterance: NDArray[np.int16]
) -> None:
    pipeline, model = scripted(recognizer, "..SSSSSSSS")
    for block in np.split(long_utterance, range(480, len(long_utterance), 480)):
        events = pipeline.process(block)
        if len(model.embedded) < 3:
            assert events == []
            assert not pipeline.is_speaking
        else:
            assert [event.name for event in events] == ["speech_started", "emotion"]
            assert pipeline.is_speaking
            return


def test_a_network_that_cannot_tell_leaves_it_to_the_gate(
    recognizer: Recognizer, long_utterance: NDArray[np.int16]
) -> None:
    pipeline, model = scripted(recognizer, None)
    for block in np.split(long_utterance, range(480, len(long_utterance), 480)):
        if events := pipeline.process(block):
            assert [event.name for event in events] == ["speech_started"]
            assert not model.embedded
            return


def test_frames_that_are_no_speech_do_not_enter_the_window(
    recognizer: Recognizer, long_utterance: NDArray[np.int16]
) -> None:
    pipeline, model = scripted(recognizer, "S.S.......")
    events = all_events(pipeline, long_utterance)
    second = [event for event in events if isinstance(event, EmotionUpdate)][1]
    expected = recognizer.model.classify([model.embedded[index].embedding for index in (0, 2)])
    assert list(second.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_gap_discards_an_utterance_that_was_not_reported(
    recognizer: Recognizer, long_utterance: NDArray[np.int16]
) -> None:
    pipeline, model = scripted(recognizer, "....SSSSSSSSSS")
    pipeline.process(long_utterance[:40_000])
    assert len(model.embedded) == 3
    assert pipeline.skip(16_000) == []
    [started, *_] = all_events(pipeline, long_utterance)
    assert isinstance(started, SpeechStarted)
    alone = all_events(scripted(recognizer, None)[0], long_utterance)[0]
    assert isinstance(alone, SpeechStarted)
    assert started.time == pytest.approx(3.5 + alone.time + 0.48)
