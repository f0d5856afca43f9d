"""A picture of an analysis: waveform, speech gate and probabilities over time.

Needs matplotlib, the ``plot`` extra, and imports it only when a picture is drawn.
"""

import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.errors import OutputError, printable
from realtime_ser.events import LABELS, EmotionUpdate, Event, SpeechEnded
from realtime_ser.output.format import clock, percent
from realtime_ser.output.palette import ON_WHITE
from realtime_ser.output.paths import check_ending, check_writable, unwritable
from realtime_ser.samples import FULL_SCALE, Int16
from realtime_ser.settings import SAMPLE_RATE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOT_ENDINGS = (".png", ".svg")

_INK = "#333333"
_STYLE = {
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": "#b0b0b0",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "realtime-ser",
}
_LABEL_POINTS = 10
_LABEL_ROWS = 2
_TICK_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


def check_plot_path(path: Path) -> None:
    """Check before the analysis that its plot can be drawn and written.

    Raises:
        OutputError: the name ends neither in ``.png`` nor in ``.svg``, the file cannot be written,
            or matplotlib is not installed.
    """
    check_ending(path, PLOT_ENDINGS)
    check_writable(path)
    if importlib.util.find_spec("matplotlib") is None:
        raise OutputError("plots need matplotlib", 'pip install "realtime-ser[plot]"')


def plot_analysis(samples: Int16, events: Sequence[Event], path: Path, title: str) -> None:
    """Draw an analysis into a PNG or SVG file, the same file for the same analysis.

    Args:
        samples: the audio, 16 kHz int16, shape ``[n]``.
        events: what the recognizer said about it.
        path: the file to write, overwritten if there.
        title: written above the picture, the name of the sound file for instance.

    Raises:
        OutputError: as ``check_plot_path``.
    """
    check_plot_path(path)
    import matplotlib.style

    duration = max(len(samples) / SAMPLE_RATE, 1e-3)
    utterances = [event for event in events if isinstance(event, SpeechEnded)]
    updates = [event for event in events if isinstance(event, EmotionUpdate)]
    with matplotlib.style.context(["default", _STYLE]):
        figure, wave_axes, share_axes = _frame(duration, title)
        _draw_waveform(wave_axes, samples)
        _draw_utterances(wave_axes, utterances, duration)
        _draw_probabilities(share_axes, utterances, updates, outline=duration < 120)
        _save(figure, path)


def _frame(duration: float, title: str) -> "tuple[Figure, Axes, Axes]":
    """Return a figure as wide as the audio is long, within reason, and its two empty axes."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    width = _inches(duration)
    figure = Figure(figsize=(width, 5.2), layout="constrained", facecolor="white")
    wave_axes, share_axes = figure.subplots(2, sharex=True, height_ratios=(1.0, 1.2))
    figure.suptitle(printable(title), x=0.01, ha="left", weight="bold", parse_math=False)
    share_axes.set_xlim(0.0, duration)
    most_ticks = 1.4 * width
    step = next((s for s in _TICK_SECONDS if duration / s <= most_ticks), _TICK_SECONDS[-1])
    share_axes.xaxis.set_major_locator(MultipleLocator(step))
    share_axes.xaxis.set_major_formatter(FuncFormatter(lambda time, _: _tick(time, duration)))
    share_axes.set_xlabel(_time_unit(duration))
    return figure, wave_axes, share_axes


def _inches(duration: float) -> float:
    return float(np.clip(4.0 + 0.3 * duration, 9.0, 36.0))


def _time_unit(duration: float) -> str:
    if duration < 60:
        return "seconds"
    return "minutes : seconds" if duration < 3600 else "hours : minutes : seconds"


def _tick(time: float, duration: float) -> str:
    if duration < 60:
        return f"{time:g}"
    return clock(round(time))


def _draw_waveform(axes: "Axes", samples: Int16) -> None:
    envelope = _envelope(samples)
    axes.fill_between(
        envelope.times, envelope.lowest, envelope.highest, color=_INK, linewidth=0.4, zorder=2
    )
    largest = float(max(np.abs(envelope.lowest).max(), np.abs(envelope.highest).max(), 0.01))
    axes.set_ylim(-1.1 * largest, 1.1 * largest)
    axes.set_ylabel("amplitude")
    axes.tick_params(axis="x", length=0)


@dataclass(frozen=True, slots=True)
class _Envelope:
    """Extremes of equal stretches of audio: seconds and float64 within ±1, each shape ``[k]``."""

    times: NDArray[np.float64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]


def _envelope(samples: Int16, columns: int = 4000) -> _Envelope:
    """Return at most ``columns`` extremes, so that an hour draws as fast as a second."""
    if not len(samples):
        return _Envelope(np.zeros(1), np.zeros(1), np.zeros(1))
    starts = np.unique(np.linspace(0, len(samples), columns, endpoint=False).astype(int))
    return _Envelope(
        starts / SAMPLE_RATE,
        np.minimum.reduceat(samples, starts) / FULL_SCALE,
        np.maximum.reduceat(samples, starts) / FULL_SCALE,
    )


def _draw_utterances(axes: "Axes", utterances: Sequence[SpeechEnded], duration: float) -> None:
    """Shade each utterance in its label's color and write the label above it."""
    seconds_per_point = duration / (72 * 0.8 * _inches(duration))
    row_ends = [float("-inf")] * _LABEL_ROWS
    for utterance in utterances:
        color = ON_WHITE[utterance.label]
        axes.axvspan(utterance.start, utterance.end, color=color, alpha=0.3, linewidth=0, zorder=1)
        axes.axvspan(utterance.start, utterance.end, 0.97, 1.0, color=color, linewidth=0, zorder=3)
        text = f"{utterance.label} {percent(utterance.confidence, ' ')}"
        half = 0.31 * _LABEL_POINTS * len(text) * seconds_per_point
        middle = (utterance.start + utterance.end) / 2
        middle = float(np.clip(middle, half, max(half, duration - half)))
        row = next((r for r, end in enumerate(row_ends) if end <= middle - half), None)
        if row is None:
            continue  # no room; the color still tells
        row_ends[row] = middle + half
        _write_above(axes, middle, row, text)


def _write_above(axes: "Axes", time: float, row: int, text: str) -> None:
    axes.annotate(
        text,
        (time, 1.0),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, 3 + 1.3 * _LABEL_POINTS * row),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=_LABEL_POINTS,
    )


def _draw_probabilities(
    axes: "Axes",
    utterances: Sequence[SpeechEnded],
    updates: Sequence[EmotionUpdate],
    *,
    outline: bool,
) -> None:
    """Stack the eight probabilities of each utterance, from its first frame to its end."""
    from matplotlib.patches import Patch

    for utterance in utterances:
        within = [event for event in updates if utterance.start <= event.start < utterance.end]
        if within:
            _stack(axes, utterance, within, 0.5 if outline else 0.0)
    if not utterances:
        axes.text(0.5, 0.5, "no speech", ha="center", va="center", transform=axes.transAxes)
    axes.set_ylim(0.0, 1.0)
    axes.set_yticks((0.0, 0.25, 0.5, 0.75, 1.0), ("0", "25", "50", "75", "100 %"))
    axes.set_ylabel("probability")
    keys = [Patch(color=ON_WHITE[label], label=label) for label in reversed(LABELS)]
    axes.legend(handles=keys, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _stack(
    axes: "Axes", utterance: SpeechEnded, updates: Sequence[EmotionUpdate], line_width: float
) -> None:
    """Draw steps: what an update says holds from the update before it to its own end."""
    times = [utterance.start, *(update.end for update in updates)]
    times[-1] = utterance.end
    shares = np.array([[update.probabilities[label] for label in LABELS] for update in updates])
    axes.stackplot(
        times,
        np.vstack((shares[:1], shares)).T,
        colors=[ON_WHITE[label] for label in LABELS],
        step="pre",
        edgecolor="white",
        linewidth=line_width,
    )


def _save(figure: "Figure", path: Path) -> None:
    kind = path.suffix.lower().removeprefix(".")
    metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
    try:
        with warnings.catch_warnings():  # a title in a script that the font lacks is drawn as boxes
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
            figure.savefig(path, format=kind, dpi=150, metadata=metadata)
    except OSError as error:
        raise unwritable(path, error) from error
