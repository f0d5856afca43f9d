"""The command line: composes the parts, parses options and sets exit codes; nothing else."""

import argparse
import contextlib
import json
import logging
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from logging.handlers import MemoryHandler
from pathlib import Path
from typing import Any, BinaryIO

from realtime_ser.errors import AudioInputError, RealtimeSerError, SettingsError
from realtime_ser.native_output import quiet_c_libraries
from realtime_ser.settings import VAD_MODES, Settings
from realtime_ser.signals import handlers_restored, terminated_cleanly

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

SETTINGS = ("window", "hop", "vad_mode", "threshold")
LIVE_OPTIONS = (
    *("device", "input", "demo", "json", "no_reconnect", "duration", "record", "model"),
    *SETTINGS,
)

EPILOG = """\
examples:
  realtime-ser --demo                    the bundled clip, without a microphone
  realtime-ser --device usb              a microphone whose name contains "usb"
  realtime-ser --json | jq .label        events as JSON Lines for another program
  realtime-ser analyze talk.wav          what was said how, as fast as possible
  realtime-ser doctor                    what stands in the way of live use
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    logging.basicConfig(format="realtime-ser: %(message)s", level=logging.WARNING)
    parser = _parser()
    options = parser.parse_args(arguments)
    _check_placement(parser, options)
    try:
        with terminated_cleanly(), quiet_c_libraries():
            return int(options.run(options))
    except SettingsError as error:
        return _explained(error, WRONG_USAGE)
    except RealtimeSerError as error:
        return _explained(error, FAILED)
    except BrokenPipeError:
        from realtime_ser.output.json_lines import silence_broken_pipe

        silence_broken_pipe()
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED


def _explained(error: RealtimeSerError, code: int) -> int:
    print(f"realtime-ser: {error}", file=sys.stderr)
    return code


# Options.


def _parser() -> argparse.ArgumentParser:
    from realtime_ser import __version__

    parser = argparse.ArgumentParser(
        "realtime-ser",
        description="Shows how likely each of eight emotions is in a voice, live.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"realtime-ser {__version__}")
    parser.set_defaults(run=_live)
    _add_live_options(parser)
    _add_settings(parser)
    commands = parser.add_subparsers(metavar="COMMAND", title="other commands")
    _add_devices(commands)
    _add_analyze(commands)
    _add_doctor(commands)
    _add_bench(commands)
    return parser


def _add_live_options(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--device", metavar="ID|NAME", help="microphone: index, or part of its name"
    )
    source.add_argument(
        "--input", metavar="FILE", help="replay a file, or - for raw s16le 16 kHz mono on stdin"
    )
    source.add_argument("--demo", action="store_true", help="replay the bundled clip")
    parser.add_argument("--json", action="store_true", help="JSON Lines instead of the terminal UI")
    parser.add_argument(
        "--no-reconnect",
        action="store_true",
        help="end when the microphone goes, instead of waiting for its return",
    )
    parser.add_argument("--duration", type=_seconds, metavar="S", help="end after S seconds")
    parser.add_argument(
        "--record", type=Path, metavar="OUT.wav", help="write what is analysed to a WAV file"
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    defaults = Settings()
    parser.add_argument(
        "--window",
        type=_number,
        metavar="S",
        help=f"seconds of speech a prediction looks at (default {defaults.window:g})",
    )
    parser.add_argument(
        "--hop",
        type=_number,
        metavar="S",
        help=f"seconds between predictions (default {defaults.hop:g})",
    )
    parser.add_argument(
        "--vad-mode",
        type=int,
        choices=VAD_MODES,
        help=f"voice activity detector: 0 lets most through, 3 least (default {defaults.vad_mode})",
    )
    parser.add_argument(
        "--threshold",
        type=_number,
        metavar="P",
        help=f"probability below which the label is 'uncertain' (default {defaults.threshold:g})",
    )
    parser.add_argument("--model", metavar="DIR", help="model folder instead of the bundled one")


def _add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], takes: str, summary: str
) -> argparse.ArgumentParser:
    """Add a command that also takes these of the options given before its name.

    Its own options have no defaults, which would undo what was given there.
    """
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, allow_abbrev=False, argument_default=argparse.SUPPRESS
    )
    command.set_defaults(run=run, takes=takes.split(), command=name)
    return command


def _add_devices(commands: Any) -> None:
    devices = _add_command(commands, "devices", _devices, "json", "list the input devices")
    devices.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_analyze(commands: Any) -> None:
    takes = "json window hop vad_mode threshold model"
    summary = "recognize whole files, as fast as possible"
    analyze = _add_command(commands, "analyze", _analyze, takes, summary)
    analyze.add_argument("files", nargs="+", metavar="FILE", help="WAV, FLAC or OGG")
    analyze.add_argument("--json", action="store_true", help="all events as JSON Lines")
    analyze.add_argument(
        "--plot",
        type=Path,
        default=None,
        metavar="OUT.png",
        help="draw one file's analysis to PNG or SVG",
    )
    _add_settings(analyze)


def _add_doctor(commands: Any) -> None:
    summary = "check whether live use works here"
    doctor = _add_command(commands, "doctor", _doctor, "device model json", summary)
    doctor.add_argument("--device", metavar="ID|NAME", help="microphone to check")
    doctor.add_argument("--model", metavar="DIR", help="model folder instead of the bundled one")
    doctor.add_argument("--json", action="store_true", help="one JSON object, for bug reports")


def _add_bench(commands: Any) -> None:
    summary = "measure time, memory and streams on this machine"
    bench = _add_command(commands, "bench", _bench, "model json", summary)
    bench.add_argument("--json", action="store_true", help="one JSON object")
    bench.add_argument(
        "--compare-hub",
        action="store_true",
        default=False,
        help="measure TF Hub's YAMNet as well (train extra)",
    )
    bench.add_argument(
        "--quick",
        action="store_true",
        default=False,
        help="few hops: a trial, not a measurement",
    )
    bench.add_argument("--model", metavar="DIR", help="model folder instead of the bundled one")


def _check_placement(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse options that were given before a command that does not take them."""
    if "takes" not in options:
        return
    for name in LIVE_OPTIONS:
        if getattr(options, name) not in (None, False) and name not in options.takes:
            option = name.replace("_", "-")
            parser.error(f"--{option} does not go with the command {options.command}")


def _number(text: str) -> float:
    with contextlib.suppress(ValueError):
        if math.isfinite(value := float(text)):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")


def _seconds(text: str) -> float:
    value = _number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("give more than 0 seconds")
    return value


def _settings(options: argparse.Namespace) -> Settings:
    chosen = {name: getattr(options, name) for name in SETTINGS}
    return Settings(**{name: value for name, value in chosen.items() if value is not None})


# Commands.


def _live(options: argparse.Namespace) -> int:
    from realtime_ser.engine import Engine
    from realtime_ser.output.recording import Recording
    from realtime_ser.recognizer import Recognizer

    _keep_input(options)
    shows_terminal = sys.stdout.isatty() and not options.json
    pipeline = Recognizer(options.model, _settings(options)).pipeline()
    source = _open_source(options, shows_terminal)
    try:
        recording = Recording(options.record) if options.record else None
    except BaseException:
        source.close()
        raise
    engine = Engine(
        source,
        pipeline,
        recording=recording,
        duration=options.duration,
        reconnect=not options.no_reconnect,
    )
    if shows_terminal:
        return _show_terminal(engine, pipeline.settings, options.duration is not None)
    return _print_events(engine)


def _keep_input(options: argparse.Namespace) -> None:
    """Refuse to record over the file that is being replayed."""
    record, replayed = options.record, options.input and Path(options.input)
    if record and replayed and record.exists() and replayed.exists() and record.samefile(replayed):
        raise SettingsError(f"--record would overwrite {replayed}", "give another name")


def _open_source(options: argparse.Namespace, shows_terminal: bool) -> Any:
    from realtime_ser.capture.sources import FileSource, RawSource
    from realtime_ser.demo import demo_clip

    if options.demo:
        return FileSource(demo_clip())
    if options.input == "-":
        return RawSource(_detached_stdin() if shows_terminal else sys.stdin.buffer)
    if options.input is not None:
        return FileSource(Path(options.input))
    from realtime_ser.capture.devices import find_input_device
    from realtime_ser.capture.reconnect import open_microphone

    return open_microphone(find_input_device(options.device), reconnect=not options.no_reconnect)


def _detached_stdin() -> BinaryIO:
    """Return piped audio on a descriptor of its own, and give the keyboard its place.

    Raises:
        AudioInputError: there is no keyboard.
    """
    audio = os.fdopen(os.dup(0), "rb")
    if audio.isatty():
        return audio
    try:
        keyboard = os.open("CONIN$" if os.name == "nt" else "/dev/tty", os.O_RDWR)
    except OSError as error:
        raise AudioInputError(
            "the terminal UI has no keyboard while audio is piped in", "add --json"
        ) from error
    os.dup2(keyboard, 0)
    os.close(keyboard)
    return audio


def _show_terminal(engine: Any, settings: Settings, ends: bool) -> int:
    from realtime_ser.output.terminal.app import EmotionApp

    with handlers_restored(), _screen_for_the_terminal():
        app = EmotionApp(engine, settings, exit_when_finished=ends)
        engine.start()
        try:
            failure = app.run()
        finally:
            engine.stop()
    if isinstance(failure, RealtimeSerError):
        raise failure
    return app.return_code or DONE


@contextlib.contextmanager
def _screen_for_the_terminal() -> Iterator[None]:
    """Let Textual draw where standard output goes, and hold log lines back until it is done."""
    stderr, handlers = sys.__stderr__, logging.root.handlers[:]
    held_back = MemoryHandler(1000, logging.CRITICAL + 1)
    logging.root.handlers[:] = [held_back]
    if not sys.stderr.isatty():  # Textual draws on standard error, which goes elsewhere
        sys.__stderr__ = sys.stdout  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        sys.__stderr__ = stderr  # type: ignore[misc]
        logging.root.handlers[:] = handlers
        for record in held_back.buffer:
            logging.root.handle(record)


def _print_events(engine: Any) -> int:
    from realtime_ser.output.json_lines import JsonLines

    lines = JsonLines(sys.stdout)
    with contextlib.closing(engine.events()) as events:
        for event in events:
            lines.write(event)
    return DONE


def _devices(options: argparse.Namespace) -> int:
    from realtime_ser.capture.devices import list_input_devices, no_input_device

    devices = list_input_devices()
    if not devices:
        raise no_input_device()
    for device in devices:
        if options.json:
            print(json.dumps(asdict(device)), flush=True)
        else:
            mark = "*" if device.default else " "
            inputs = f"{device.channels} in"
            print(
                f"{mark} {device.index:>3}  {device.name}  ({device.host_api}, {inputs},"
                f" {device.rate:g} Hz)",
                flush=True,
            )
    return DONE


def _analyze(options: argparse.Namespace) -> int:
    from realtime_ser.output.json_lines import JsonLines
    from realtime_ser.output.text import TextLines
    from realtime_ser.recognizer import Recognizer

    if options.plot and len(options.files) > 1:
        raise SettingsError(
            "--plot draws one file", f"give one file instead of {len(options.files)}"
        )
    if options.plot:
        from realtime_ser.output.plot import check_plot_path

        check_plot_path(options.plot)
    recognizer = Recognizer(options.model, _settings(options))
    lines = (JsonLines if options.json else TextLines)(sys.stdout)
    code = DONE
    for name in options.files:
        try:
            _analyze_file(name, recognizer, lines, options.plot)
        except AudioInputError as error:
            code = _explained(error, FAILED)
    return code


def _analyze_file(name: str, recognizer: Any, lines: Any, plot: Path | None) -> None:
    import numpy as np

    from realtime_ser.analysis import analyse, resampled
    from realtime_ser.capture.sources import FileSource

    events: list[Any] = []
    kept: list[Any] = []
    blocks = resampled(FileSource(Path(name)))
    for event in analyse(blocks, recognizer.pipeline(), name, kept.append if plot else None):
        lines.write(event)
        events.append(event)
    if plot:
        from realtime_ser.output.plot import plot_analysis

        plot_analysis(np.concatenate(kept), events, plot, Path(name).name)


def _doctor(options: argparse.Namespace) -> int:
    from realtime_ser.doctor import as_json, as_line, live_use_fails, run_checks, summary

    checks = []
    for check in run_checks(options.device, options.model):
        checks.append(check)
        if not options.json:
            print(as_line(check, sys.stdout.encoding), flush=True)
    print(as_json(checks) if options.json else summary(checks))
    return FAILED if live_use_fails(checks) else DONE


def _bench(options: argparse.Namespace) -> int:
    from realtime_ser.bench.measure import QUICK, THOROUGH, measure, progress_on_terminal
    from realtime_ser.bench.table import as_text

    effort = QUICK if options.quick else THOROUGH
    report = measure(options.model, effort, options.compare_hub, progress_on_terminal())
    print(json.dumps(asdict(report)) if options.json else as_text(report), flush=True)
    return DONE
