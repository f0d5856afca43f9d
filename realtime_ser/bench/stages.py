"""Where the time of a hop goes: a pipeline at work, with its parts timed in place."""

import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, cast

import numpy as np
import soxr

from realtime_ser.bench.report import Spread, spread
from realtime_ser.capture.resampler import Resampler
from realtime_ser.emotion.frontend import to_float
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.events import EmotionUpdate, Event, SpeechEnded
from realtime_ser.output.json_lines import JsonLines
from realtime_ser.pipeline import Pipeline
from realtime_ser.samples import Float32, Int16
from realtime_ser.settings import SAMPLE_RATE

DEVICE_RATE = 48_000
BLOCKS_PER_SECOND = 50
WARM_UP_HOPS = 20


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Wall time by stage, and the CPU time of a second of speech in milliseconds."""

    stages: Mapping[str, Spread]
    cpu_ms_per_second: float


def measure_stages(model: EmotionModel, clip: Int16, hops: int) -> StageTimes:
    """Time hops in continuous speech, with the clip as a 48 kHz stereo device would deliver it.

    Args:
        model: the network.
        clip: 16 kHz mono int16, shape ``[n]``, played in a loop.
        hops: how many to time.
    """
    measured = list(islice(_hops(model, device_blocks(clip)), WARM_UP_HOPS, WARM_UP_HOPS + hops))
    walls, cpu_seconds = zip(*measured, strict=True)
    stages = {name: spread([wall[name] for wall in walls]) for name in walls[0]}
    hop = Pipeline(model).settings.hop
    return StageTimes(stages, round(1000 * float(np.mean(cpu_seconds)) / hop, 3))


def device_blocks(clip: Int16) -> list[Float32]:
    """Return a 16 kHz clip as blocks of a 48 kHz stereo device, float32, shape ``[960, 2]``."""
    mono = soxr.resample(to_float(clip), SAMPLE_RATE, DEVICE_RATE)
    length = DEVICE_RATE // BLOCKS_PER_SECOND
    blocks = mono[: len(mono) // length * length].reshape(-1, length, 1)
    return list(np.repeat(blocks, 2, axis=2))


class _Stopwatch:
    """Adds up the wall time spent in functions, by name."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.perf_counter()
            result = function(*arguments)
            self.spent[name] += time.perf_counter() - began
            return result

        return call


class _TimedModel:
    """A model whose two halves are timed."""

    def __init__(self, model: EmotionModel, watch: _Stopwatch) -> None:
        self._model = model
        self.embed = watch.timed("embed", model.embed)
        self.classify = watch.timed("classify", model.classify)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def _hops(
    model: EmotionModel, blocks: Sequence[Float32]
) -> Iterator[tuple[Mapping[str, float], float]]:
    """Yield the wall time by stage and the CPU time of every hop within an utterance."""
    watch = _Stopwatch()
    pipeline = Pipeline(cast(EmotionModel, _TimedModel(model, watch)))
    for name, part, method in (
        ("gate", pipeline._gate, "process"),
        ("frontend", pipeline._frontend, "process"),
        ("adaptation", pipeline.adaptation, "normalize"),
        ("window", pipeline._window, "add"),
    ):
        if part is not None:  # a model without statistics does not adapt
            setattr(part, method, watch.timed(name, getattr(part, method)))
    resample = watch.timed("resample", Resampler(DEVICE_RATE, 2).process)
    process = watch.timed("process", pipeline.process)
    write = watch.timed("write", JsonLines(io.StringIO()).on_event)
    speaking, cpu_began = False, time.thread_time()
    for block in cycle(blocks):
        events: list[Event] = process(resample(block, pipeline.samples_wanted))
        for event in events:
            write(event)
        if any(isinstance(event, SpeechEnded) for event in events):
            speaking = False
        elif any(isinstance(event, EmotionUpdate) for event in events):
            if speaking:  # the first frame of an utterance takes more audio than a hop
                yield _by_stage(watch.spent), time.thread_time() - cpu_began
            watch.spent.clear()
            speaking, cpu_began = True, time.thread_time()


def _by_stage(spent: Mapping[str, float]) -> Mapping[str, float]:
    """Split the times, some of which are nested, into stages that add up to the hop."""
    inside = sum(
        spent.get(name, 0.0) for name in ("gate", "frontend", "embed", "adaptation", "window")
    )
    parts = ("resample", "gate", "frontend", "embed", "adaptation", "classify")
    return {
        **{name: spent.get(name, 0.0) for name in parts},
        "smoothing": spent["window"] - spent["classify"],
        "event": spent["process"] - inside + spent["write"],
        "hop": spent["resample"] + spent["process"] + spent["write"],
    }
