"""``realtime-ser bench``: every figure is there, and measured. No test asserts a time."""

import json
import os
import subprocess
import sys
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest

from realtime_ser.bench import network, report
from realtime_ser.bench.streams import search
from realtime_ser.bench.table import as_text
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.emotion.model import bundled_model_folder

COMMAND = [sys.executable, "-m", "realtime_ser", "bench", "--quick"]
STAGES = [
    *("resample", "gate", "frontend", "embed", "classify", "smoothing", "event", "hop", "ui_paint"),
]


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    run = subprocess.run([*COMMAND, "--json"], capture_output=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr.decode()
    assert run.stderr == b"", "progress is for terminals"
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def as_report(measured: dict[str, Any]) -> Any:
    """Return the report's JSON form with attributes, as the table reads it."""
    found = json.loads(json.dumps(measured), object_hook=lambda each: SimpleNamespace(**each))
    found.stages = vars(found.stages)
    return found


def keys_of(kind: type) -> list[str]:
    return [each.name for each in fields(kind)]


def test_every_documented_figure_is_there(measured: dict[str, Any]) -> None:
    assert list(measured) == keys_of(report.Report)
    parts = {
        "machine": report.Machine,
        "start_up": report.StartUp,
        "memory": report.Memory,
        "analysis": report.Analysis,
        "streams": report.Streams,
        "silence": report.Silence,
        "latencies": report.Latencies,
        "network": report.Network,
    }
    for name, kind in parts.items():
        assert list(measured[name]) == keys_of(kind)
    assert list(measured["stages"]) == STAGES
    for times in measured["stages"].values():
        assert list(times) == keys_of(report.Spread)
    assert measured["hub"] is None


def test_the_figures_are_plausible(measured: dict[str, Any]) -> None:
    for times in measured["stages"].values():
        assert 0 < times["median"] <= times["p95"] <= times["p99"] <= times["highest"]
    stages = measured["stages"]
    parts = sum(stages[name]["mean"] for name in STAGES[:-2])
    assert stages["hop"]["mean"] == pytest.approx(parts, rel=0.01), "the stages are the whole hop"
    assert measured["cpu_ms_per_second"] > 0
    assert 0 < measured["start_up"]["import_ms"] < measured["start_up"]["first_event_ms"]
    assert measured["analysis"]["real_time_factor"] > 1
    assert 0 < measured["streams"]["speech_share"] < 1
    assert measured["streams"]["tried"]
    assert measured["silence"]["cpu_percent"] >= 0
    delays = measured["latencies"]
    assert delays["first_frame_seconds"] == 0.975
    assert delays["frame_to_event"]["count"] > 0
    changed, pairs = delays["label_changes"]
    assert 0 < changed <= pairs


@pytest.mark.skipif(os.name == "nt", reason="no pty")
def test_memory_is_that_of_whole_processes(measured: dict[str, Any]) -> None:
    assert measured["memory"]["analyze_mb"] > 20
    assert measured["memory"]["live_mb"] > 20


def test_the_table_says_the_same(measured: dict[str, Any]) -> None:
    text = as_text(as_report(measured))
    assert max(map(len, text.splitlines()[3:])) <= 100
    assert measured["machine"]["cpu"] in text
    for times in measured["stages"].values():
        assert f"{times['median']:9.3f}" in text
    assert f"{measured['analysis']['real_time_factor']:.0f} × real time" in text


def test_a_table_with_the_comparison_and_without_what_cannot_be_measured(
    measured: dict[str, Any],
) -> None:
    comparison = {
        "hub_cpu_ms": 80.0,
        "our_cpu_ms": 4.0,
        "ratio": 20.0,
        "hub_wall_ms": 30.0,
        "hops": 10,
    }
    nowhere = {"analyze_mb": None, "live_mb": None}
    text = as_text(as_report({**measured, "hub": comparison, "memory": nowhere}))
    assert "1/20" in text
    assert text.count("not measurable here") == 2


def test_missing_tensorflow_hub_is_one_line_at_once() -> None:
    code = (
        "import sys; sys.modules['tensorflow_hub'] = None; from realtime_ser.commands import main;"
        " sys.exit(main(['bench', '--compare-hub']))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert run.returncode == 1
    assert run.stdout == b""
    assert run.stderr.count(b"\n") == 1
    assert b"train extra" in run.stderr


def test_multiply_adds_come_from_the_network_itself() -> None:
    body = 48 * 32 * 9 * 32
    channels, places = 32, 48 * 32
    for stride, wider in ((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)):
        places //= stride**2
        body, channels = body + places * channels * (9 + wider), wider
    body += 5 * 24 * 512 * (9 + 512) + 6 * 512 * (9 + 1024) + 6 * 1024 * (9 + 1024)
    pitch = 48 * 24 * 9 * 32 + 24 * 12 * 9 * 32 * 64 + 12 * 6 * 9 * 64 * 96
    pitch += 6 * 3 * 9 * 96 * 128 + 3 * 2 * 9 * 128 * 128
    companion = 96 * 64 * 9 * 16 + 48 * 32 * 9 * 16 * 32 + 24 * 16 * 9 * 32 * 64
    companion += 12 * 8 * 9 * 64 * 128 + 6 * 4 * 9 * 128 * 128

    counted = network.multiply_adds(bundled_model_folder() / MODEL_FILE)
    assert counted == body + pitch + companion


@pytest.mark.parametrize("capacity", [0, 3, 100, 260, 330, 1000])
def test_the_search_never_claims_more_than_was_kept_up_with(capacity: int) -> None:
    tried: list[int] = []

    def keeps_up(count: int) -> bool:
        tried.append(count)
        return count <= capacity

    found = search(keeps_up, 150, 330, 5)
    assert found <= capacity
    assert found == max((each for each in tried if each <= capacity), default=0)
