"""Formats the measurements of the gate as Markdown tables."""

from collections.abc import Sequence

from experiments.gate.network import FalseReports, Price
from experiments.gate.scenes import LEVELS_DBFS
from experiments.gate.segmentation import Alternative, ErrorSummary, FalseSegments
from train.markdown import markdown_table

LEVELS = tuple(f"{level:g} dBFS" for level in LEVELS_DBFS)


def false_report_table(false_reports: Sequence[FalseReports]) -> str:
    """Return the seconds of reported speech in each sound, before and after."""
    rows = [
        (
            row.sound,
            _when(row.switched_on),
            "yes" if row.trained_on else "no",
            *(
                f"{before:.1f} → {after:.1f}"
                for before, after in zip(row.before, row.after, strict=True)
            ),
        )
        for row in false_reports
    ]
    return markdown_table(("sound", "from", "trained on its kind", *LEVELS), rows)


def price_table(prices: Sequence[Price]) -> str:
    """Return what the speech output costs in each background."""
    header = (
        "background",
        "missed",
        "speech_started after the onset",
        "later by",
        "clips with a later first emotion",
        "speech lost",
    )
    rows = [
        (
            row.background,
            f"{row.missed_before} → {row.missed_after}",
            f"{_delays(row.delay_before)} → {_delays(row.delay_after)}",
            _delays(row.added),
            f"{row.emotion_later:.1f} %",
            f"{row.lost_before:.1f} → {row.lost_after:.1f} %",
        )
        for row in prices
    ]
    return markdown_table(header, rows)


def error_table(summaries: Sequence[ErrorSummary]) -> str:
    """Return the errors of the gate in each background."""
    header = (
        "background",
        "missed",
        "segments per clip",
        "delay median",
        "delay 95 %",
        "onset lost",
        "clips with onset lost",
        "end lost",
        "clips with end lost",
        "speech lost",
        "passed besides speech",
    )
    rows = [
        (
            row.background,
            f"{row.missed}",
            f"{row.segments_per_clip:.2f}",
            f"{row.delay_median:.0f}",
            f"{row.delay_95:.0f}",
            f"{row.onset_lost_mean:.0f}",
            f"{row.onset_lost_clips:.0f} %",
            f"{row.end_lost_mean:.0f}",
            f"{row.end_lost_clips:.0f} %",
            f"{row.lost:.1f} %",
            f"{row.surplus_mean:.0f}",
        )
        for row in summaries
    ]
    return markdown_table(header, rows)


def false_segment_table(false_segments: Sequence[FalseSegments]) -> str:
    """Return the seconds of open gate in each sound."""
    rows = [
        (row.sound, _when(row.switched_on), *(f"{seconds:.1f}" for seconds in row.seconds))
        for row in false_segments
    ]
    return markdown_table(("sound", "from", *LEVELS), rows)


def alternative_table(alternatives: Sequence[Alternative]) -> str:
    """Return the errors of gates with one setting changed."""
    header = (
        "gate",
        "missed",
        "segments per clip",
        "delay median",
        "onset lost",
        "end lost",
        "speech lost",
        "passed besides speech",
        "open on steady sounds",
        "on sounds switched on",
        "on chords",
    )
    rows = [
        (
            row.name,
            f"{row.errors.missed}",
            f"{row.errors.segments_per_clip:.2f}",
            f"{row.errors.delay_median:.0f}",
            f"{row.errors.onset_lost_mean:.0f}",
            f"{row.errors.end_lost_mean:.0f}",
            f"{row.errors.lost:.1f} %",
            f"{row.errors.surplus_mean:.0f}",
            f"{row.steady:.1f}",
            f"{row.switched_on:.1f}",
            f"{row.music:.1f}",
        )
        for row in alternatives
    ]
    return markdown_table(header, rows)


def _when(switched_on: bool) -> str:
    return "switched on" if switched_on else "the start"


def _delays(delays: tuple[float, float]) -> str:
    return " / ".join(f"{delay:.2f}" for delay in delays)
