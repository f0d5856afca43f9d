"""The network against the core: its multiply-adds, and what the core can do at best."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

_LAYER = re.compile(r"^[^;]*?((?:[a-z]+)\d+(?:_\w+?)?_conv)_")
"""A layer's name within a tensor's: ``layer2_depthwise_conv``, ``pitch1_conv``."""

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
    total = 0
    for graph in range(interpreter.num_subgraphs()):
        tensors = interpreter.get_tensor_details(graph)
        filters = _sizes(tensors, filters=True)
        places = _sizes(tensors, filters=False)
        total += sum(size * places.get(layer, 0) for layer, size in filters.items())
    return total


def _sizes(tensors: list[dict[str, Any]], *, filters: bool) -> dict[str, int]:
    """Return by layer the number of a convolution's weights, or of the places of its output."""
    sizes = {}
    for tensor in tensors:
        shape = [int(each) for each in tensor["shape"]]
        name = str(tensor["name"])
        layer = _LAYER.match(name)
        if layer is None or len(shape) != 4:
            continue
        if ("Relu" not in name.split(";")[0]) == filters:
            sizes[layer[1]] = _product(shape) if filters else shape[1] * shape[2]
    return sizes


def _product(shape: list[int]) -> int:
    total = 1
    for each in shape:
        total *= each
    return total


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
