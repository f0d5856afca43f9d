"""Who may connect: tokens, and the pages whose scripts may."""

import ipaddress
import secrets
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from realtime_ser.server.options import Access

_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def has_token(connection: HTTPConnection, access: Access) -> bool:
    """Return whether a request may proceed: no token is needed, or it has the right one.

    Tokens are compared in constant time.
    """
    if access.token is None:
        return True
    scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
    given = bearer.strip() if scheme.lower() == "bearer" else connection.query_params.get("token")
    return secrets.compare_digest((given or "").encode(), access.token.encode())


def is_own_origin(connection: HTTPConnection, access: Access) -> bool:
    """Return whether the page that opens a WebSocket may do so.

    Programs other than browsers send no ``Origin`` and pass. A page passes if this server sent it,
    or if its origin is listed. On loopback, the page must also come from a loopback name, so that a
    foreign name that is made to resolve to this machine (DNS rebinding) does not pass.
    """
    origin = connection.headers.get("origin")
    if origin is None or origin in access.origins:
        return True
    try:
        page = urlsplit(origin)
        here = urlsplit(f"//{connection.headers.get('host', '')}")
        if page.scheme not in _DEFAULT_PORTS or not page.hostname:
            return False
        default = _DEFAULT_PORTS[page.scheme]
        same = (page.hostname, page.port or default) == (here.hostname, here.port or default)
    except ValueError:  # a port that is no number
        return False
    return same and (not access.loopback or is_loopback(page.hostname))
