"""``python -m benchmarks``: every result is there, and measured. No test asserts a time."""

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import network
from benchmarks.hub import HubComparison
from benchmarks.label_changes import LabelChanges
from benchmarks.network import NetworkSpeed
from benchmarks.report import Report, as_text
from realtime_ser.bench.report import Spread
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.emotion.model import bundled_model_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json"],
        capture_output=True,
        timeout=120,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr.decode()
    assert run.stderr == b"", "progress is for terminals"
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def names(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)]


def test_every_result_is_reported(measured: dict[str, Any]) -> None:
    assert list(measured) == names(Report)
    for name in ("paint", "event_to_painted", "frame_to_event", "frame_to_event_busy"):
        assert list(measured[name]) == names(Spread)
    assert list(measured["label_changes"]) == names(LabelChanges)
    assert list(measured["network"]) == names(NetworkSpeed)
    assert measured["hub"] is None


def test_the_results_are_plausible(measured: dict[str, Any]) -> None:
    for name in ("paint", "event_to_painted", "frame_to_event", "frame_to_event_busy"):
        times = measured[name]
        assert times["count"] > 0
        assert 0 < times["median"] <= times["p95"] <= times["p99"] <= times["highest"]
    assert measured["silence_cpu_percent"] >= 0
    changes = measured["label_changes"]
    assert 0 < changes["changed"] <= changes["pairs"]
    assert measured["network"]["share_of_peak"] > 0


def test_the_table_has_the_same_results(measured: dict[str, Any]) -> None:
    report = Report(
        measured["machine"],
        measured["model"],
        measured["silence_cpu_percent"],
        Spread(**measured["paint"]),
        Spread(**measured["event_to_painted"]),
        Spread(**measured["frame_to_event"]),
        Spread(**measured["frame_to_event_busy"]),
        LabelChanges(**measured["label_changes"]),
        NetworkSpeed(**measured["network"]),
        None,
    )
    text = as_text(report)
    assert f"{report.silence_cpu_percent:.2f} % of a core" in text
    assert f"median {report.frame_to_event.median:.1f}, " in text
    assert "TF Hub" not in text

    compared = replace(report, hub=HubComparison(80.0, 4.0, 20.0, 30.0, 10))
    assert "80.0 ms, here 4.00 ms: 1/20.0 (10 hops each)" in as_text(compared)


@pytest.mark.parametrize(
    ("block", "options", "words"),
    [
        ("sys.modules['tensorflow_hub'] = None", ["--compare-hub"], b"train extra"),
        ("", ["--model", "nowhere"], b"nowhere"),
    ],
)
def test_a_failure_is_one_line_at_once(block: str, options: list[str], words: bytes) -> None:
    code = f"import sys; {block}\nfrom benchmarks.__main__ import main; sys.exit(main())"
    run = subprocess.run(
        [sys.executable, "-c", code, *options], capture_output=True, timeout=60, cwd=ROOT
    )
    assert run.returncode == 1
    assert run.stdout == b""
    assert run.stderr.count(b"\n") == 1
    assert words in run.stderr


def test_multiply_adds_come_from_the_network_itself() -> None:
    body = 48 * 32 * 9 * 32
    channels, places = 32, 48 * 32
    for stride, wider in ((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)):
        places //= stride**2
        body, channels = body + places * channels * (9 + wider), wider
    body += 5 * 24 * 512 * (9 + 512) + 6 * 512 * (9 + 1024) + 6 * 1024 * (9 + 1024)
    byols = 96 * 64 * 9 * 64 + (48 * 32 + 24 * 16) * 9 * 64 * 64 + 2 * 12 * 512 * 512

    counted = network.multiply_adds(bundled_model_folder() / MODEL_FILE)
    assert counted == body + byols


def test_the_program_never_imports_benchmarks_or_training() -> None:
    code = (
        "import pkgutil, importlib, sys, realtime_ser\n"
        "names = [m.name for m in pkgutil.walk_packages(realtime_ser.__path__, 'realtime_ser.')]\n"
        "for name in names:\n"
        "    if not name.endswith('__main__'): importlib.import_module(name)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules}"
        " & {'benchmarks', 'train', 'experiments', 'tools', 'tests', 'scipy', 'tensorflow'}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (run.stdout, run.stderr) == ("[]\n", "")
