"""``python -m benchmarks.archive``: its tables, and how it measures a rate."""

import json

import pytest

from benchmarks.archive import BEGIN_MARKER, PAGE, _Watch
from benchmarks.archive_report import Comparison, as_json, from_json, page_tables
from benchmarks.archive_rows import RowCosts
from realtime_ser.archive.analyzer import AnalyzedFile
from realtime_ser.archive.worklist import Totals
from realtime_ser.output.table import COLUMNS
from train.files import END_MARKER

MACHINE = {"cpu": "Z80", "python": "3.11", "load": "0.10"}
RESULT = Comparison(
    files=14_400,
    hours=15.0,
    rows=15_000,
    lost=0,
    doubled=0,
    workers=2,
    workers_killed=1,
    process_seconds=540.0,
    cluster_seconds=420.0,
    efficiency=0.875,
    process_cpu=36.0,
    cluster_cpu=34.0,
    row_costs=RowCosts(store=24.0, merge=5.0, size=72.0),
)


def test_the_tables_are_those_of_the_stored_results() -> None:
    stored = json.loads(json.dumps(as_json(RESULT, MACHINE)))
    assert from_json(stored) == RESULT
    tables = page_tables(stored)
    assert "| archive | 14400 files, 15.00 h, 15000 rows |" in tables
    assert "| a node killed when half was done | yes, with 1 of the workers |" in tables
    assert "| rate of a worker to the process's | 0.88 |" in tables
    assert "| processors | 10,000 core hours: 10.0 hours on 1000 cores | 36.0 s of" in tables
    assert "| price | 400 USD |" in tables
    assert "| reading | 29 TB of MP3, 115 TB of WAV |" in tables
    assert "| rows | 9 × 10⁸ |" in tables
    assert "| the table as Parquet | 65 GB, and" in tables
    assert "| the command itself | 6.0 core hours to store the rows, 1.2 to merge" in tables
    assert "Measured on: Z80" in tables


def test_the_page_has_room_for_them() -> None:
    _, marker, rest = PAGE.read_text().partition(BEGIN_MARKER)
    assert marker
    assert END_MARKER in rest


@pytest.mark.parametrize("kill", [True, False])
def test_the_rate_is_measured_from_a_tenth_until_the_node_is_killed(kill: bool) -> None:
    now = 0.0
    killed_at = []
    watch = _Watch((lambda: killed_at.append(now)) if kill else None)
    watch._clock, watch._began = lambda: now, 0.0
    watch.count.total = Totals(80, 80)
    for second, files in ((7, 8), (9, 12), (12, 20), (20, 40)):  # the first after a slow start
        now = float(second)
        for _ in range(files):
            watch.finished(AnalyzedFile("key", 1, 1.0, 1.0, [(None,) * len(COLUMNS)]))
    assert killed_at == ([12.0] if kill else [])
    assert watch.rate == pytest.approx(32 / 5 if kill else 72 / 13)
