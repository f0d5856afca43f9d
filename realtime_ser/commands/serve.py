"""``realtime-ser serve``: recognition over WebSockets, and a page for the browser."""

import argparse
import contextlib
import importlib.util
import os
import sys
from dataclasses import replace

from realtime_ser.capture.sources import Source
from realtime_ser.commands.common import DONE, INTERRUPTED, settings_from
from realtime_ser.errors import RealtimeSerError, SettingsError
from realtime_ser.server.options import Access, Limits, ServerOptions, cores

TOKEN_VARIABLE = "REALTIME_SER_TOKEN"
SHORTEST_TOKEN = 8

OTHER_FILES = 64
"""Open files that are no sessions: libraries, workers, metrics, clients that are refused."""

DEFAULT_MICROPHONE = ""
"""Value of ``--device`` without a value."""

_EXTRA = ("prometheus_client", "starlette", "uvicorn", "websockets")


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    check_installed()
    from realtime_ser.server.access import is_loopback
    from realtime_ser.server.listening import allow_many_connections, listen_on, tls_context
    from realtime_ser.server.run import serve

    loopback = is_loopback(options.host)
    access = Access(_token(options, loopback), tuple(options.origin), loopback, options.profiles)
    server_options = _server_options(options, access)
    certificate = tls_context(options.certfile, options.keyfile)
    server_options = _within_open_files(server_options, allow_many_connections())
    with contextlib.ExitStack() as opened:
        listening = opened.enter_context(listen_on(options.host, options.port))
        source = _open_source(options)
        if source is not None:
            opened.callback(source.close)
        address = f"{_in_url(options.host)}:{listening.getsockname()[1]}"
        interrupted = serve(
            server_options,
            listening,
            certificate=certificate,
            source=source,
            announce=lambda: _announce(address, access, secure=certificate is not None),
        )
    return INTERRUPTED if interrupted else DONE


def check_installed() -> None:
    """Check that the ``serve`` extra is installed.

    Raises:
        RealtimeSerError: it is not.
    """
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise RealtimeSerError(
            f"the server needs {', '.join(missing)}", 'pip install "realtime-ser[serve]"'
        )


def _server_options(options: argparse.Namespace, access: Access) -> ServerOptions:
    limits = Limits(
        sessions=options.max_sessions,
        message_bytes=options.max_message,
        idle_seconds=options.idle_timeout,
        events=options.max_events,
        drain_seconds=options.drain_timeout,
        ping_seconds=options.ping,
    )
    return ServerOptions(
        options.model,
        settings_from(options),
        options.workers or cores(),
        limits,
        access,
        options.log_addresses,
    )


def _within_open_files(options: ServerOptions, open_files: int) -> ServerOptions:
    """Return options with no more sessions than there may be open files; say so if that is fewer.

    Args:
        options: as given.
        open_files: that this process may have.
    """
    most = max(open_files - OTHER_FILES, 1)
    if options.limits.sessions <= most:
        return options
    print(
        f"realtime-ser: this user may have {open_files} open files, enough for {most} sessions:"
        f" raise that limit (ulimit -n), or give --max-sessions {most}",
        file=sys.stderr,
    )
    return replace(options, limits=replace(options.limits, sessions=most))


def _token(options: argparse.Namespace, loopback: bool) -> str | None:
    """Return the token that clients need, ``None`` for none.

    Raises:
        SettingsError: beyond loopback there is none, or it cannot be used.
    """
    token: str | None = options.token or os.environ.get(TOKEN_VARIABLE) or None
    if token is None:
        if loopback:
            return None
        raise SettingsError(
            f"--host {options.host} lets other machines in, so a token is needed",
            f"give --token, or set {TOKEN_VARIABLE}",
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError("the token has spaces or special characters", "use letters and digits")
    if len(token) < SHORTEST_TOKEN:
        raise SettingsError(
            f"a token of {len(token)} characters is easily guessed",
            f"give at least {SHORTEST_TOKEN}",
        )
    return token


def _open_source(options: argparse.Namespace) -> Source | None:
    """Return the server's own microphone or clip, ``None`` where it has none."""
    if options.demo:
        from realtime_ser.demo import demo_clip
        from realtime_ser.server.repeated import RepeatedFile

        return RepeatedFile(demo_clip())
    if options.device is None:
        return None
    from realtime_ser.capture.devices import find_input_device
    from realtime_ser.capture.reconnect import open_microphone

    device = None if options.device == DEFAULT_MICROPHONE else options.device
    channel = settings_from(options).channel
    return open_microphone(find_input_device(device), reconnect=True, channel=channel)


def _announce(address: str, access: Access, *, secure: bool) -> None:
    """Say where the page is, and what keeps others from using it."""
    letter = "s" if secure else ""
    say = [f"realtime-ser: open http{letter}://{address}/ in a browser; Ctrl-C ends the server"]
    say.append(f"realtime-ser: programs connect to ws{letter}://{address}/v1/stream")
    if access.token is not None:
        say.append("realtime-ser: clients need the token; for the page, add /?token=… to its URL")
    if not access.loopback and not secure:
        say.append(
            "realtime-ser: browsers on other machines give a page the microphone only over https:"
            " add --certfile"
        )
    print("\n".join(say), file=sys.stderr, flush=True)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
