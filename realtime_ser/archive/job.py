"""A whole archive: find the files, analyze what is not done, merge the parts into the result."""

import contextlib
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.archive.analyzer import AnalyzedFile, Engine
from realtime_ser.archive.inputs import READABLE_ENDINGS, find_files
from realtime_ser.archive.parts import Parts
from realtime_ser.archive.progress import Count, Progress
from realtime_ser.archive.worklist import Worklist
from realtime_ser.errors import AudioInputError, OutputError, RealtimeSerError
from realtime_ser.output.paths import unwritable

Runner = Callable[[Worklist, Engine, Progress], Generator[AnalyzedFile, None, None]]
"""Analyzes all pending files of a worklist and yields their results, in any order.

Whoever takes a result marks its file as done in the worklist before the next one is asked for.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What to do.

    Attributes:
        inputs: paths, patterns, lists and addresses.
        column: of lists.
        out: the table to write.
        resume: go on with the parts of an interrupted run.
    """

    inputs: Sequence[str]
    column: str
    out: Path
    resume: bool

    @property
    def folder(self) -> Path:
        """Where the parts lie until the result is complete."""
        return self.out.with_name(f"{self.out.name}.job")


def run_job(job: Job, engine: Engine, runner: Runner, progress: Progress) -> Count:
    """Analyze an archive and write its table; return what was done.

    The parts of a run that does not reach its end stay in ``job.folder``.

    Raises:
        RealtimeSerError: the inputs cannot be read, the table cannot be written, or workers fail.
    """
    parts = Parts(job.folder, job.out)
    with _opened(job, parts, engine) as worklist:
        _find(job, worklist, progress)
        worklist.mark_done(parts.keys())
        progress.start(worklist.totals(), worklist.totals(done=True))
        with contextlib.closing(runner(worklist, engine, progress)) as results:
            _store(results, parts, worklist, progress)
        parts.merge(worklist.claim)
        if missing := worklist.unclaimed():
            raise RealtimeSerError(
                f"{missing} files have no result", "run the same command with --resume"
            )
    shutil.rmtree(job.folder, ignore_errors=True)
    return progress.count


@contextlib.contextmanager
def _opened(job: Job, parts: Parts, engine: Engine) -> Iterator[Worklist]:
    """Create and lock the job's folder; one without parts is deleted at the end."""
    finished = parts.paths()
    if finished and not job.resume:
        raise OutputError(
            f"{job.folder} holds the results of an interrupted run",
            "add --resume to go on, or delete the folder to begin again",
        )
    try:
        job.folder.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(job.folder, error) from error
    with contextlib.closing(
        Worklist(job.folder / "files.sqlite", engine.configuration)
    ) as worklist:
        try:
            yield worklist
        finally:
            worklist.close()
            if not parts.paths():
                shutil.rmtree(job.folder, ignore_errors=True)


def _find(job: Job, worklist: Worklist, progress: Progress) -> None:
    """Fill the worklist."""
    for count in worklist.add(find_files(job.inputs, job.column)):
        progress.looked_at(count)
    if not worklist.totals().files:
        raise AudioInputError(
            f"there are no sound files in {', '.join(job.inputs)[:200]}",
            f"files in folders must end in {', '.join(READABLE_ENDINGS)}",
        )


def _store(
    results: Iterable[AnalyzedFile], parts: Parts, worklist: Worklist, progress: Progress
) -> None:
    try:
        for file in results:
            parts.add(file)
            worklist.mark_done([file.key])
            progress.finished(file)
    finally:
        parts.flush()
