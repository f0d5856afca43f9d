"""``python -m benchmarks.peers``: it measures what is installed, and names what is not."""

import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import soundfile

from benchmarks.peers.__main__ import as_text, page_table
from benchmarks.peers.catalog import PEERS
from benchmarks.peers.measure import PeerSpeed, _Process, find_python, measure_peers
from benchmarks.peers.worker import IMPORTS, LOADERS
from realtime_ser.demo import demo_clip
from realtime_ser.samples import Int16

ROOT = Path(__file__).parents[2]
OURS = PEERS[0]


@pytest.fixture(scope="module")
def clip() -> Int16:
    samples: Int16 = soundfile.read(demo_clip(), dtype="int16")[0]
    return samples


def test_every_peer_has_a_worker() -> None:
    names = [peer.name for peer in PEERS]
    assert names == list(LOADERS) == list(IMPORTS)


def test_what_is_installed_is_measured_and_what_is_not_is_named(clip: Int16) -> None:
    missing = replace(OURS, name="other", title="Other", modules=("no_such_module",), install="x")
    ours, other = measure_peers([OURS, missing], clip, turns=2, turn_seconds=0.1)

    assert ours.skipped is None
    for name in ("cpu_ms_per_second", "memory_mb", "import_ms", "first_result_ms"):
        assert getattr(ours, name) > 0
    assert ours.times_ours == 1
    assert ours.import_ms is not None
    assert ours.first_result_ms is not None
    assert ours.import_ms < ours.first_result_ms
    assert other.skipped == "not installed (x)"


def test_a_peer_that_fails_is_skipped_with_the_reason(clip: Int16) -> None:
    broken = replace(OURS, name="no-such-peer", title="Broken")
    (row,) = measure_peers([broken], clip, turns=1, turn_seconds=0.1)

    assert row.cpu_ms_per_second is None
    assert row.skipped is not None
    assert "KeyError: 'no-such-peer'" in row.skipped


def test_a_peer_that_dies_between_turns_is_skipped_too(
    clip: Int16, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_turn = _Process.take_turn

    def dies(process: _Process) -> None:
        process._process.kill()
        take_turn(process)

    monkeypatch.setattr(_Process, "take_turn", dies)
    (row,) = measure_peers([OURS], clip, turns=3, turn_seconds=0.1)
    assert row == PeerSpeed(OURS.title, OURS.computes, skipped="failed (exit code -9)")


def test_an_interpreter_is_chosen_by_what_it_can_import() -> None:
    assert find_python(OURS, [sys.executable]) == sys.executable
    assert find_python(replace(OURS, modules=("no_such_module",)), [sys.executable]) is None


def test_the_tables_have_every_row() -> None:
    rows = [
        PeerSpeed("realtime-ser", "all", 8.25, 1.0, 76.0, 210.0, 420.0),
        PeerSpeed("wav2vec2-base", "classes", skipped="not installed (x)"),
    ]
    machine = {"cpu": "Z80", "python": "3.11", "load": "0.10"}
    stored = json.loads(json.dumps({"machine": machine, "peers": [as_dict(row) for row in rows]}))

    assert "realtime-ser   all" in as_text(rows)
    assert "| realtime-ser | all | 8.2 ms | 1.0 | 76 MB | 210 ms | 0.42 s |" in page_table(stored)
    assert "| wav2vec2-base | classes | not installed (x) | – | – | – | – |" in page_table(stored)
    assert "Measured on: Z80" in page_table(stored)


def as_dict(row: PeerSpeed) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in fields(row)}


def test_the_command_prints_json() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", "--quick", "--json", "--only", "ours"],
        capture_output=True,
        timeout=120,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr.decode()
    report = json.loads(run.stdout)
    assert [row["name"] for row in report["peers"]] == ["realtime-ser"]
    assert run.stderr == b"", "progress is for terminals"
