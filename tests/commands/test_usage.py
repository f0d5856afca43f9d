"""Options and commands, right and wrong."""

import pytest
from command_line import CLIP, call, events_of, said


def test_live_is_the_default_command() -> None:
    options = ("--input", CLIP, "--hop", "0.12", "--duration", "2")
    default, named = call(*options), call("live", *options)
    assert said(events_of(default.stdout)) == said(events_of(named.stdout))
    updates = [event for event in events_of(default.stdout) if event["event"] == "emotion"]
    assert updates[1]["start"] - updates[0]["start"] == pytest.approx(0.12)


@pytest.mark.parametrize("command", ["analyze", "devices", "doctor", "bench"])
def test_options_before_a_command_are_refused_with_the_right_order(command: str) -> None:
    run = call("--json", command)
    assert run.returncode == 2
    assert run.stderr.decode().splitlines()[-1] == (
        f"realtime-ser: error: options of {command} go after it, and it does not take those of a"
        f" live run: realtime-ser {command} [options]"
    )


def test_a_wrong_command_lists_the_right_ones() -> None:
    run = call("listen")
    assert run.returncode == 2
    for command in ("live", "analyze", "devices", "doctor", "bench"):
        assert command in run.stderr.decode().splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--window", "0.5"],
        ["--hop", "0.123"],
        ["--hop", "nan"],
        ["--threshold", "2"],
        ["--vad-mode", "4"],
        ["--duration", "0"],
        ["--duration", "inf"],
        ["--demo", "--input", "x.wav"],
        ["--demo", "--device", "2"],
        ["--nonsense"],
        ["listen"],
        ["analyze"],
        ["analyze", "a.wav", "b.wav", "--plot", "out.png"],
        ["--demo", "analyze", "a.wav"],
        ["--duration", "3", "devices"],
        ["--no-reconnect", "devices"],
        ["--demo", "bench"],
        ["bench", "--demo"],
        ["devices", "--duration", "3"],
        ["live", "analyze", "a.wav"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    run = call(*arguments)
    assert run.returncode == 2
    assert run.stdout == b""
    assert b"Traceback" not in run.stderr
    assert run.stderr.splitlines()[-1].startswith(b"realtime-ser")


@pytest.mark.parametrize("option", ["--window", "--hop", "--threshold", "--duration"])
@pytest.mark.parametrize("text", ["long", "", "1e999"])
def test_options_that_are_not_numbers_are_named(option: str, text: str) -> None:
    (*_, line) = call("--demo", f"{option}={text}").stderr.decode().splitlines()
    assert line == f"realtime-ser: error: argument {option}: {text!r} is not a finite number"


def test_help_names_every_option_of_the_design() -> None:
    text = call("--help").stdout.decode()
    options = "device input demo json events duration record window hop vad-mode threshold model"
    for option in options.split():
        assert f"--{option}" in text
