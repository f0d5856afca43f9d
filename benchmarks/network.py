"""The speed of the network against what a processor core can do at best."""

import math
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from realtime_ser.emotion.manifest import MODEL_FILE

Shape = tuple[int, ...]

_LAYER = re.compile(r"^[^;]*?(\w+?\d+(?:_\w+?)?_(?:conv|dense))_")
"""A layer's name within a tensor's: ``layer2_depthwise_conv``, ``byols4_dense``."""

_MATRIX_PRODUCT = """
import time, numpy
a = numpy.ones((768, 768), numpy.float32)
b, c, best = a.copy(), a.copy(), 1e9
end = time.perf_counter() + 0.7
while time.perf_counter() < end:
    began = time.perf_counter()
    numpy.matmul(a, b, out=c)
    best = min(best, time.perf_counter() - began)
print(2 * 768 ** 3 / best / 1e9)
"""

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class NetworkSpeed:
    """The network against the core.

    Attributes:
        multiply_adds: of ``embed`` for one frame, from its tensors' shapes.
        gflops: reached by ``embed`` at its median time, two operations a multiply-add.
        peak_gflops: reached by NumPy's float32 matrix product on one thread.
        share_of_peak: ``gflops`` / ``peak_gflops``.
    """

    multiply_adds: int
    gflops: float
    peak_gflops: float
    share_of_peak: float


def compare_with_peak(folder: Path, embed_ms: float) -> NetworkSpeed:
    """Return the speed of a model folder's network whose ``embed`` takes ``embed_ms``."""
    count = multiply_adds(folder / MODEL_FILE)
    reached = 2 * count / embed_ms / 1e6
    peak = peak_gflops(dict(os.environ))
    return NetworkSpeed(count, round(reached, 1), round(peak, 1), round(reached / peak, 3))


def multiply_adds(model_file: Path) -> int:
    """Count the multiply-adds of ``embed`` from the shapes of its tensors.

    A convolution takes places × size of all its filters, whether depthwise or full; a dense layer
    takes positions × size of its weights.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model_file))
    graphs = range(interpreter.num_subgraphs())
    layers = chain.from_iterable(_layers(interpreter.get_tensor_details(graph)) for graph in graphs)
    return sum(math.prod(weights) * math.prod(output[:-1]) for weights, output in layers)


def _layers(tensors: list[dict[str, Any]]) -> Iterator[tuple[Shape, Shape]]:
    """Yield the shapes of each layer's weights and output; constants come first in a file."""
    named = defaultdict(list)
    for tensor in sorted(tensors, key=lambda tensor: int(tensor["index"])):
        shape = tuple(int(size) for size in tensor["shape"])
        if len(shape) in (2, 4) and (layer := _LAYER.match(str(tensor["name"]))):
            named[layer[1]].append(shape)
    for shapes in named.values():
        yield shapes[0], shapes[-1]


def peak_gflops(environment: dict[str, str]) -> float:
    """Return the rate of a float32 matrix product on one thread, in a process of its own.

    OpenBLAS does not recognize every processor and may leave AVX-512 unused, so its AVX-512 kernel
    is tried as well where the processor has it, and the faster one counts.
    """
    alone = {**environment, **dict.fromkeys(_ONE_THREAD, "1")}
    rates = [_rate(alone)]
    if _has_avx512():
        rates.append(_rate({**alone, "OPENBLAS_CORETYPE": "SKYLAKEX"}))
    return max(rates)


def _rate(environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", _MATRIX_PRODUCT]
    run = subprocess.run(command, env=environment, capture_output=True, check=True)
    return float(run.stdout)


def _has_avx512() -> bool:
    try:
        return "avx512f" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
