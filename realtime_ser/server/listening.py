"""The listening socket and its certificate, with one clear line for whatever is wrong."""

import errno
import socket
import ssl
import sys
from pathlib import Path

from realtime_ser.errors import RealtimeSerError, SettingsError

SEND_BUFFER_BYTES = 1 << 16
"""What the system buffers of a connection's events, so that thousands of slow readers cost little.

A stream sends about 2 kB a second.
"""


RECEIVE_BUFFER_BYTES = 1 << 18
"""What the system buffers of a connection's audio: 8 s of 16 kHz mono.

More would only delay whatever comes behind the audio of a client that is held back.
"""


def listen_on(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        RealtimeSerError: the address is unknown, or the port is taken or not allowed.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise RealtimeSerError(
            f"there is no host {host!r}", "give --host an address or name of this machine"
        ) from error
    family, *_, address = min(addresses, key=lambda found: found[0] != socket.AF_INET)
    try:
        listening = socket.create_server(address[:2], family=family)
    except OSError as error:
        raise _refused(host, port, error) from error
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    return listening


def _refused(host: str, port: int, error: OSError) -> RealtimeSerError:
    if error.errno == errno.EADDRINUSE:
        return RealtimeSerError(
            f"port {port} is in use", "give another with --port, or 0 for any that is free"
        )
    if error.errno == errno.EACCES:
        return RealtimeSerError(
            f"port {port} is not allowed for this user", "give --port 1024 or above"
        )
    reason = (error.strerror or str(error)).lower()
    return RealtimeSerError(
        f"cannot listen on {host} ({reason})", "give --host an address of this machine"
    )


def tls_context(certfile: Path | None, keyfile: Path | None) -> ssl.SSLContext | None:
    """Return the context of a server with this certificate, ``None`` without one.

    Raises:
        SettingsError: there is a key without a certificate.
        RealtimeSerError: a file is missing or does not hold what it should.
    """
    if certfile is None:
        if keyfile is not None:
            raise SettingsError("--keyfile has no certificate", "add --certfile")
        return None
    for path in (certfile, keyfile):
        if path is not None and not path.is_file():
            raise RealtimeSerError(f"there is no file {path}", "give a PEM file")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certfile, keyfile, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise RealtimeSerError(
            f"the certificate {certfile} and its key cannot be used ({_reason(error)})",
            "give --certfile and --keyfile that belong together, PEM, without a password",
        ) from error
    return context


def _no_password() -> str:
    raise ValueError("the key has a password")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return str(error)


def allow_many_connections() -> int:
    """Raise this process's limit of open files as far as it may: a connection takes one.

    Returns:
        The limit.
    """
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft < hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit
