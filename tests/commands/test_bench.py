"""``realtime-ser bench``: every result is there, and measured. No test asserts a time."""

import json
import os
import subprocess
import sys
from dataclasses import fields
from typing import Any

import pytest

from realtime_ser.bench import processes
from realtime_ser.bench.report import Spread
from realtime_ser.bench.stages import StageTimes
from realtime_ser.bench.streams import Streams, search
from realtime_ser.commands import bench
from realtime_ser.commands.bench import Report

STAGES = [
    *("resample", "gate", "frontend", "embed", "adaptation", "classify"),
    *("smoothing", "event", "hop"),
]


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-m", "realtime_ser", "bench", "--quick", "--json"],
        capture_output=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr.decode()
    assert run.stderr == b"", "progress is for terminals"
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def names(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)]


def test_every_result_is_reported(measured: dict[str, Any]) -> None:
    assert list(measured) == names(Report)
    assert list(measured["stages"]) == STAGES
    for times in measured["stages"].values():
        assert list(times) == names(Spread)
    assert list(measured["streams"]) == names(Streams)


def test_the_results_are_plausible(measured: dict[str, Any]) -> None:
    stages = measured["stages"]
    for times in stages.values():
        assert 0 < times["median"] <= times["p95"] <= times["p99"] <= times["highest"]
    parts = sum(stages[name]["mean"] for name in STAGES[:-1])
    assert stages["hop"]["mean"] == pytest.approx(parts, rel=0.01), "the stages are the whole hop"
    assert measured["cpu_ms_per_second"] > 0
    assert measured["import_ms"] > 0
    assert measured["first_event_ms"] > 0
    assert measured["real_time_factor"] > 1
    assert 0 < measured["streams"]["speech_share"] < 1
    assert measured["streams"]["latest_ms"]


@pytest.mark.skipif(os.name == "nt", reason="no pty")
def test_memory_is_that_of_whole_processes(measured: dict[str, Any]) -> None:
    assert measured["analyze_mb"] > 20
    assert measured["live_mb"] > 20


def test_the_table_has_every_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = Spread(1.5, 2.5, 3.5, 1.75, 4.5, 20)
    stages = StageTimes(dict.fromkeys(STAGES, times), 8.5)
    streams = Streams(135, 50.0, 0.86, {135: 41.0})
    monkeypatch.setattr(bench, "measure_stages", lambda *_: stages)
    monkeypatch.setattr(bench, "measure_streams", lambda *_: streams)
    for name, value in {
        "import_ms": 160.0,
        "first_event_ms": 320.0,
        "analyze_mb": None,
        "live_mb": 87.4,
    }.items():
        monkeypatch.setattr(processes, name, lambda _=None, value=value: value)

    from realtime_ser.commands import main

    assert main(["bench", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "embed                     1.500    2.500    3.500     20" in lines
    values = {line[:42].strip(): line[44:] for line in lines if line[42:44] == "  "}
    assert values["CPU per second of live speech"] == "8.50 ms"
    assert values["process start to first emotion"] == "320 ms"
    assert values["peak memory, analyze"] == "not measurable here"
    assert values["peak memory, live with the terminal UI"] == "87 MB"
    assert values["analyze"].endswith("× real time")
    assert values["live streams on one core, ≤ 50 ms"] == "135 (86 % speech)"


@pytest.mark.parametrize("capacity", [0, 3, 100, 260, 330, 1000])
def test_the_search_never_reports_more_streams_than_kept_up(capacity: int) -> None:
    tried: list[int] = []

    def keeps_up(count: int) -> bool:
        tried.append(count)
        return count <= capacity

    found = search(keeps_up, 150, 330, 5)
    assert found <= capacity
    assert found == max((count for count in tried if count <= capacity), default=0)
