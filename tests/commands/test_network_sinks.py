"""Live runs that send their events over a network: with peers, without them, and with bad input."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import CLIP, COMMAND, call, events_of, expected_events, refused, said
from network_peers import (
    Mosquitto,
    free_port,
    hook_server,
    hostile_server,
    mosquitto,
    needs_mosquitto,
)
from waiting import wait_until

from realtime_ser.commands import main

pytest.importorskip("pythonosc", reason="the osc extra is not installed")
pytest.importorskip("paho", reason="the mqtt extra is not installed")


@needs_mosquitto
def test_all_outputs_together(tmp_path: Path) -> None:
    events, recording = tmp_path / "events.jsonl", tmp_path / "recording.wav"
    with mosquitto(tmp_path) as broker, hook_server() as server:
        run = call(
            *("--input", CLIP, "--json", "--events", events, "--record", recording),
            *("--osc", f"127.0.0.1:{free_port()}", "--mqtt", f"mqtt://127.0.0.1:{broker.port}"),
            *("--webhook", f"http://127.0.0.1:{server.port}/one", "--webhook-secret", "s"),
            *("--webhook", f"http://127.0.0.1:{server.port}/two"),
        )
    expected = expected_events("one_utterance")
    assert said(events_of(run.stdout)) == expected
    assert events.read_bytes() == run.stdout
    assert recording.stat().st_size > 44
    posts = {post.path: post for post in server.posts}
    assert set(posts) == {"/one", "/two"}
    assert [json.loads(post.body) for post in posts.values()] == [expected[-1]] * 2
    assert all("webhook-signature" in post.headers for post in posts.values())


def test_receivers_that_are_down_do_not_touch_the_output() -> None:
    dead = free_port()
    run = call(
        *("--input", CLIP, "--json", "--mqtt", f"mqtt://127.0.0.1:{dead}"),
        *("--webhook", f"http://127.0.0.1:{dead}"),
    )
    events = events_of(run.stdout)
    assert said(events) == expected_events("one_utterance")
    problem = f"cannot reach the broker at 127.0.0.1:{dead} (connection refused)"
    assert events[-1]["output_problems"]["MQTT output"] == problem
    lines = run.stderr.decode().splitlines()
    assert len([line for line in lines if "nothing was delivered" in line]) == 2
    assert all(line.startswith("realtime-ser: ") for line in lines)
    assert run.returncode == 1, "nothing could ever be delivered"


@needs_mosquitto
def test_a_broker_that_dies_during_the_run_is_no_failure_of_the_run(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    command = [*COMMAND, "--demo", "--duration", "6", "--json"]
    command += ["--mqtt", f"mqtt://127.0.0.1:{broker.port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as live:
        assert live.stdout is not None
        assert live.stdout.readline(), "it runs"
        broker.kill()
        output, errors = live.communicate(timeout=60)
    problems = [event.get("output_problems") for event in events_of(output)]
    assert any(problem and "broker" in problem["MQTT output"] for problem in problems)
    assert b"Traceback" not in errors
    assert live.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for another process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_ends_soon_although_a_receiver_hangs(number: signal.Signals) -> None:
    with hostile_server(lambda connection: time.sleep(120)) as port:
        command = [*COMMAND, "--demo", "--json", "--webhook", f"http://127.0.0.1:{port}"]
        command += ["--mqtt", f"mqtt://127.0.0.1:{port}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as live:
            assert live.stdout is not None
            while b"speech_ended" not in live.stdout.readline():
                pass
            time.sleep(0.5)
            live.send_signal(number)
            began = time.monotonic()
            _, errors = live.communicate(timeout=60)
        assert time.monotonic() - began < 8
        assert live.returncode == 128 + number
        assert b"Traceback" not in errors


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--osc", "localhost"], 2, "has no port"),
        (["--osc", "nowhere.invalid:9000"], 1, "'nowhere.invalid' of --osc is unknown"),
        (["--mqtt", "http://localhost"], 2, "mqtt:// or mqtts://"),
        (["--mqtt", "mqtt://nowhere.invalid"], 1, "'nowhere.invalid' of --mqtt is unknown"),
        (["--webhook", "localhost/x"], 2, "http:// or https://"),
        (["--webhook", "https://nowhere.invalid"], 1, "'nowhere.invalid' of --webhook is unknown"),
        (["--webhook-secret", "s"], 2, "give --webhook too"),
        (["--webhook", "http://localhost", "--webhook-secret", ""], 2, "secret is empty"),
    ],
)
def test_bad_input_is_one_line(options: list[str], code: int, words: str) -> None:
    refused(call("--demo", "--json", *options), code, words)


@pytest.mark.parametrize(
    ("module", "options", "extra"),
    [
        ("pythonosc", ["--osc", "localhost:9000"], "realtime-ser[osc]"),
        ("paho", ["--mqtt", "mqtt://localhost"], "realtime-ser[mqtt]"),
    ],
)
def test_a_missing_extra_is_named(
    module: str,
    options: list[str],
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["--demo", "--json", *options]) == 1
    assert f'pip install "{extra}"' in capsys.readouterr().err


def test_a_secret_in_the_environment_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_SER_WEBHOOK_SECRET", "s")
    with hook_server() as server:
        call("--input", CLIP, "--json", "--webhook", f"http://127.0.0.1:{server.port}")
        wait_until(lambda: server.posts)
    assert "webhook-signature" in server.posts[0].headers
    monkeypatch.setenv("REALTIME_SER_WEBHOOK_SECRET", "")
    refused(call("--demo", "--json", "--webhook", "http://localhost"), 2, "secret is empty")
