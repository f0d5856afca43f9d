"""Webhooks, posted to real HTTP servers: ones that work, fail, hang, lie and want TLS."""

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from network_peers import free_port, hook_server, hostile_server, needs_openssl, self_signed
from speech_clips import SAMPLES
from waiting import wait_until

from realtime_ser import Recognizer, SpeechEnded, SpeechStarted, to_dict
from realtime_ser.capture.file_source import FileSource
from realtime_ser.errors import OutputError, SettingsError
from realtime_ser.live import network_sink
from realtime_ser.live.engine import Engine
from realtime_ser.output.network import webhook
from realtime_ser.output.network.webhook import WebhookSink


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_sink, "FIRST_PAUSE", 0.02)
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(variable, raising=False)


def utterance(number: int = 1) -> SpeechEnded:
    return SpeechEnded(0.5, float(number), "sad", 0.75, {"sad": 0.75, "calm": 0.25})


def started(url: str, secret: str | None = None) -> WebhookSink:
    sink = WebhookSink(url, secret)
    sink.start()
    return sink


def test_every_utterance_of_a_run_is_posted_once(recognizer: Recognizer) -> None:
    with hook_server() as server:
        sink = started(f"http://127.0.0.1:{server.port}/hooks/emotion?room=1")
        source = FileSource(SAMPLES / "three_utterances.flac")
        events = list(Engine(source, recognizer.pipeline(), sinks=[sink]).events())
    expected = [to_dict(event) for event in events if isinstance(event, SpeechEnded)]
    assert [json.loads(post.body) for post in server.posts] == json.loads(json.dumps(expected))
    assert len({post.headers["webhook-id"] for post in server.posts}) == len(expected) >= 3
    assert {post.path for post in server.posts} == {"/hooks/emotion?room=1"}
    assert server.posts[0].headers["content-type"] == "application/json"
    assert server.posts[0].headers["user-agent"].startswith("realtime-ser/")
    assert "webhook-signature" not in server.posts[0].headers
    assert (sink.delivered, sink.dropped, sink.problem) == (len(expected), 0, None)


def test_other_events_are_not_posted() -> None:
    with hook_server() as server:
        sink = started(f"http://127.0.0.1:{server.port}")
        sink.on_event(SpeechStarted(0.1))
        sink.on_event(utterance())
        sink.close()
    assert len(server.posts) == 1


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("correct horse", b"correct horse"),
        ("schl\u00fcssel", "schl\u00fcssel".encode()),
        ("whsec_" + base64.b64encode(b"\0" * 32).decode(), b"\0" * 32),
    ],
)
def test_requests_are_signed(secret: str, key: bytes) -> None:
    with hook_server() as server:
        sink = started(f"http://127.0.0.1:{server.port}/", secret)
        sink.on_event(utterance())
        sink.close()
    post = server.posts[0]
    signed = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode()
    digest = hmac.digest(key, signed + post.body, hashlib.sha256)
    assert post.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert abs(int(post.headers["webhook-timestamp"]) - time.time()) < 60


@pytest.mark.parametrize("secret", ["correct horse", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_the_check_in_the_documents_accepts_them_and_nothing_else(secret: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sinks.md").read_text(encoding="utf-8")
    code = page.partition("<!-- signature check -->\n```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    is_genuine = names["is_genuine"]
    with hook_server() as server:
        sink = started(f"http://127.0.0.1:{server.port}/", secret)
        sink.on_event(utterance())
        sink.close()
    headers, body = server.posts[0].headers, server.posts[0].body
    assert is_genuine(headers, body, secret)
    assert not is_genuine(headers, body + b" ", secret)
    assert not is_genuine(headers, body, "another secret")
    assert not is_genuine({**headers, "webhook-id": "msg_other"}, body, secret)
    old = {**headers, "webhook-timestamp": "1614265330"}
    assert not is_genuine(old, body, secret)


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the reference libraries of Standard Webhooks."""
    from realtime_ser.output.network.signature import Signer

    signer = Signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", sorted(webhook.TEMPORARY))
def test_a_temporary_answer_is_tried_again_with_the_same_id(status: int) -> None:
    with hook_server() as server:
        server.statuses = [status, status, 200]
        sink = started(f"http://127.0.0.1:{server.port}/", "secret")
        sink.on_event(utterance())
        wait_until(lambda: sink.delivered)
        sink.close()
    assert len(server.posts) == 3
    assert len({post.headers["webhook-id"] for post in server.posts}) == 1
    assert (sink.delivered, sink.dropped, sink.problem) == (1, 0, None)


def test_an_utterance_that_always_fails_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "MOST_ATTEMPTS", 3)
    with hook_server() as server:
        server.statuses = [500, 500, 500]
        sink = started(f"http://127.0.0.1:{server.port}/")
        sink.on_event(utterance(1))
        sink.on_event(utterance(2))
        wait_until(lambda: sink.delivered)
        sink.close()
    assert [json.loads(post.body)["end"] for post in server.posts] == [1.0, 1.0, 1.0, 2.0]
    assert (sink.delivered, sink.dropped) == (1, 1)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "400 Bad Request"),
        (401, "401 Unauthorized"),
        (404, "404 Not Found"),
        (410, "410 Gone"),
        (501, "501 Not Implemented"),
        (302, "302 Found; redirects are not followed"),
        (308, "308 Permanent Redirect; redirects are not followed"),
        (299, None),
        (599, "answers 599"),
    ],
)
def test_a_final_answer_is_not_tried_again(status: int, words: str | None) -> None:
    with hook_server() as server:
        server.statuses = [status]
        server.headers = {"Location": f"http://127.0.0.1:{server.port}/elsewhere"}
        sink = started(f"http://127.0.0.1:{server.port}/")
        sink.on_event(utterance())
        wait_until(lambda: sink.delivered + sink.dropped)
        if words is not None:
            assert words in str(sink.problem)
            sink.on_event(utterance(2))
            wait_until(lambda: sink.delivered)
        sink.close()
    assert (sink.delivered, sink.dropped) == (1, int(words is not None))


@pytest.mark.parametrize("value", ["0.4", "date"])
def test_the_receiver_says_how_long_to_wait(value: str) -> None:
    with hook_server() as server:
        server.statuses = [503]
        if value == "date":
            value = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
        server.headers = {"Retry-After": value}
        sink = started(f"http://127.0.0.1:{server.port}/")
        began = time.monotonic()
        sink.on_event(utterance())
        wait_until(lambda: sink.delivered)
        assert time.monotonic() - began > 0.3
        sink.close()


@pytest.mark.parametrize("value", ["soon", "-5", "nan", "", "1e999", "Wed, 99 Foo 9999"])
def test_a_pause_that_makes_no_sense_is_at_most_the_longest(value: str) -> None:
    assert webhook._retry_after({"Retry-After": value}) >= 0


def answer(*pieces: bytes, pause: float = 0.0) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        connection.shutdown(socket.SHUT_RDWR)

    return behave


HOSTILE = {
    "says nothing": lambda connection: time.sleep(60),
    "hangs up at once": lambda connection: connection.shutdown(socket.SHUT_RDWR),
    "sends a byte now and then": answer(*[b"H"] * 1000, pause=0.05),
    "sends headers without end": answer(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 100_000),
    "sends one header without end": answer(b"HTTP/1.1 200 OK\r\nX: ", *[b"y" * 9999] * 1000),
    "is no HTTP server": answer(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "sends binary garbage": answer(bytes(range(256)) * 50),
    "sends a status that is no number": answer(b"HTTP/1.1 OK OK\r\n\r\n"),
}


@pytest.mark.parametrize("behavior", HOSTILE)
def test_a_hostile_receiver_is_reported_and_given_up(
    behavior: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "STEP_SECONDS", 0.5)
    monkeypatch.setattr(webhook, "REQUEST_SECONDS", 1.0)
    monkeypatch.setattr(network_sink, "CLOSE_SECONDS", 0.5)
    with hostile_server(HOSTILE[behavior]) as port:
        sink = started(f"http://127.0.0.1:{port}/")
        sink.on_event(utterance())
        wait_until(lambda: sink.problem)
        assert str(sink.problem).startswith(f"cannot reach http://127.0.0.1:{port} (")
        assert "internal error" not in str(sink.problem)
        began = time.monotonic()
        with pytest.raises(OutputError, match="nothing was delivered"):
            sink.close()
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "behavior",
    [
        answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n", *[b"x"] * 60, pause=1),
        answer(b"HTTP/1.1 200 OK\r\nContent-"),
        answer(b"HTTP/1.0 204\r\n\r\n"),
    ],
    ids=["without end", "cut short", "minimal"],
)
def test_an_answer_counts_once_its_status_is_there(
    behavior: Callable[[socket.socket], None],
) -> None:
    with hostile_server(behavior) as port:
        sink = started(f"http://127.0.0.1:{port}/")
        sink.on_event(utterance())
        wait_until(lambda: sink.delivered)
        sink.close()


def test_a_receiver_that_is_down_at_first_gets_everything_later() -> None:
    port = free_port()
    sink = started(f"http://127.0.0.1:{port}/")
    for number in (1, 2):
        sink.on_event(utterance(number))
    wait_until(lambda: sink.problem)
    assert sink.problem == f"cannot reach http://127.0.0.1:{port} (connection refused)"
    with hook_server(port) as server:
        wait_until(lambda: sink.delivered == 2)
    sink.close()
    assert [json.loads(post.body)["end"] for post in server.posts] == [1.0, 2.0]
    assert sink.dropped == 0


@needs_openssl
def test_tls_needs_a_trusted_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = self_signed(tmp_path)
    with hook_server(tls=(certificate, key)) as server:
        sink = started(f"https://127.0.0.1:{server.port}/")
        sink.on_event(utterance())
        wait_until(lambda: sink.problem)
        assert "certificate verify failed" in str(sink.problem)
        assert not server.posts
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        wait_until(lambda: sink.delivered)
        sink.close()
    assert len(server.posts) == 1


def test_user_and_password_go_into_a_header_and_no_message() -> None:
    with hook_server() as server:
        server.statuses = [404]
        sink = started(f"http://ada:p%40ss@127.0.0.1:{server.port}/")
        sink.on_event(utterance())
        wait_until(lambda: sink.problem)
        sink.on_event(utterance())
        sink.close()
    header = server.posts[0].headers["authorization"]
    assert base64.b64decode(header.removeprefix("Basic ")) == b"ada:p@ss"
    assert "ada" not in sink.receiver


def test_a_path_may_hold_any_letters() -> None:
    with hook_server() as server:
        sink = started(f"http://127.0.0.1:{server.port}/b\u00fcro/%20x?q=\u00fc&a=%2F#part")
        sink.on_event(utterance())
        sink.close()
    assert server.posts[0].path == "/b%C3%BCro/%20x?q=%C3%BC&a=%2F"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "no scheme"),
        ("localhost:8080", "no scheme"),
        ("ftp://localhost/", "'ftp://'"),
        ("mqtt://localhost/", "give a URL that begins http:// or https://"),
        ("http://", "not a URL with a host"),
        ("http:///path", "not a URL with a host"),
        ("http://[::1/", "not a URL with a host"),
        ("http://localhost:0/", "give 1 to 65535"),
        ("http://localhost:65536/", "give 1 to 65535"),
        ("http://localhost/a b", "space or control character"),
        ("http://localhost/\r\nX: y", "space or control character"),
        ("http://user:hunter2@localhost:x/", "give 1 to 65535"),
    ],
)
def test_a_wrong_url_is_refused(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        WebhookSink(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_?", "whsec_abc"])
def test_a_wrong_secret_is_refused(secret: str) -> None:
    with pytest.raises(SettingsError, match="secret"):
        WebhookSink("http://localhost/", secret)


def test_a_host_that_does_not_resolve_is_refused_unless_a_proxy_resolves_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(OutputError, match=r"'nowhere\.invalid' of --webhook is unknown"):
        WebhookSink("http://nowhere.invalid/")
    with hook_server() as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
        sink = started("http://nowhere.invalid/hook")
        sink.on_event(utterance())
        sink.close()
    assert server.posts[0].path == "http://nowhere.invalid/hook"
