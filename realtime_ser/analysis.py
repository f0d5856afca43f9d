"""Whole recordings, as fast as possible: a source through the pipeline, and its summary."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from realtime_ser.capture.resampler import Resampler
from realtime_ser.capture.sources import Block, Source
from realtime_ser.errors import AudioInputError, DamagedAudioError
from realtime_ser.events import (
    LABELS,
    Event,
    FileResult,
    Probabilities,
    SpeechEnded,
    as_probabilities,
    choose_label,
    seconds,
)
from realtime_ser.pipeline import Pipeline

Int16 = NDArray[np.int16]


def resampled(source: Source, channel: int | str = "auto") -> Iterator[Int16]:
    """Yield all of a source as 16 kHz mono int16, shape ``[n]`` each, and close it.

    Args:
        source: open.
        channel: which to hear, from 1; ``mix`` for their mean, ``auto`` for the mean unless it
            loses a voice.

    Raises:
        AudioInputError: the source is damaged, or holds NaN or infinity.
    """
    try:
        shape = source.rate, source.channels
        resampler = Resampler(*shape, channel, source.name)
        while (block := (yield from _read(source, resampler))) is not None:
            if shape != (source.rate, source.channels):  # joined files may differ
                yield resampler.flush()
                shape = source.rate, source.channels
                resampler = Resampler(*shape, channel, source.name)
            yield resampler.process(block)
        yield resampler.flush()
    finally:
        source.close()


def _read(source: Source, resampler: Resampler) -> Generator[Int16, None, Block | None]:
    """Return the next block of a source; before damage is raised, yield what came before it."""
    try:
        return source.read()
    except DamagedAudioError:
        yield resampler.flush()
        raise


def analyze(
    blocks: Iterable[Int16],
    pipeline: Pipeline,
    path: str,
    keep: Callable[[Int16], None] | None = None,
) -> Iterator[Event]:
    """Yield the events of a recording as they come, and its summary last.

    Args:
        blocks: 16 kHz mono int16.
        pipeline: a fresh one.
        path: what to call the recording in its summary.
        keep: is given every block that was analyzed.

    Raises:
        DamagedAudioError: audio is missing; raised last, after the summary of what there is.
        AudioInputError: the blocks are no audio; raised after the events before, in place of the
            summary.
    """
    utterances: list[SpeechEnded] = []

    def noted(events: Sequence[Event]) -> Sequence[Event]:
        utterances.extend(event for event in events if isinstance(event, SpeechEnded))
        return events

    damage: AudioInputError | None = None
    try:
        for block in blocks:
            if keep is not None:
                keep(block)
            yield from noted(pipeline.process(block))
    except AudioInputError as error:  # raised once everything before it was reported
        damage = error
    yield from noted(pipeline.flush())
    if damage is not None and not isinstance(damage, DamagedAudioError):
        raise damage
    duration = seconds(pipeline.position)
    yield summarize(utterances, path, duration, pipeline.threshold)
    if damage is not None:
        raise damage


def summarize(
    utterances: Sequence[SpeechEnded], path: str, duration: float, threshold: float
) -> FileResult:
    """Return a recording's result: its utterances' probabilities weighted by their length."""
    if not utterances:
        return FileResult(path, duration, None, None, None)
    lengths = [utterance.end - utterance.start for utterance in utterances]
    vectors = [_vector(utterance.probabilities) for utterance in utterances]
    probabilities = as_probabilities(np.average(vectors, axis=0, weights=lengths).tolist())
    label, confidence = choose_label(probabilities, threshold)
    return FileResult(path, duration, label, confidence, probabilities)


def _vector(probabilities: Probabilities) -> list[float]:
    return [probabilities[label] for label in LABELS]
