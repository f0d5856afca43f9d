"""Small archives for tests, and jobs over them in this process."""

import shutil
from collections.abc import Callable, Generator
from pathlib import Path

from speech_clips import SAMPLES

from realtime_ser import Recognizer
from realtime_ser.archive.analyzer import AnalyzedFile, Engine
from realtime_ser.archive.job import Job, run_job
from realtime_ser.archive.local import analyze_here
from realtime_ser.archive.progress import Count, Progress
from realtime_ser.archive.worklist import Worklist
from realtime_ser.output.table import Row, RowCollector
from realtime_ser.settings import Settings

CLIP = SAMPLES / "short_word.flac"


def make_archive(folder: Path, files: int) -> Path:
    """A folder with copies of a short clip."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        shutil.copy(CLIP, folder / f"clip-{number:03}.flac")
    return folder


def engine_of(recognizer: Recognizer, **settings: float) -> Engine:
    engine = Engine.of(recognizer)
    return Engine(engine.model, engine.fingerprint, Settings(**settings))  # type: ignore[arg-type]


class Runner:
    """Runs in this process, and notes the names of the files it analyzed.

    Args:
        stop_after: raises ``stop`` after so many files.
    """

    def __init__(self, stop_after: int | None = None, stop: BaseException | None = None) -> None:
        self.names: list[str] = []
        self._stop_after = stop_after
        self._stop = stop or KeyboardInterrupt()

    def __call__(
        self, worklist: Worklist, engine: Engine, progress: Progress
    ) -> Generator[AnalyzedFile, None, None]:
        for file in analyze_here(worklist, engine, progress):
            if len(self.names) == self._stop_after:
                raise self._stop
            self.names.append(Path(str(file.rows[0][0])).name)
            yield file


def run(
    out: Path,
    *inputs: Path,
    engine: Engine,
    runner: Callable[..., Generator[AnalyzedFile, None, None]] = analyze_here,
    resume: bool = False,
) -> Count:
    with Progress() as progress:
        return run_job(
            Job([str(path) for path in inputs], "path", out, resume), engine, runner, progress
        )


def analyzed_rows(recognizer: Recognizer, *paths: Path) -> list[Row]:
    """The rows that ``Recognizer.recognize_file`` gives."""
    rows: list[Row] = []
    for path in paths:
        collector = RowCollector(str(path), recognizer.model.manifest)
        recognizer.recognize_file(path, on_event=collector.on_event)
        rows.extend(collector.rows())
    return rows
