"""How far a job is: files, hours of audio, rate and time left."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, TextIO

from realtime_ser.archive.analyzer import AnalyzedFile
from realtime_ser.archive.worklist import Totals
from realtime_ser.output.format import clock as as_clock

SECONDS_BETWEEN_UPDATES = 0.1
"""Of the bar."""

SECONDS_BETWEEN_LINES = 30.0
"""Where standard error is no terminal, a line is printed so often."""


_NOTHING = Totals(0, 0)


@dataclass(slots=True)
class Count:
    """What a run has done.

    Attributes:
        total: of the whole job.
        before: done by earlier runs of the job.
        files: done by this run.
        failed: of these, files that could not be read, or not to their end.
        rows: of these files.
        bytes: size of these files.
        audio: seconds of audio in these files.
        cpu: seconds of CPU time that they took.
        current: seconds of audio analyzed of files that are not done yet.
        elapsed: seconds since this run began.
    """

    total: Totals
    before: Totals
    files: int = 0
    failed: int = 0
    rows: int = 0
    bytes: int = 0
    audio: float = 0.0
    cpu: float = 0.0
    current: float = 0.0
    elapsed: float = 0.0

    @property
    def rate(self) -> float:
        """Seconds of audio analyzed in a second."""
        return (self.audio + self.current) / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimate, by the size of the files; ``None`` before the first file is done."""
        pending = self.total.bytes - self.before.bytes - self.bytes
        if not self.files or not self.bytes:
            return None
        return max(0.0, pending * self.elapsed / self.bytes)


def progress_line(count: Count) -> str:
    """Return the state of a job in one line."""
    done = count.before.files + count.files
    parts = [
        f"{done} of {count.total.files} files",
        f"{(count.audio + count.current) / 3600:.2f} h of audio",
        f"{count.rate:.0f} × real time",
    ]
    if count.failed:
        parts.append(f"{count.failed} with errors")
    if done < count.total.files and count.seconds_left is not None:
        parts.append(f"{as_clock(count.seconds_left)} left")
    return " · ".join(parts)


class Progress:
    """Shows the state of a job on standard error: a bar on a terminal, else a line now and then.

    Args:
        stream: where to write.
        clock: seconds that go on steadily.
    """

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._began = self._printed = clock()
        self.count = Count(_NOTHING, _NOTHING)
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._stream.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            console = Console(file=self._stream)
            self._bar = Bar(BarColumn(20), TextColumn("{task.description}"), console=console)
            self._task = self._bar.add_task("looking for files", total=None)
            self._bar.start()
        return self

    def __exit__(self, *details: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def looked_at(self, files: int) -> None:
        """Show how many files were found so far."""
        if self._bar is not None and files % 100 == 0:
            self._bar.update(self._task, description=f"looking for files: {files}")

    def start(self, total: Totals, before: Totals) -> None:
        """Begin to count.

        Args:
            total: of the job.
            before: done by earlier runs.
        """
        self._began = self._printed = self._clock()
        self.count = Count(total, before)
        self._show()

    def finished(self, file: AnalyzedFile) -> None:
        """Count a file that is done."""
        count = self.count
        count.files += 1
        count.rows += len(file.rows)
        count.bytes += file.size
        count.audio += file.seconds
        count.cpu += file.cpu
        count.failed += file.failed
        self._show()

    def heard(self, seconds: float) -> None:
        """Take the seconds of audio analyzed so far of files that are not done."""
        self.count.current = seconds
        self._show()

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=self._stream, flush=True)

    def _show(self) -> None:
        now = self._clock()
        self.count.elapsed = now - self._began
        if self._bar is not None:
            if now - self._printed < SECONDS_BETWEEN_UPDATES:
                return
            self._printed = now
            total = self.count.total
            done = self.count.before.bytes + self.count.bytes
            self._bar.update(
                self._task,
                total=max(1, total.bytes),
                completed=done,
                description=progress_line(self.count),
            )
        elif now - self._printed >= SECONDS_BETWEEN_LINES:
            self._printed = now
            print(progress_line(self.count), file=self._stream, flush=True)
