"""``realtime-ser analyze``: whole files, as fast as possible."""

import argparse
import contextlib
import glob
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from realtime_ser.commands.common import DONE, FAILED, print_error, settings_from
from realtime_ser.errors import RealtimeSerError, SettingsError
from realtime_ser.events import Event
from realtime_ser.live.sinks import Sink
from realtime_ser.output.json_lines import JsonLines
from realtime_ser.output.table import RowCollector
from realtime_ser.output.table_file import check_table_path, new_table
from realtime_ser.output.text import TextLines
from realtime_ser.recognizer import Recognizer
from realtime_ser.samples import Int16


def run(options: argparse.Namespace) -> int:
    """Print the events or utterances of every file; a bad file does not stop the others."""
    names = list(_expanded(options.files))
    if options.plot:
        _check_plot(options)
    if options.out:
        check_table_path(options.out, names)
    recognizer = Recognizer(options.model, settings_from(options))
    output = JsonLines(sys.stdout) if options.json else TextLines(sys.stdout)
    code = DONE
    with new_table(options.out) if options.out else contextlib.nullcontext() as table:
        for name in names:
            rows = RowCollector(name, recognizer.model.manifest)
            problem: RealtimeSerError | None = None
            try:
                _analyze(name, recognizer, [output, rows], options.plot)
            except RealtimeSerError as error:
                problem, code = error, print_error(error, FAILED)
            if table is not None:
                table.write(rows.rows(problem))
    return code


def _expanded(names: Sequence[str]) -> Iterator[str]:
    """Yield the names, with patterns that the shell left alone replaced by what they match."""
    for name in names:
        matches = [] if os.path.lexists(name) else sorted(glob.glob(name))  # noqa: PTH207
        yield from matches or [name]


def _check_plot(options: argparse.Namespace) -> None:
    """Check before the analysis that its plot can be drawn."""
    from realtime_ser.output.plot import check_plot_path

    if len(options.files) > 1:
        raise SettingsError(
            "--plot draws one file", f"give one file instead of {len(options.files)}"
        )
    check_plot_path(options.plot)


def _analyze(
    name: str,
    recognizer: Recognizer,
    sinks: Sequence[Sink],
    plot: Path | None,
) -> None:
    def on_event(event: Event) -> None:
        for sink in sinks:
            sink.on_event(event)

    path = sys.stdin.buffer if name == "-" else Path(name)
    if plot is None:
        recognizer.recognize_file(path, on_event=on_event)
        return
    from realtime_ser.output.plot import plot_analysis

    audio: list[Int16] = []
    result = recognizer.recognize_file(path, on_event=on_event, on_audio=audio.append)
    plot_analysis(np.concatenate(audio), result.events, plot, name)
