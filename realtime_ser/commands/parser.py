"""The options of every command. Called without a command, the program runs ``live``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from realtime_ser.commands.option_types import at_least, channel, number, profile_name, seconds
from realtime_ser.commands.serve_options import add_serve_options
from realtime_ser.errors import printable
from realtime_ser.settings import VAD_MODES, Settings

WEBHOOK_SECRET = "REALTIME_SER_WEBHOOK_SECRET"
"""Environment variable with the secret for ``--webhook``."""

EPILOG = """\
examples:
  realtime-ser --demo                    the bundled clip, without a microphone
  realtime-ser --device usb              a microphone whose name contains "usb"
  realtime-ser --json | jq .label        events as JSON Lines for another program
  realtime-ser analyze talk.wav          emotions in a whole file, as fast as possible
  realtime-ser serve --demo              a page for the browser, and a socket for programs
  realtime-ser doctor                    checks whether live use works here
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are printable, and which raises when its help cannot be written."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))

    def _print_message(self, message: str, file: Any = None) -> None:
        (file or sys.stderr).write(message)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; ``command`` is the name of the command.

    Exits with 2 and a message on standard error if they are wrong, with 0 after ``--help`` and
    ``--version``.

    Raises:
        OSError: the help cannot be written.
    """
    parser, commands = _parser()
    first = arguments[0] if arguments else ""
    if first in ("-h", "--help", "--version") or (first and not first.startswith("-")):
        return parser.parse_args(arguments)
    options, unknown = parser.parse_known_args(["live", *arguments])
    if unknown:
        _refuse(parser, unknown, list(commands.choices))
    return options


def _refuse(parser: argparse.ArgumentParser, unknown: list[str], commands: list[str]) -> NoReturn:
    command = next((word for word in unknown if word in commands), None)
    if command is None:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    parser.error(
        f"options of {command} go after it, and it does not take those of a live run:"
        f" realtime-ser {command} [options]"
    )


def _parser() -> tuple[argparse.ArgumentParser, Any]:
    """Return the parser and its commands."""
    from realtime_ser import __version__

    parser = _Parser(
        "realtime-ser",
        description="Shows how likely each of eight emotions is in a voice, live.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"realtime-ser {__version__}")
    _add_live_options(parser)  # for its help; ``parse`` gives them to the command ``live``
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    live = _add_command(commands, "live", "listen to a microphone, or replay a file (the default)")
    live.prog = parser.prog
    _add_live_options(live)
    _add_analyze(commands)
    _add_archive(commands)
    _add_serve(commands)
    _add_devices(commands)
    _add_doctor(commands)
    _add_bench(commands)
    _add_profile(commands)
    _add_enroll(commands)
    return parser, commands


def _add_command(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, allow_abbrev=False)
    return command


def _add_live_options(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    _add_device(source)
    source.add_argument(
        "--input",
        metavar="FILE",
        help="replay a file, or - for a sound file or raw s16le 16 kHz mono on stdin",
    )
    source.add_argument(
        "--demo", action="store_true", help="replay the bundled clip, a synthetic voice"
    )
    parser.add_argument("--json", action="store_true", help="JSON Lines instead of the terminal UI")
    parser.add_argument(
        "--events", type=Path, metavar="FILE", help="also write the events to a file as JSON Lines"
    )
    parser.add_argument(
        "--record", type=Path, metavar="OUT.wav", help="write the analyzed audio to a WAV file"
    )
    _add_network_sinks(parser)
    parser.add_argument("--duration", type=seconds, metavar="S", help="end after S seconds")
    _add_profile_name(parser, "continue with what was learned of a voice, and store what is")
    parser.add_argument(
        "--no-reconnect",
        action="store_true",
        help="end when the microphone is lost, instead of waiting for its return",
    )
    _add_settings(parser)


def _add_network_sinks(parser: argparse.ArgumentParser) -> None:
    """Add the options of outputs that cross a network; each may be given several times."""
    parser.add_argument(
        "--osc",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="also send the events as OSC messages over UDP",
    )
    parser.add_argument(
        "--mqtt",
        action="append",
        default=[],
        metavar="URL",
        help="also publish the state to a broker: mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC]",
    )
    parser.add_argument(
        "--webhook",
        action="append",
        default=[],
        metavar="URL",
        help="also post every utterance to this address, http:// or https://",
    )
    parser.add_argument(
        "--webhook-secret",
        metavar="SECRET",
        help=f"sign the posts; better given in {WEBHOOK_SECRET}, which other users cannot see",
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    defaults = Settings()
    parser.add_argument(
        "--window",
        type=number,
        metavar="S",
        help=f"seconds of speech that a prediction covers (default {defaults.window:g})",
    )
    parser.add_argument(
        "--hop",
        type=number,
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
        type=number,
        metavar="P",
        help="probability below which the label is 'uncertain' (default: the model's)",
    )
    _add_channel(parser)
    parser.add_argument(
        "--no-adapt", action="store_true", help="do not adapt to the voice while it speaks"
    )
    _add_model(parser)


def _add_device(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--device", metavar="ID|NAME", help="microphone: index, or part of its name"
    )


def _add_channel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel",
        type=channel,
        metavar="N|mix",
        help="channel to hear, or their mean (default: the mean unless it loses a voice)",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="DIR", help="model folder instead of the bundled one")


def _add_analyze(commands: Any) -> None:
    analyze = _add_command(commands, "analyze", "recognize whole files, as fast as possible")
    analyze.add_argument(
        "files", nargs="+", metavar="FILE", help="WAV, FLAC, OGG or MP3; - for stdin"
    )
    analyze.add_argument("--json", action="store_true", help="all events as JSON Lines")
    analyze.add_argument(
        "--plot", type=Path, metavar="OUT.png", help="draw one file's analysis to PNG or SVG"
    )
    analyze.add_argument(
        "--out", type=Path, metavar="FILE", help="write a table: FILE.csv, .jsonl or .parquet"
    )
    _add_settings(analyze)


def _add_archive(commands: Any) -> None:
    archive = _add_command(commands, "archive", "recognize an archive of files of any size")
    archive.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="folder, file, pattern, CSV or Parquet file with a column of paths, s3:// or gs://",
    )
    archive.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        required=True,
        help="the table to write: FILE.parquet, .csv or .jsonl",
    )
    archive.add_argument(
        "--column",
        default="path",
        metavar="NAME",
        help="column of paths in a CSV or Parquet file (default path)",
    )
    archive.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="use a running Ray cluster: HOST:PORT of its head, or auto for this machine's",
    )
    archive.add_argument(
        "--workers",
        type=at_least(1),
        metavar="N",
        help="processes that analyze (default and most: one less than there are processors)",
    )
    archive.add_argument(
        "--resume", action="store_true", help="go on with an interrupted run of the same command"
    )
    _add_settings(archive)


def _add_serve(commands: Any) -> None:
    serve = _add_command(commands, "serve", "serve a page for browsers and a socket for programs")
    add_serve_options(serve)
    _add_settings(serve)


def _add_devices(commands: Any) -> None:
    devices = _add_command(commands, "devices", "list the input devices")
    devices.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_doctor(commands: Any) -> None:
    doctor = _add_command(commands, "doctor", "check whether live use works here")
    doctor.add_argument("--device", metavar="ID|NAME", help="microphone to check")
    doctor.add_argument("--json", action="store_true", help="one JSON object, for bug reports")
    _add_model(doctor)


def _add_bench(commands: Any) -> None:
    bench = _add_command(commands, "bench", "measure time, memory and streams on this machine")
    bench.add_argument("--json", action="store_true", help="one JSON object")
    bench.add_argument("--quick", action="store_true", help="few hops: a trial, not a measurement")
    _add_model(bench)


def _add_profile(commands: Any) -> None:
    profile = _add_command(commands, "profile", "list, show or forget what was learned of voices")
    actions = profile.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, summary in (
        ("list", "the stored profiles"),
        ("show", "what is stored of one voice, and where"),
        ("forget", "delete a profile, with everything that belongs to it"),
    ):
        parser = _add_command(actions, action, summary)
        if action != "list":
            parser.add_argument("name", type=profile_name, metavar="NAME", help="of the profile")
        parser.add_argument("--json", action="store_true", help="one JSON object a profile")


def _add_enroll(commands: Any) -> None:
    enroll = _add_command(commands, "enroll", "learn a voice from half a minute of speech")
    _add_profile_name(enroll, "name of the voice", required=True)
    enroll.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="sound files instead of the microphone; - for stdin",
    )
    _add_device(enroll)
    _add_channel(enroll)
    _add_model(enroll)


def _add_profile_name(
    parser: argparse.ArgumentParser, summary: str, *, required: bool = False
) -> None:
    parser.add_argument(
        "--profile", type=profile_name, metavar="NAME", help=summary, required=required
    )
