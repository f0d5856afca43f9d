"""Hosts, ports and URLs as the user gives them, checked before a run begins."""

import importlib.util
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from realtime_ser.arguments import shown
from realtime_ser.errors import OutputError, SettingsError


@dataclass(frozen=True, slots=True)
class Address:
    """A host, by name or by IP address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return ``host:port``, with an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, option: str) -> Address:
    """Return the address in ``HOST:PORT`` or ``[IPV6]:PORT``.

    Args:
        text: what the user gave.
        option: its name, for the error.

    Raises:
        SettingsError: it is no such address.
    """
    wrong = SettingsError(f"{option} {shown(text)} is not HOST:PORT", "give e.g. 127.0.0.1:9000")
    if "://" in text or any(char in text for char in "/?#@"):
        raise wrong
    parts = _split(f"//{text}", option, wrong)
    host = _host(parts, wrong)
    port = _port(parts, option, None)
    if port is None:
        raise SettingsError(f"{option} {shown(text)} has no port", "give HOST:PORT")
    return Address(host, port)


def parse_url(text: str, option: str, default_ports: dict[str, int]) -> tuple[SplitResult, Address]:
    """Return a URL's parts, and its host and port.

    Args:
        text: what the user gave.
        option: its name, for the error.
        default_ports: the schemes that are known, and the port of each.

    Raises:
        SettingsError: it is no URL, or its scheme, host or port is wrong. The message does not
            show the URL, which may hold a password.
    """
    schemes = " or ".join(f"{scheme}://" for scheme in default_ports)
    wrong = SettingsError(f"{option} is not a URL with a host", f"give one that begins {schemes}")
    parts = _split(text, option, wrong)
    if parts.scheme not in default_ports:
        scheme = shown(f"{parts.scheme}://") if "://" in text else "no scheme"
        raise SettingsError(f"{option} has {scheme}", f"give a URL that begins {schemes}")
    port = _port(parts, option, default_ports[parts.scheme])
    assert port is not None
    return parts, Address(_host(parts, wrong), port)


def credentials(parts: SplitResult) -> tuple[str | None, str | None]:
    """Return a URL's user and password, with percent escapes resolved."""
    user, password = parts.username, parts.password
    return (
        None if user is None else unquote(user),
        None if password is None else unquote(password),
    )


def check_resolves(address: Address, option: str) -> None:
    """Check that a host's name can be resolved.

    Raises:
        OutputError: it cannot.
    """
    try:
        socket.getaddrinfo(address.host, address.port)
    except OSError as error:
        raise OutputError(
            f"the host {shown(address.host)} of {option} is unknown ({reason(error)})",
            "check its name and the network",
        ) from error


def check_installed(package: str, module: str, option: str, extra: str) -> None:
    """Check that a package of an extra is installed.

    Raises:
        OutputError: it is not.
    """
    if importlib.util.find_spec(module) is None:
        raise OutputError(f"{option} needs {package}", f'pip install "realtime-ser[{extra}]"')


def reason(error: BaseException) -> str:
    """Return what an exception of a connection says, in lower case and without its number."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return f"TLS failed: {error.reason.lower().replace('_', ' ')}"
    text = str(getattr(error, "strerror", None) or error or type(error).__name__)
    return text[:1].lower() + text[1:]


def _split(text: str, option: str, wrong: SettingsError) -> SplitResult:
    if any(not char.isprintable() or char.isspace() for char in text):
        raise SettingsError(f"{option} contains a space or control character", "remove it")
    try:
        return urlsplit(text)
    except ValueError:
        raise wrong from None


def _port(parts: SplitResult, option: str, default: int | None) -> int | None:
    try:
        port = parts.port
    except ValueError:  # not a number, or above 65535
        port = 0
    if port == 0:
        raise SettingsError(f"the port of {option} is not possible", "give 1 to 65535")
    return default if port is None else port


def _host(parts: SplitResult, wrong: SettingsError) -> str:
    if not parts.hostname:
        raise wrong
    try:
        return parts.hostname.encode("idna").decode()
    except UnicodeError:  # also a part of more than 63 characters
        raise wrong from None
