"""What the archive's benchmark prints and writes, and what a large archive costs by that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.archive_rows import RowCosts
from train.markdown import markdown_table

LARGE_HOURS = 10**6
PROCESSORS = 1000
"""Rented at once for the large archive."""

CORE_HOUR_USD = 0.04
MP3_BYTES_A_SECOND, WAV_BYTES_A_SECOND = 8_000, 32_000
SECONDS_A_ROW = 4


@dataclass(frozen=True, slots=True)
class Comparison:
    """One process against a cluster.

    Attributes:
        files: of the archive.
        hours: of audio.
        rows: of the table.
        lost: rows of the one process that the cluster's table lacks.
        doubled: rows that it has too many.
        workers: actors of the cluster.
        workers_killed: of them on the node that was killed when half of the files were done;
            ``None`` where none was killed.
        process_seconds: wall time of the one process.
        cluster_seconds: wall time of the cluster, with the start of the actors.
        efficiency: rate of one actor as a share of the one process's, once a tenth of the files
            was done, and until a node was killed.
        process_cpu: seconds of CPU an hour of audio, in the one process.
        cluster_cpu: the same in the actors, without Ray's own processes.
        row_costs: of the command itself.
    """

    files: int
    hours: float
    rows: int
    lost: int
    doubled: int
    workers: int
    workers_killed: int | None
    process_seconds: float
    cluster_seconds: float
    efficiency: float
    process_cpu: float
    cluster_cpu: float
    row_costs: RowCosts


def as_json(result: Comparison, machine: Mapping[str, str]) -> dict[str, Any]:
    """Return what is stored."""
    return {"machine": dict(machine), **asdict(result)}


def from_json(values: Mapping[str, Any]) -> Comparison:
    """Return what was stored."""
    fields = {name: value for name, value in values.items() if name != "machine"}
    return Comparison(**{**fields, "row_costs": RowCosts(**values["row_costs"])})


def measured(result: Comparison) -> dict[str, str]:
    """Return the results as names and values to read."""
    costs, killed = result.row_costs, result.workers_killed
    return {
        "archive": f"{result.files} files, {result.hours:.2f} h, {result.rows} rows",
        "one process": f"{result.process_seconds:.1f} s",
        f"two nodes, {result.workers} workers": f"{result.cluster_seconds:.1f} s",
        "a node killed when half was done": (
            "no" if killed is None else f"yes, with {killed} of the workers"
        ),
        "rows lost, doubled": f"{result.lost}, {result.doubled}",
        "rate of a worker to the process's": f"{result.efficiency:.2f}",
        "CPU an hour of audio": (
            f"{result.process_cpu:.1f} s in the process, {result.cluster_cpu:.1f} s in workers"
        ),
        "the command's CPU for a row": (
            f"{costs.store:.1f} µs to store, {costs.merge:.1f} µs to merge, {costs.size:.0f} bytes"
        ),
    }


def page_tables(report: Mapping[str, Any]) -> str:
    """Return stored results as two Markdown tables, and the machine that they come from."""
    result, machine = from_json(report), report["machine"]
    where = f"{machine['cpu']}, Python {machine['python']}, load average {machine['load']}"
    return "\n\n".join(
        (
            markdown_table(("measurement", "value"), list(measured(result).items())),
            f"Measured on: {where}.",
            "What 10⁶ hours cost, by that:",
            markdown_table(("", "for 10⁶ hours", "from"), large_archive(result)),
        )
    )


def large_archive(result: Comparison) -> list[tuple[str, str, str]]:
    """Return what 10⁶ hours cost: quantity, value, and what it follows from."""
    seconds = 3600 * LARGE_HOURS
    cores = LARGE_HOURS * result.process_cpu / 3600
    rows, costs = seconds / SECONDS_A_ROW, result.row_costs
    store, merge = (rows * cost / 3.6e9 for cost in (costs.store, costs.merge))
    return [
        (
            "processors",
            f"{cores:,.0f} core hours: {cores / PROCESSORS:.1f} hours on {PROCESSORS} cores",
            f"{result.process_cpu:.1f} s of CPU an hour",
        ),
        (
            "price",
            f"{cores * CORE_HOUR_USD:,.0f} USD",
            f"{CORE_HOUR_USD} USD a core hour, an ordinary price of rented cores",
        ),
        (
            "reading",
            f"{seconds * MP3_BYTES_A_SECOND / 1e12:.0f} TB of MP3,"
            f" {seconds * WAV_BYTES_A_SECOND / 1e12:.0f} TB of WAV",
            "64 kbit/s; 16 kHz, 16 bit, mono",
        ),
        ("rows", f"{rows / 1e8:.0f} × 10⁸", f"an utterance every {SECONDS_A_ROW} s"),
        (
            "the table as Parquet",
            f"{rows * costs.size / 1e9:.0f} GB, and as much for the parts until the end",
            f"{costs.size:.0f} bytes a row",
        ),
        (
            "the command itself",
            f"{store:.1f} core hours to store the rows, {merge:.1f} to merge them",
            f"{costs.store:.0f} and {costs.merge:.0f} µs of CPU a row",
        ),
    ]
