"""The network against the core: its multiply-adds, and what the core can do at best."""

import math
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

Shape = tuple[int, ...]

_LAYER = re.compile(r"^[^;]*?(\w+?\d+(?:_\w+?)?_conv)_")
"""A layer's name within a tensor's: ``layer2_depthwise_conv``, ``mel_block1_conv``."""

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


def multiply_adds(model_file: Path) -> int:
    """Count the multiply-adds of ``embed`` from the shapes of its tensors.

    Every value that a convolution gives at a place takes its filters' size once:
    places × size of all filters, for depthwise and full convolutions alike.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model_file))
    graphs = range(interpreter.num_subgraphs())
    layers = chain.from_iterable(_layers(interpreter.get_tensor_details(each)) for each in graphs)
    return sum(math.prod(filters) * height * width for filters, (_, height, width, _) in layers)


def _layers(tensors: list[dict[str, Any]]) -> Iterator[tuple[Shape, Shape]]:
    """Yield each convolution's filters and output; a file lists constants before what they make."""
    named = defaultdict(list)
    for tensor in sorted(tensors, key=lambda each: int(each["index"])):
        shape = tuple(int(each) for each in tensor["shape"])
        if len(shape) == 4 and (layer := _LAYER.match(str(tensor["name"]))):
            named[layer[1]].append(shape)
    for shapes in named.values():
        yield shapes[0], shapes[-1]


def peak_gflops(environment: dict[str, str]) -> float:
    """Return the rate of a float32 matrix product on one thread, in a process of its own.

    The better of two: OpenBLAS does not know every processor and may leave AVX-512 unused, so
    where there is AVX-512 its kernel is tried as well.
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
