"""What a frame costs when a network embeds several at once: ``python -m benchmarks.batches RUN``.

A server with many streams could collect their frames. The exported model takes one frame at a time,
so this converts the networks of a finished run again, once for each batch size, with 8-bit weights
as ``python -m train export --quantized int8-weights`` does. Needs the train extra.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SIZES = (1, 4, 8, 16)
TURNS = 25
PARTS = 3
"""Sizes are timed in turns; of several runs in a row the fastest counts."""

Run = Callable[[], object]


def main() -> int:
    """Convert, measure, and print the microseconds of CPU time per frame."""
    parser = argparse.ArgumentParser("python -m benchmarks.batches", description=__doc__)
    parser.add_argument(
        "run", type=Path, help="folder of a finished run, such as runs/best/held-out"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    runs = {size: _converted(options.run, size) for size in SIZES}
    times = frame_times(runs)
    if options.json:
        print(json.dumps({"cpu_us_per_frame": times}))
        return 0
    for size, microseconds in times.items():
        print(f"{size:3} frames at once  {microseconds:8.0f} µs of CPU time per frame")
    return 0


def frame_times(runs: Mapping[int, Run]) -> dict[int, float]:
    """Return the median CPU time per frame of each batch size, in microseconds."""
    seconds: dict[int, list[float]] = {size: [] for size in runs}
    for _ in range(TURNS):
        for size, run in runs.items():
            seconds[size].append(min(_cpu_seconds(run) for _ in range(PARTS)) / size)
    return {size: round(1e6 * float(np.median(values)), 1) for size, values in seconds.items()}


def _cpu_seconds(run: Run) -> float:
    began = time.thread_time()
    run()
    return time.thread_time() - began


def _converted(folder: Path, size: int) -> Run:
    """Return a function that embeds a batch of random frames."""
    import tensorflow
    from ai_edge_litert.interpreter import Interpreter

    from train.model import branches  # noqa: F401 - registers its layers
    from train.model.saved import load_networks

    embed, _ = load_networks(folder)
    specs = [
        tensorflow.TensorSpec((size, *each.shape[1:]), tensorflow.float32) for each in embed.inputs
    ]
    function = tensorflow.function(lambda *maps: embed(list(maps), training=False))
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function(*specs)], embed
    )
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    interpreter = Interpreter(model_content=converter.convert(), num_threads=1)
    interpreter.allocate_tensors()
    _fill(interpreter, interpreter.get_input_details())
    invoke: Run = interpreter.invoke
    invoke()
    return invoke


def _fill(interpreter: Any, inputs: Sequence[Mapping[str, Any]]) -> None:
    random = np.random.default_rng(0)
    for tensor in inputs:
        values = random.standard_normal(tensor["shape"]).astype(np.float32)
        interpreter.set_tensor(tensor["index"], values)


if __name__ == "__main__":
    sys.exit(main())
