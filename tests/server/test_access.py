"""Who may connect: tokens, and the origins of pages."""

import contextlib
import http.client
from collections.abc import Iterator

import pytest
from running_server import RunningServer, receive_all, running_server
from waiting import wait_until
from websockets.exceptions import InvalidStatus

TOKEN = "correct-horse-battery"
LISTED = "https://example.org"


@pytest.fixture(scope="module")
def guarded() -> Iterator[RunningServer]:
    with running_server(
        "--origin", LISTED, "--log-addresses", environment={"REALTIME_SER_TOKEN": TOKEN}
    ) as server:
        yield server


def stops(server: RunningServer, path: str = "/v1/stream", **headers: str) -> int | None:
    """Connect, say stop, and return the close code."""
    with server.connect(path, additional_headers=headers) as connection:
        connection.send('{"type": "stop"}')
        return receive_all(connection).code


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (f"?token={TOKEN}", {}),
        ("", {"Authorization": f"Bearer {TOKEN}"}),
        ("", {"Authorization": f"bearer  {TOKEN}"}),
        ("?token=wrong", {"Authorization": f"Bearer {TOKEN}"}),
    ],
    ids=str,
)
def test_the_right_token_is_let_in(
    guarded: RunningServer, path: str, headers: dict[str, str]
) -> None:
    assert stops(guarded, f"/v1/stream{path}", **headers) == 1000


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("", {}),
        ("?token=", {}),
        (f"?token={TOKEN[:-1]}", {}),
        (f"?token={TOKEN}x", {}),
        (f"?token={TOKEN.upper()}", {}),
        ("?token=%C3%A4%FF", {}),
        ("", {"Authorization": TOKEN}),
        ("", {"Authorization": f"Basic {TOKEN}"}),
        ("", {"Authorization": "Bearer wrong"}),
        (f"?token={TOKEN}", {"Authorization": "Bearer wrong"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("socket", ["/v1/stream", "/v1/events"])
def test_a_wrong_token_is_refused(
    guarded: RunningServer, socket: str, path: str, headers: dict[str, str]
) -> None:
    with guarded.connect(f"{socket}{path}", additional_headers=headers) as connection:
        received = receive_all(connection)
    assert received.error == "unauthorized"
    assert received.code == 1008
    assert TOKEN not in "".join(guarded.lines), "the log holds no secret"


def test_metrics_need_the_token_and_health_does_not(guarded: RunningServer) -> None:
    assert guarded.get("/metrics")[0] == 401
    assert guarded.get(f"/metrics?token={TOKEN}")[0] == 200
    assert guarded.get("/metrics", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert guarded.get("/healthz")[0] == 200


def test_addresses_are_logged_on_request(guarded: RunningServer) -> None:
    before = len(guarded.ended_sessions())
    stops(guarded, f"/v1/stream?token={TOKEN}")
    wait_until(lambda: len(guarded.ended_sessions()) > before)  # logged after the close
    assert guarded.ended_sessions()[-1]["address"] == "127.0.0.1"


def handshake_status(server: RunningServer, host: str, origin: str) -> int:
    """Shake hands under a name of the server's, and return the HTTP status."""
    request = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    headers = {
        "Host": host,
        "Origin": origin,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    with contextlib.closing(request):
        request.request("GET", "/v1/stream", headers=headers)
        return request.getresponse().status


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_the_servers_own_page_may_connect(server: RunningServer, name: str) -> None:
    own = f"{name}:{server.port}"
    assert handshake_status(server, own, f"http://{own}".lower()) == 101


def test_a_listed_origin_may_connect(guarded: RunningServer) -> None:
    assert stops(guarded, f"/v1/stream?token={TOKEN}", Origin=LISTED) == 1000


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://localhost.evil.example:8765",
        "null",
        "file://",
        "http://[",
        "http://127.0.0.1:port",
        LISTED,
    ],
)
@pytest.mark.parametrize("path", ["/v1/stream", "/v1/events"])
def test_a_foreign_origin_is_refused_at_the_handshake(
    server: RunningServer, path: str, origin: str
) -> None:
    with (
        pytest.raises(InvalidStatus) as refused,
        server.connect(path, additional_headers={"Origin": origin}),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_a_foreign_name_that_resolves_to_this_machine_is_refused(server: RunningServer) -> None:
    rebound = f"evil.example:{server.port}"
    assert handshake_status(server, rebound, f"http://{rebound}") == 403
