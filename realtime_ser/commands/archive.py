"""``realtime-ser archive``: an archive of any size, in this process or on Ray, to one table."""

import argparse
import functools
import importlib.util
import os
import sys

from realtime_ser.archive.analyzer import Engine
from realtime_ser.archive.cluster import usable_processors
from realtime_ser.archive.job import Job, Runner, run_job
from realtime_ser.archive.local import analyze_here
from realtime_ser.archive.progress import Count, Progress
from realtime_ser.commands.common import DONE, FAILED, print_error, settings_from
from realtime_ser.errors import RealtimeSerError
from realtime_ser.output.format import clock
from realtime_ser.output.table_file import check_table_path
from realtime_ser.recognizer import Recognizer


def run(options: argparse.Namespace) -> int:
    """Analyze all files into one table; a bad file is a row with its error."""
    job = Job(options.paths, options.column, options.out, options.resume)
    check_table_path(job.out, job.inputs)
    if job.resume and job.out.exists() and not job.folder.exists():
        print(f"{job.out} is complete: leave out --resume to compute it again", file=sys.stderr)
        return DONE
    engine = Engine.of(Recognizer(options.model, settings_from(options)))
    runner = _runner(options)
    with Progress() as progress:
        try:
            count = run_job(job, engine, runner, progress)
        except (KeyboardInterrupt, SystemExit):
            _say_how_to_go_on(job, progress)
            raise
        except RealtimeSerError:
            _say_how_to_go_on(job, progress)
            raise
    return _summary(job, count)


def _runner(options: argparse.Namespace) -> Runner:
    """Choose between this process and Ray, which needs a third processor to be of use."""
    address = options.ray or os.environ.get("RAY_ADDRESS")
    processors = usable_processors()
    if address is None and (processors <= 2 or options.workers == 1):
        if options.workers not in (None, 1):
            print(f"one process, without Ray: {processors} processors", file=sys.stderr)
        return analyze_here
    if importlib.util.find_spec("ray") is None:
        raise RealtimeSerError(
            "several workers need Ray", 'pip install "realtime-ser[archive]", or use --workers 1'
        )
    from realtime_ser.archive.on_ray import analyze_on_ray

    return functools.partial(analyze_on_ray, address=address, workers=options.workers)


def _say_how_to_go_on(job: Job, progress: Progress) -> None:
    done = progress.count.before.files + progress.count.files
    if job.folder.exists() and done:
        progress.say(
            f"realtime-ser: {done} of {progress.count.total.files} files are done:"
            " run the same command with --resume to go on"
        )


def _summary(job: Job, count: Count) -> int:
    """Print what was done; fail only if no file at all could be read."""
    files = count.before.files + count.files
    line = f"{job.out}: {files} file{'s' if files != 1 else ''}"
    if count.before.files:
        line += f", {count.files} of them now"
    line += f", {count.audio / 3600:.2f} h of audio in {clock(count.elapsed)}"
    line += f" ({count.rate:.0f} × real time"
    line += f", {3600 * count.cpu / count.audio:.0f} s of CPU an hour)" if count.audio else ")"
    if count.failed:
        line += f", {count.failed} with errors, see the column 'error'"
    print(line, file=sys.stderr)
    if count.failed == files:
        return print_error(
            RealtimeSerError("no file could be read to its end", f"see the errors in {job.out}"),
            FAILED,
        )
    return DONE
