"""Where a hop's time goes: a pipeline at work, its parts timed in place."""

import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from realtime_ser.bench.report import Spread, spread
from realtime_ser.capture.resampler import Resampler
from realtime_ser.emotion.frontend import to_float
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.events import EmotionUpdate, Event, SpeechEnded
from realtime_ser.output.json_lines import JsonLines
from realtime_ser.pipeline import Pipeline
from realtime_ser.settings import SAMPLE_RATE

Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]

DEVICE_RATE = 48_000
BLOCKS_PER_SECOND = 50
WARM_UP_HOPS = 20

STAGES = ("resample", "gate", "frontend", "embed", "classify", "smoothing", "event", "hop")


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Wall time by stage, and the CPU time of a second of speech in milliseconds."""

    stages: dict[str, Spread]
    cpu_ms_per_second: float


class _Stopwatch:
    """Adds up the wall time spent in methods, by name."""

    def __init__(self) -> None:
        self._spent: defaultdict[str, float] = defaultdict(float)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time added up under a name."""

        def call(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self._spent[name] += time.perf_counter() - began

        return call

    def attach(self, part: object, method: str, name: str) -> None:
        """Time a method of one object from now on."""
        setattr(part, method, self.timed(name, getattr(part, method)))

    def take(self) -> defaultdict[str, float]:
        """Return what was spent since the last call."""
        spent, self._spent = self._spent, defaultdict(float)
        return spent


class _TimedModel:
    """The network, its two halves timed; in everything else the model itself."""

    def __init__(self, model: EmotionModel, watch: _Stopwatch) -> None:
        self._model = model
        self.embed = watch.timed("embed", model.embed)
        self.classify = watch.timed("classify", model.classify)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def measure_stages(model: EmotionModel, clip: Int16, hops: int) -> StageTimes:
    """Time hops in continuous speech, the clip coming as a 48 kHz stereo device would give it."""
    spent: list[dict[str, float]] = []
    cpu: list[float] = []
    for times, cpu_seconds in _hops(model, device_blocks(clip)):
        spent.append(times)
        cpu.append(cpu_seconds)
        if len(spent) == WARM_UP_HOPS + hops:
            break
    measured = spent[WARM_UP_HOPS:]
    stages = {name: spread([each[name] for each in measured]) for name in STAGES}
    hop = Pipeline(model).settings.hop
    return StageTimes(stages, round(1000 * float(np.mean(cpu[WARM_UP_HOPS:])) / hop, 3))


def device_blocks(clip: Int16) -> list[Float32]:
    """Return a 16 kHz clip as blocks of a 48 kHz stereo device, float32, shape ``[960, 2]``."""
    import soxr

    mono = soxr.resample(to_float(clip), SAMPLE_RATE, DEVICE_RATE)
    length = DEVICE_RATE // BLOCKS_PER_SECOND
    stereo = np.repeat(mono[: len(mono) // length * length, np.newaxis], 2, axis=1)
    return list(np.ascontiguousarray(stereo.reshape(-1, length, 2)))


def _hops(
    model: EmotionModel, blocks: Sequence[Float32]
) -> Iterator[tuple[dict[str, float], float]]:
    """Yield the wall time by stage and the CPU time of every hop within an utterance."""
    watch = _Stopwatch()
    pipeline = _timed_pipeline(model, watch)
    resample = watch.timed("resample", Resampler(DEVICE_RATE, 2).process)
    process = watch.timed("process", pipeline.process)
    write = watch.timed("write", JsonLines(io.StringIO()).write)
    speaking = False
    cpu_before = time.thread_time()
    for block in cycle(blocks):
        events: list[Event] = process(resample(block))
        for event in events:
            write(event)
        if any(isinstance(event, SpeechEnded) for event in events):
            speaking = False
        elif any(isinstance(event, EmotionUpdate) for event in events):
            times, cpu = _by_stage(watch.take()), time.thread_time()
            if speaking:  # the first frame of an utterance is no hop: it takes two hops of audio
                yield times, cpu - cpu_before
            speaking, cpu_before = True, time.thread_time()


def _timed_pipeline(model: EmotionModel, watch: _Stopwatch) -> Pipeline:
    pipeline = Pipeline(cast(EmotionModel, _TimedModel(model, watch)))
    watch.attach(pipeline._gate, "process", "gate")
    watch.attach(pipeline._frontend, "process", "frontend")
    watch.attach(pipeline._window, "add", "window")
    return pipeline


def _by_stage(spent: defaultdict[str, float]) -> dict[str, float]:
    """Divide what was timed, some of it nested, into stages that add up to the hop."""
    timed_apart = ("gate", "frontend", "embed", "window")
    building = spent["process"] - sum(spent[name] for name in timed_apart)
    return {
        **{name: spent[name] for name in ("resample", "gate", "frontend", "embed", "classify")},
        "smoothing": spent["window"] - spent["classify"],
        "event": building + spent["write"],
        "hop": spent["resample"] + spent["process"] + spent["write"],
    }
