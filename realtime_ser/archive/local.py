"""An archive in this process, one file after the other, without Ray."""

from collections.abc import Generator

from realtime_ser.archive.analyzer import AnalyzedFile, Analyzer, Engine
from realtime_ser.archive.progress import Progress
from realtime_ser.archive.worklist import Worklist

TASKS_AT_ONCE = 1000
"""Tasks that are held in memory."""


def analyze_here(
    worklist: Worklist, engine: Engine, progress: Progress
) -> Generator[AnalyzedFile, None, None]:
    """Analyze all pending files, in their order.

    Raises:
        ModelError: the model folder cannot be used.
    """
    analyzer = Analyzer(engine)
    while tasks := worklist.pending(TASKS_AT_ONCE):
        for task in tasks:
            file = analyzer.analyze(task, progress.heard)
            progress.count.current = 0.0
            yield file
