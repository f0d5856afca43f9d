"""``realtime-ser enroll``: learn a voice, from sentences read aloud or from sound files."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from realtime_ser.analysis import analyze, resampled
from realtime_ser.capture.devices import find_input_device
from realtime_ser.capture.file_source import FileSource
from realtime_ser.capture.reconnect import open_microphone
from realtime_ser.capture.stream_source import open_stream
from realtime_ser.commands.common import DONE, FAILED
from realtime_ser.commands.screen import run_app, screen_for_the_terminal
from realtime_ser.errors import RealtimeSerError, SettingsError
from realtime_ser.live.engine import Engine
from realtime_ser.output.format import clock, counted
from realtime_ser.profiles.enrollment import Enrollment, Progress
from realtime_ser.profiles.profile import Profile
from realtime_ser.recognizer import Recognizer
from realtime_ser.settings import Settings
from realtime_ser.signals import handlers_restored
from realtime_ser.standard_streams import check_screen, take_keys_from_terminal


def run(options: argparse.Namespace) -> int:
    """Learn a voice and store it; nothing is stored unless all went well."""
    if options.files and options.device is not None:
        raise SettingsError("--device and files exclude each other", "give one of them")
    settings = Settings(channel="auto" if options.channel is None else options.channel)
    recognizer = Recognizer(options.model, settings)
    enrollment = Enrollment(recognizer.model, settings)
    if options.files:
        _learn_files(enrollment, recognizer, options.files)
    elif code := _learn_live(enrollment, recognizer, options):
        return code
    replaced = enrollment.store(options.profile)
    _report(enrollment.progress, options.profile, replaced)
    return DONE


def _learn_files(enrollment: Enrollment, recognizer: Recognizer, files: Sequence[str]) -> None:
    for file in files:
        source = open_stream(sys.stdin.buffer) if file == "-" else FileSource(Path(file))
        pipeline = recognizer.pipeline()
        enrollment.attach(pipeline)
        blocks = resampled(source, recognizer.settings.channel)
        for event in analyze(blocks, pipeline, file, enrollment.on_audio):
            enrollment.on_event(event)


def _learn_live(enrollment: Enrollment, recognizer: Recognizer, options: argparse.Namespace) -> int:
    """Show the sentences; return an exit code other than 0 if the user leaves before the end."""
    if not sys.stdout.isatty():
        raise RealtimeSerError(
            "the sentences to read need a terminal", "run this in one, or give a sound file"
        )
    check_screen()
    take_keys_from_terminal()
    from realtime_ser.output.terminal.enroll import EnrollApp

    channel = recognizer.settings.channel
    microphone = open_microphone(find_input_device(options.device), reconnect=True, channel=channel)
    pipeline = recognizer.pipeline()
    enrollment.attach(pipeline)
    engine = Engine(microphone, pipeline, sinks=[enrollment])
    app = EnrollApp(engine, enrollment, options.profile)
    with handlers_restored(), screen_for_the_terminal():
        run_app(app, engine)
    if app.return_code == 0 and not enrollment.progress.done:
        print(
            "realtime-ser: enrollment was not finished, so nothing is stored: run it again",
            file=sys.stderr,
        )
        return FAILED
    return app.return_code or DONE


def _report(progress: Progress, name: str, replaced: Profile | None) -> None:
    print(f"Profile {name} knows the voice from {clock(progress.seconds)} of speech.")
    if replaced is not None:
        corrections = len(replaced.corrections)
        corrected = f", and keeps its {counted(corrections)}" if corrections else ""
        print(f"  this replaces what it knew of a voice before{corrected}")
    for kind, count in progress.refused.items():
        print(f"  not used: {counted(count, 'utterance')}, {kind}")
    print(f"Use it: realtime-ser --profile '{name}'")
