"""Adaptation and corrections in whole streams, through the bundled model."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from speech_clips import SAMPLES, speech

from realtime_ser import (
    CorrectionError,
    EmotionUpdate,
    Event,
    Recognizer,
    Settings,
    SettingsError,
    SpeechEnded,
    Stream,
)
from realtime_ser.emotion.adaptation import Adaptation, AdaptationSettings
from realtime_ser.pipeline import Pipeline

Int16 = NDArray[np.int16]

SILENCE = np.zeros(24_000, np.int16)


@pytest.fixture(scope="module")
def not_adapting() -> Recognizer:
    return Recognizer(settings=Settings(adapt=False))


def updates(events: Iterable[Event]) -> list[EmotionUpdate]:
    return [event for event in events if isinstance(event, EmotionUpdate)]


def shares(events: Iterable[Event]) -> list[float]:
    return [event.adaptation for event in events if isinstance(event, EmotionUpdate | SpeechEnded)]


def probabilities(events: Iterable[Event]) -> list[dict[str, float]]:
    return [dict(event.probabilities) for event in updates(events)]


def said(stream: Stream, *clips: Int16) -> list[Event]:
    """Return the events of clips that follow each other, each an utterance of its own."""
    return [event for clip in clips for event in [*stream.process(clip), *stream.flush()]]


def test_the_share_grows_and_outlives_utterances(
    recognizer: Recognizer, three_utterances: Int16
) -> None:
    pipeline = recognizer.pipeline()
    events = pipeline.process(three_utterances) + pipeline.flush()
    grown = shares(events)
    assert grown == sorted(grown)
    assert 0 < grown[0] < grown[-1] < 1
    assert shares(pipeline.process(three_utterances))[0] > grown[-1]
    pipeline.reset()
    assert shares(pipeline.process(three_utterances))[0] == grown[0]


def test_adaptation_changes_what_follows_and_not_what_came_before(
    recognizer: Recognizer, not_adapting: Recognizer, three_utterances: Int16
) -> None:
    adapting, other = recognizer.stream(), not_adapting.stream()
    first, off = said(adapting, three_utterances), said(other, three_utterances)
    assert set(shares(off)) == {0.0}
    assert [(event.start, event.end) for event in updates(first)] == [
        (event.start, event.end) for event in updates(off)
    ]
    assert probabilities(first) != probabilities(off)
    assert probabilities(said(adapting, three_utterances)) != probabilities(first)
    assert probabilities(said(other, three_utterances)) == probabilities(off)


@pytest.mark.parametrize("size", [160, 1000, 48_000])
def test_corrections_and_adaptation_do_not_depend_on_the_size_of_blocks(
    recognizer: Recognizer, three_utterances: Int16, size: int
) -> None:
    def run(size: int) -> list[Event]:
        stream = recognizer.stream()
        events: list[Event] = []
        for label in ("happy", "sad"):
            blocks = np.split(three_utterances, range(size, len(three_utterances), size))
            events += [event for block in blocks for event in stream.process(block)]
            events += stream.flush()
            stream.correct(label)
        return events + said(stream, three_utterances)

    assert run(size) == run(len(three_utterances))


def test_two_hundred_streams_do_not_leak_into_each_other() -> None:
    """Each hears its own voice, some are corrected; block by block, they take turns."""
    voices = [speech("one_utterance"), speech("short_word"), speech("speech_at_once")]
    voices = [np.concatenate([voice[:24_000], SILENCE[:16_000]]) for voice in voices]
    recognizer = Recognizer(settings=Settings(hop=0.96))

    def turns(number: int) -> Iterable[Any]:
        """Blocks, and a correction after some of them."""
        yield from np.split(voices[number % 3], [16_000, 32_000])
        if number % 2:
            yield "happy" if number % 4 == 1 else "sad"
        yield voices[(number + 1) % 3]

    def step(stream: Stream, turn: Any) -> list[Event]:
        if isinstance(turn, str):
            stream.correct(turn)
            return []
        return stream.process(turn)

    kinds = [list(turns(number)) for number in range(12)]  # they repeat after twelve
    alone = []
    for kind in kinds:
        stream = recognizer.stream()
        alone.append([event for turn in kind for event in step(stream, turn)] + stream.flush())
    assert len({repr(events) for events in alone}) == 9, "three voices, uncorrected and corrected"

    streams = [recognizer.stream() for _ in range(200)]
    heard: list[list[Event]] = [[] for _ in streams]
    for turn in range(max(map(len, kinds))):
        for number, stream in enumerate(streams):
            kind = kinds[number % 12]
            if turn < len(kind):
                heard[number] += step(stream, kind[turn])
    for number, stream in enumerate(streams):
        assert heard[number] + stream.flush() == alone[number % 12], number


def test_every_file_starts_cold(recognizer: Recognizer) -> None:
    path = SAMPLES / "three_utterances.flac"
    first = recognizer.recognize_file(path)
    assert recognizer.recognize_file(path) == first
    assert recognizer.recognize_file(path).events == first.events


def test_a_correction_shows_from_the_next_frame_on_and_undo_takes_it_back(
    recognizer: Recognizer, not_adapting: Recognizer
) -> None:
    voice = np.concatenate([speech("one_utterance"), SILENCE])
    stream = not_adapting.stream()
    plain = probabilities(said(stream, voice))
    label = min(plain[-1], key=lambda name: plain[-1][name])
    stream.correct(label)
    corrected = probabilities(said(stream, voice))
    assert all(after[label] > before[label] for before, after in zip(plain, corrected, strict=True))
    assert all(sum(after.values()) == pytest.approx(1) for after in corrected)
    assert stream.undo_correction() == label
    assert probabilities(said(stream, voice)) == plain


def test_a_correction_while_somebody_speaks_is_of_what_is_being_said(
    not_adapting: Recognizer,
) -> None:
    stream = not_adapting.stream()
    voice = speech("one_utterance")
    events = stream.process(voice[:40_000])
    assert updates(events)
    assert not any(isinstance(event, SpeechEnded) for event in events)
    plain = updates(not_adapting.stream().process(voice))[len(updates(events))]
    label = min(plain.probabilities, key=lambda name: plain.probabilities[name])
    stream.correct(label)
    after = updates(stream.process(voice[40_000:]))[0]
    assert after.probabilities[label] > plain.probabilities[label]
    assert after.frame_probabilities[label] > plain.frame_probabilities[label]


def test_a_correction_before_anybody_spoke_is_refused(recognizer: Recognizer) -> None:
    stream = recognizer.stream()
    with pytest.raises(CorrectionError, match="nobody has spoken yet"):
        stream.correct("happy")
    said(stream, SILENCE)
    with pytest.raises(CorrectionError, match="nobody has spoken yet"):
        stream.correct("happy")
    with pytest.raises(CorrectionError, match="no correction to take back"):
        stream.undo_correction()


@pytest.mark.parametrize("label", ["uncertain", "Happy", "", "joy\n", None, 3, ["happy"]])
def test_a_label_that_does_not_exist_is_refused_in_one_line(
    recognizer: Recognizer, label: Any
) -> None:
    stream = recognizer.stream()
    said(stream, speech("short_word"), SILENCE)
    with pytest.raises(CorrectionError, match="there is no label") as caught:
        stream.correct(label)
    assert str(caught.value).isprintable()


def test_the_form_of_adaptation_can_be_chosen(recognizer: Recognizer) -> None:
    pipeline = Pipeline(recognizer.model, adaptation=AdaptationSettings(prior=1.0))
    fast = shares(pipeline.process(speech("three_utterances")))
    slow = shares(recognizer.pipeline().process(speech("three_utterances")))
    assert all(one > other for one, other in zip(fast, slow, strict=True))


def test_a_voice_can_be_taken_to_another_stream(recognizer: Recognizer) -> None:
    first, second = recognizer.pipeline(), recognizer.pipeline()
    first.process(speech("three_utterances"))
    assert isinstance(first.adaptation, Adaptation)
    assert isinstance(second.adaptation, Adaptation)
    second.adaptation.restore(first.adaptation.statistics)
    assert shares(second.process(speech("one_utterance")))[0] > first.adaptation.share


def test_adapt_must_be_a_truth_value() -> None:
    with pytest.raises(SettingsError, match="adapt"):
        Settings(adapt="no")  # type: ignore[arg-type]


def test_the_model_folder_is_not_written_to(recognizer: Recognizer, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in recognizer.model.folder.iterdir()}
    stream = recognizer.stream()
    said(stream, speech("one_utterance"))
    stream.correct("happy")
    assert {path: path.stat().st_mtime_ns for path in recognizer.model.folder.iterdir()} == before
