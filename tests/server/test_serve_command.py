"""``realtime-ser serve`` from the command line: what is wrong is one line."""

import socket
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from command_line import call, refused
from running_server import analyzed, running_server, stream_events
from speech_clips import speech

from realtime_ser import Recognizer


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--host", "0.0.0.0"], 2, ["token"]),
        (["--host", "::"], 2, ["token"]),
        (["--host", "no.such.host.invalid", "--token", "long-enough"], 1, ["no.such.host"]),
        (["--host", "192.0.2.1", "--token", "long-enough"], 1, ["192.0.2.1", "--host"]),
        (["--token", "short"], 2, ["5 characters", "8"]),
        (["--token", "with spaces in it"], 2, ["spaces"]),
        (["--certfile", "missing.pem"], 1, ["missing.pem"]),
        (["--keyfile", "key.pem"], 2, ["--certfile"]),
        (["--device", "no such microphone"], 1, []),
        (["--model", "no/such/folder"], 1, ["no/such/folder"]),
        (["--hop", "0.123"], 2, ["hop"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_wrong_is_one_line(arguments: list[str], code: int, words: list[str]) -> None:
    refused(call("serve", "--port", 0, *arguments), code, *words)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(call("serve", "--port", port), 1, f"port {port} is in use", "--port")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "65536"],
        ["--port", "-1"],
        ["--port", "http"],
        ["--max-sessions", "0"],
        ["--max-message", "1.5"],
        ["--idle-timeout", "-1"],
        ["--ping", "0"],
        ["--drain-timeout", "nan"],
        ["--demo", "--device", "2"],
        ["--json"],
        ["file.wav"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str]) -> None:
    run = call("serve", *arguments)
    assert run.returncode == 2
    assert b"Traceback" not in run.stderr


def test_a_certificate_that_is_none_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "text.pem"
    file.write_text("hello")
    refused(call("serve", "--port", 0, "--certfile", file), 1, "text.pem", "PEM")


def test_without_the_extra_it_is_named(tmp_path: Path) -> None:
    blocked = (
        "import sys\n"
        "sys.modules['uvicorn'] = None\n"
        "import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'uvicorn' else found(name, *rest)\n"
        "from realtime_ser.commands import main\n"
        "sys.exit(main(['serve']))\n"
    )
    run = subprocess.run([sys.executable, "-c", blocked], capture_output=True, timeout=120)
    refused(run, 1, "uvicorn", 'pip install "realtime-ser[serve]"')


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, Path]:
    """A certificate of our own for 127.0.0.1, and its key."""
    files = {"certfile": tmp_path / "cert.pem", "keyfile": tmp_path / "key.pem"}
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command += " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    try:
        subprocess.run(
            [*command.split(), "-keyout", files["keyfile"], "-out", files["certfile"]],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return files


def test_tls_serves_the_page_and_streams(
    certificate: dict[str, Path], recognizer: Recognizer
) -> None:
    options = [word for name, path in certificate.items() for word in (f"--{name}", path)]
    trust = ssl.create_default_context(cafile=str(certificate["certfile"]))
    samples = speech("one_utterance")
    with running_server(*options, scheme="https") as server:
        received = stream_events(server, samples.tobytes(), ssl=trust)
        address = f"https://127.0.0.1:{server.port}/"
        with urllib.request.urlopen(address, timeout=60, context=trust) as page:
            assert page.status == 200
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            plain.settimeout(60)
            plain.recv(100)
    assert received.events == analyzed(recognizer, samples)
    assert not [line for line in server.lines if not line.startswith(("realtime-ser: ", "{"))]


def test_a_key_of_another_certificate_is_one_line(
    certificate: dict[str, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    subprocess.run(["openssl", "genrsa", "-out", other], check=True, capture_output=True)
    refused(call("serve", "--certfile", certificate["certfile"], "--keyfile", other), 1, "cert.pem")


def test_a_key_with_a_password_is_one_line(certificate: dict[str, Path], tmp_path: Path) -> None:
    locked = tmp_path / "locked.pem"
    command: list[Any] = ["openssl", "ec", "-aes256", "-passout", "pass:secret"]
    subprocess.run(
        [*command, "-in", certificate["keyfile"], "-out", locked], check=True, capture_output=True
    )
    options = ["--certfile", certificate["certfile"], "--keyfile", locked]
    refused(call("serve", *options), 1, "password")


def test_help_names_every_option() -> None:
    text = call("serve", "--help").stdout.decode()
    names = "host port device demo token origin profiles certfile keyfile log-addresses workers"
    limits = "max-sessions max-message max-events idle-timeout drain-timeout ping"
    for name in f"{names} {limits}".split():
        assert f"--{name}" in text
