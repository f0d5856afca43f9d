"""One HTTP POST for each utterance, signed if there is a secret.

Requests follow Standard Webhooks (https://www.standardwebhooks.com): the headers ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``, and retries with growing pauses.
"""

import base64
import contextlib
import http.client
import socket
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from realtime_ser.events import Event, SpeechEnded
from realtime_ser.live.network_sink import MessageRefusedError, NetworkSink, ReceiverDownError
from realtime_ser.output.json_lines import json_line
from realtime_ser.output.network.addresses import check_resolves, credentials, parse_url, reason
from realtime_ser.output.network.signature import Signer

STEP_SECONDS = 5.0
"""Time limit of connecting, and of every wait for data."""

REQUEST_SECONDS = 10.0
"""Time limit of a whole request: a receiver that sends a byte now and then cannot hold it."""

MOST_ATTEMPTS = 10
"""An utterance that the receiver answered this often with a temporary error is dropped."""

TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed later."""

Request = urllib.request.Request


@dataclass(frozen=True, slots=True)
class Delivery:
    """An utterance to be posted; its ``id`` is the same in every attempt."""

    id: str
    body: bytes


class WebhookSink(NetworkSink[Delivery]):
    """Posts every utterance as JSON: the ``speech_ended`` event.

    An answer of 2xx means delivered. Connection failures, time-outs and temporary answers are
    retried with growing pauses; any other answer drops the utterance. Redirects are not followed.
    Proxies are taken from the environment, as curl does.

    Args:
        url: ``http://`` or ``https://``, with user and password if the receiver asks for them.
        secret: signs the requests; see ``Signer``.
        name: what messages call it.

    Raises:
        SettingsError: the URL or the secret is wrong.
        OutputError: the host is unknown.
    """

    def __init__(self, url: str, secret: str | None = None, name: str = "webhook") -> None:
        parts, address = parse_url(url, "--webhook", {"http": 80, "https": 443})
        self._signer = None if secret is None else Signer(secret)
        netloc = f"[{address.host}]" if ":" in address.host else address.host
        if parts.port is not None:
            netloc += f":{parts.port}"
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?')}" if parts.query else ""
        self._url = f"{parts.scheme}://{netloc}{path}{query}"
        self._headers = dict(_headers(*credentials(parts)))
        if not _has_proxy(parts.scheme, address.host):
            check_resolves(address, "--webhook")
        super().__init__(name, f"{parts.scheme}://{netloc}")
        self._attempts = 0

    def on_event(self, event: Event) -> None:
        """Queue an utterance."""
        if isinstance(event, SpeechEnded):
            body = json_line(event).rstrip("\n").encode()
            self.put(Delivery(f"msg_{uuid.uuid4().hex}", body))

    def send(self, message: Delivery) -> None:
        """Post an utterance.

        Raises:
            ReceiverDownError: it can be tried again.
            MessageRefusedError: it cannot.
        """
        headers = {**self._headers, "webhook-id": message.id}
        timestamp = int(time.time())
        headers["webhook-timestamp"] = str(timestamp)
        if self._signer is not None:
            signature = self._signer.sign(message.id, timestamp, message.body)
            headers["webhook-signature"] = signature
        request = Request(self._url, message.body, headers, method="POST")
        try:
            status, answer_headers = post(request)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ReceiverDownError(f"cannot reach {self.receiver} ({_reason(error)})") from error
        self._judge(status, answer_headers)

    def _judge(self, status: int, headers: Any) -> None:
        if 200 <= status < 300:
            self._attempts = 0
            return
        problem = f"{self.receiver} answers {_status_text(status)}"
        self._attempts += 1
        if status in TEMPORARY and self._attempts < MOST_ATTEMPTS:
            raise ReceiverDownError(problem, _retry_after(headers))
        self._attempts = 0
        raise MessageRefusedError(problem)


def post(request: Request) -> tuple[int, Any]:
    """Send a request and return the status and the headers of the answer, whose body is not read.

    Raises:
        OSError: it failed, or took longer than ``REQUEST_SECONDS``.
        http.client.HTTPException: the answer is no HTTP.
    """
    with _time_limit() as watch:
        opener = urllib.request.build_opener(_KeepStatus, *watch.handlers())
        with opener.open(request, timeout=STEP_SECONDS) as answer:
            return answer.status, answer.headers


class _KeepStatus(urllib.request.HTTPErrorProcessor):
    """Returns every answer as it is: no redirect is followed, no error raised."""

    def http_response(self, request: Request, response: Any) -> Any:
        """Return the answer."""
        return response

    https_response = http_response


class _Watch:
    """Closes the connections of a request when its time is over."""

    def __init__(self) -> None:
        self._connections: list[http.client.HTTPConnection] = []
        self.expired = False

    def handlers(self) -> tuple[urllib.request.BaseHandler, ...]:
        """Return urllib handlers whose connections this object can close."""
        watch = self

        class Http(urllib.request.HTTPHandler):
            def http_open(self, request: Request) -> Any:
                return self.do_open(watch.connection(http.client.HTTPConnection), request)

        class Https(urllib.request.HTTPSHandler):
            def https_open(self, request: Request) -> Any:
                return self.do_open(watch.connection(http.client.HTTPSConnection), request)

        return Http(), Https()

    def connection(self, kind: Any) -> Any:
        """Return a function that creates a connection, and remembers it."""

        def create(*arguments: Any, **options: Any) -> Any:
            connection = kind(*arguments, **options)
            self._connections.append(connection)
            return connection

        return create

    def expire(self) -> None:
        """Shut every connection down, so that whoever reads from it ends."""
        self.expired = True
        for connection in self._connections:
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _time_limit() -> Iterator[_Watch]:
    watch = _Watch()
    timer = threading.Timer(REQUEST_SECONDS, watch.expire)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    except (OSError, http.client.HTTPException, ValueError) as error:
        if watch.expired:
            raise TimeoutError("timed out") from error
        raise
    finally:
        timer.cancel()


def _headers(user: str | None, password: str | None) -> Iterator[tuple[str, str]]:
    from realtime_ser import __version__

    yield "Content-Type", "application/json"
    yield "User-Agent", f"realtime-ser/{__version__}"
    if user is not None:
        token = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
        yield "Authorization", f"Basic {token}"


def _has_proxy(scheme: str, host: str) -> bool:
    return scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)


def _status_text(status: int) -> str:
    text = f"{status} {http.client.responses.get(status, '')}".rstrip()
    return f"{text}; redirects are not followed" if 300 <= status < 400 else text


def _retry_after(headers: Any) -> float:
    """Return the seconds that the header ``Retry-After`` asks for, 0 without one."""
    value = headers.get("Retry-After", "")
    with contextlib.suppress(ValueError, OverflowError):
        return max(0.0, float(value))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return 0.0


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        error = error.reason
    if isinstance(error, http.client.HTTPException):
        return "the answer is not HTTP"
    return reason(error)
