"""What the command itself does with the rows that come back from workers."""

import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.archive.analyzer import AnalyzedFile
from realtime_ser.archive.parts import Parts
from realtime_ser.archive.ray_worker import decode_results, encode_results
from realtime_ser.events import LABELS
from realtime_ser.output.table import Row

ROWS_IN_FILE = 900
"""An hour with an utterance every four seconds."""


@dataclass(frozen=True, slots=True)
class RowCosts:
    """Microseconds of CPU and bytes of Parquet for each row.

    Attributes:
        store: decode what a worker sends, and write it as a part.
        merge: copy it from the part to the table.
        size: in the table.
    """

    store: float
    merge: float
    size: float


def measure_row_costs(files: int = 50) -> RowCosts:
    """Store and merge so many made-up files of an hour."""
    units = [encode_results([_made_up_file(number)]) for number in range(files)]
    count = files * ROWS_IN_FILE
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.parquet"
        parts = Parts(Path(folder), out)
        began = time.process_time()
        for unit in units:
            for file in decode_results(unit):
                parts.add(file)
        parts.flush()
        stored = time.process_time()
        parts.merge(list)
        merged = time.process_time()
        size = out.stat().st_size
    return RowCosts(1e6 * (stored - began) / count, 1e6 * (merged - stored) / count, size / count)


def _made_up_file(number: int) -> AnalyzedFile:
    random_numbers = random.Random(number)
    rows: list[Row] = []
    for position in range(ROWS_IN_FILE):
        shares = [round(random_numbers.random() / len(LABELS), 6) for _ in LABELS]
        start = 4.0 * position
        label = random_numbers.choice(LABELS)
        path = f"/archive/{number // 100}/{number}.mp3"
        rows.append(
            (path, 3600.0, start, start + 3.2, label, max(shares), *shares, None, "model", "0" * 64)
        )
    return AnalyzedFile(f"{number:032}", 0, 3600.0, 36.0, rows)
