"""The options of ``serve``: where it listens, who may connect, and how much they may ask for."""

import argparse
from pathlib import Path

from realtime_ser.commands.option_types import at_least, duration, port, seconds
from realtime_ser.server.options import Limits


def add_serve_options(serve: argparse.ArgumentParser) -> None:
    """Add all options but the settings of recognition."""
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine alone)"
    )
    serve.add_argument(
        "--port", type=port, default=8765, help="port, 0 for any that is free (default 8765)"
    )
    source = serve.add_mutually_exclusive_group()
    source.add_argument(
        "--device",
        nargs="?",
        const="",
        metavar="ID|NAME",
        help="also serve the events of this machine's microphone; the default one without a value",
    )
    source.add_argument("--demo", action="store_true", help="the bundled clip as that microphone")
    _add_access(serve)
    _add_limits(serve)


def _add_access(serve: argparse.ArgumentParser) -> None:
    access = serve.add_argument_group("who may connect")
    access.add_argument(
        "--token", help="secret that clients need (or REALTIME_SER_TOKEN, which ps does not show)"
    )
    access.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="URL",
        help="allow pages of another origin, such as https://example.org; may be repeated",
    )
    access.add_argument("--profiles", action="store_true", help="let clients use profiles")
    access.add_argument("--certfile", type=Path, metavar="PEM", help="certificate, for TLS")
    access.add_argument("--keyfile", type=Path, metavar="PEM", help="its key, if not in there")
    access.add_argument(
        "--log-addresses", action="store_true", help="name the clients' addresses in the log"
    )


def _add_limits(serve: argparse.ArgumentParser) -> None:
    limits = serve.add_argument_group("limits")
    usual = Limits()
    for name, kind, default, meaning in (
        ("--max-sessions", at_least(1), usual.sessions, "open streams and listeners"),
        ("--max-message", at_least(1), usual.message_bytes, "bytes of one message"),
        ("--max-events", at_least(1), usual.events, "events that wait for a slow reader"),
        ("--idle-timeout", duration, usual.idle_seconds, "seconds without a message, 0 for ever"),
        ("--drain-timeout", duration, usual.drain_seconds, "seconds for the last events"),
        ("--ping", seconds, usual.ping_seconds, "seconds in which a client must answer"),
    ):
        limits.add_argument(
            name,
            type=kind,
            default=default,
            metavar="N",
            help=f"{meaning} (default {default:.10g})",
        )
    limits.add_argument(
        "--workers",
        type=at_least(1),
        metavar="N",
        help="processes that recognize (default: the cores)",
    )
