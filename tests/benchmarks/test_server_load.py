"""``python -m benchmarks.server``: every result is there, and measured. No test asserts a time."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("websockets", reason="needs the serve extra")
pytest.importorskip("uvicorn", reason="needs the serve extra")
if sys.platform != "linux":
    pytest.skip("reads /proc", allow_module_level=True)

from benchmarks.server.__main__ import Report, check_open_files
from realtime_ser.errors import SettingsError

ROOT = Path(__file__).parents[2]


def run(*options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "benchmarks.server", *map(str, options)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_a_small_load_is_measured() -> None:
    ran = run("--streams", 2, "--seconds", 5, "--idle", 3, "--workers", 1, "--json")
    assert ran.returncode == 0, ran.stderr
    report: dict[str, Any] = json.loads(ran.stdout)
    assert list(report) == [field.name for field in fields(Report)]
    assert (report["streams"], report["idle"], report["dropped"]) == (2, 3, 0)
    assert report["cut_off"] == []
    assert 0 < report["duty_cycle"] <= 1
    for name in ("event_latency", "served_latency"):
        times = report[name]
        assert times["count"] > 0
        assert 0 < times["median"] <= times["p95"] <= times["p99"] <= times["highest"]
    assert report["served_latency"]["mean"] <= report["event_latency"]["mean"]
    assert 0 < report["memory"]["empty"] <= report["memory"]["last"]
    assert all(share > 0 for share in report["cpu"].values())


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--streams", "0"], 2, "from 1 on"),
        (["--seconds", "x"], 2, "from 1 on"),
        (["--idle", "-1"], 2, "expected one argument|from 0 on"),
        (["--speech", "missing.wav"], 1, "missing.wav"),
    ],
    ids=str,
)
def test_a_wrong_option_is_explained(options: list[str], code: int, words: str) -> None:
    ran = run(*options)
    assert ran.returncode == code
    assert any(word in ran.stderr for word in words.split("|"))
    assert "Traceback" not in ran.stderr


def test_too_few_open_files_are_explained() -> None:
    check_open_files(1000, 1100)
    with pytest.raises(SettingsError, match="1100 open files, and 1024 are allowed: run ulimit"):
        check_open_files(1000, 1024)
