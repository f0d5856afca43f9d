"""``realtime-ser live``: a microphone, or a file in real time, to the screen or as JSON Lines."""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from realtime_ser.capture.devices import find_input_device
from realtime_ser.capture.file_source import FileSource
from realtime_ser.capture.reconnect import open_microphone
from realtime_ser.capture.sources import Source
from realtime_ser.capture.stream_source import open_stream
from realtime_ser.commands.common import DONE, FAILED, settings_from
from realtime_ser.commands.network_sinks import network_sinks
from realtime_ser.commands.screen import run_app, screen_for_the_terminal
from realtime_ser.demo import demo_clip
from realtime_ser.errors import SettingsError
from realtime_ser.live.engine import Engine
from realtime_ser.live.sinks import Sink
from realtime_ser.output.json_lines import EventFile, JsonLines
from realtime_ser.output.recording import Recording
from realtime_ser.profiles.sink import ProfileSink
from realtime_ser.recognizer import Recognizer
from realtime_ser.settings import Settings
from realtime_ser.signals import handlers_restored
from realtime_ser.standard_streams import check_screen, take_keys_from_terminal


def run(options: argparse.Namespace) -> int:
    """Run live until the source ends, ``--duration`` has passed or the user quits.

    A sink that fails ends alone, with one line in the log; the run goes on and returns 1 at last.
    """
    _check_output_names(options)
    network = network_sinks(options)
    shows_terminal = sys.stdout.isatty() and not options.json
    if shows_terminal:
        check_screen()
    recognizer = Recognizer(options.model, settings_from(options))
    pipeline = recognizer.pipeline()
    with contextlib.ExitStack() as opened:
        stdin = take_keys_from_terminal() if shows_terminal else sys.stdin.buffer
        source = _open_source(options, stdin)
        opened.callback(source.close)
        sinks = _open_sinks(options, opened)
        if options.profile is not None:
            profile = recognizer.use_profile(pipeline, options.profile)
            opened.callback(profile.close)
            sinks.append(profile)
        for sink in network:
            sink.start()
            sinks.append(sink)
        if not shows_terminal:
            sinks.append(JsonLines(sys.stdout))
        engine = Engine(source, pipeline, sinks=sinks, duration=options.duration)
        opened.pop_all()  # the engine closes them
    if shows_terminal:
        return _show_terminal(engine, sinks, pipeline.settings, options)
    with contextlib.closing(engine.events()) as events:
        for _ in events:
            pass
    return exit_code(engine)


def exit_code(engine: Engine) -> int:
    """Return the exit code of a run that has ended: 1 if output that was asked for is missing."""
    return FAILED if engine.sinks.failed else DONE


def _check_output_names(options: argparse.Namespace) -> None:
    """Refuse to write over the file that is replayed, or two outputs to one file."""
    outputs = {"--record": options.record, "--events": options.events}
    for option, path in outputs.items():
        if path and options.input and _same_file(path, Path(options.input)):
            raise SettingsError(f"{option} would overwrite {options.input}", "give another name")
    if options.record and options.events and _same_file(options.record, options.events):
        raise SettingsError(f"--record and --events both name {options.events}", "give two names")


def _same_file(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.absolute() == other.absolute()


def _open_source(options: argparse.Namespace, stdin: BinaryIO) -> Source:
    if options.demo:
        return FileSource(demo_clip())
    if options.input == "-":
        return open_stream(stdin)
    if options.input is not None:
        return FileSource(Path(options.input))
    return open_microphone(
        find_input_device(options.device),
        reconnect=not options.no_reconnect,
        channel=settings_from(options).channel,
    )


def _open_sinks(options: argparse.Namespace, opened: contextlib.ExitStack) -> list[Sink]:
    sinks: list[Sink] = []
    for kind, path in ((Recording, options.record), (EventFile, options.events)):
        if path is not None:
            sink = kind(path)
            opened.callback(sink.close)
            sinks.append(sink)
    return sinks


def _show_terminal(
    engine: Engine, sinks: Sequence[Sink], settings: Settings, options: argparse.Namespace
) -> int:
    from realtime_ser.output.terminal.app import EmotionApp
    from realtime_ser.output.terminal.controls import Controls

    recording = next((sink for sink in sinks if isinstance(sink, Recording)), None)
    profile = next((sink.session for sink in sinks if isinstance(sink, ProfileSink)), None)
    reconnect, channel = not options.no_reconnect, settings.channel
    controls = Controls(engine, recording, profile=profile, reconnect=reconnect, channel=channel)
    with handlers_restored(), screen_for_the_terminal():
        app = EmotionApp(controls, settings, exit_when_finished=options.duration is not None)
        run_app(app, engine)
    return app.return_code or exit_code(engine)
