"""Formats tables and numbers as Markdown."""

from collections.abc import Mapping, Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(row)} |" for row in (header, *rows)]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]])


def mean_and_deviation(mean: float | None, deviation: float | None) -> str:
    """Return a mean and the sample deviation from it, such as ``0.701 ± 0.034``."""
    if mean is None:
        return "–"
    return f"{mean:.3f}" if deviation is None else f"{mean:.3f} ± {deviation:.3f}"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number, or a dash for none."""
    return "–" if value is None else f"{value:.{digits}f}"


def with_interval(value: float, interval: Mapping[str, float] | None, digits: int = 3) -> str:
    """Return a score and its interval, such as ``0.412 (0.373 … 0.450)``."""
    if interval is None:
        return number(value, digits)
    low, high = (number(interval[end], digits) for end in ("low", "high"))
    return f"{number(value, digits)} ({low} … {high})"
