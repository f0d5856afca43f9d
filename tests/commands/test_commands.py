"""The command as a subprocess, as a user or another program runs it."""

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from speech_clips import SAMPLES, speech

from realtime_ser import LABELS, Recognizer, to_dict

CLIP = SAMPLES / "one_utterance.flac"
COMMAND = [sys.executable, "-m", "realtime_ser"]


def call(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, timeout=60, check=False, **options
    )


def events_of(output: bytes) -> list[dict[str, Any]]:
    """Every line is a JSON object, or the test fails."""
    return [json.loads(line) for line in output.splitlines()]


def said(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] not in ("health", "file")]


def refused(run: subprocess.CompletedProcess[bytes], code: int, *words: str) -> str:
    """One clear line on stderr, nothing on stdout, no traceback."""
    message = run.stderr.decode()
    assert run.returncode == code, message
    assert run.stdout == b""
    assert message.count("\n") == 1, message
    assert message.startswith("realtime-ser: ")
    assert re.search(": .+: ", message), "what was wrong, and what to do"
    for word in words:
        assert word in message
    return message


def expected_events(name: str) -> list[dict[str, Any]]:
    events = Recognizer().recognize(speech(name), 16_000).events
    return json.loads(json.dumps([to_dict(event) for event in events]))  # type: ignore[no-any-return]


def test_paced_input_analyze_stdin_and_python_agree() -> None:
    expected = expected_events("one_utterance")
    paced = call("--input", CLIP)
    piped = call("--input", "-", "--json", input=speech("one_utterance").tobytes())
    analyzed = call("analyze", "--json", CLIP)
    for run in (paced, piped, analyzed):
        assert run.returncode == 0
        assert run.stderr == b""
        assert said(events_of(run.stdout)) == expected


def test_events_follow_the_contract() -> None:
    events = events_of(call("analyze", "--json", CLIP).stdout)
    keys = {
        "speech_started": ["event", "time"],
        "emotion": [
            "event",
            "start",
            "end",
            "label",
            "confidence",
            "probabilities",
            "frame_probabilities",
        ],
        "speech_ended": ["event", "start", "end", "label", "confidence", "probabilities"],
        "file": ["event", "path", "duration", "label", "confidence", "probabilities"],
    }
    for event in events:
        assert list(event) == keys[event["event"]]
    assert events[-1]["event"] == "file"
    assert events[-1]["path"] == str(CLIP)
    assert events[-1]["duration"] == pytest.approx(soundfile.info(CLIP).duration, abs=1e-4)
    assert list(events[-1]["probabilities"]) == list(LABELS)


def test_health_follows_the_contract() -> None:
    health = [each for each in events_of(call("--input", CLIP).stdout) if each["event"] == "health"]
    assert list(health[-1]) == [
        "event",
        "time",
        "overflows",
        "lost_samples",
        "lag_ms",
        "input_dbfs",
    ]
    assert health[-1]["overflows"] == health[-1]["lost_samples"] == 0


def test_the_demo_needs_neither_portaudio_nor_network(tmp_path: Path) -> None:
    blocked = "import socket, sys; sys.modules['sounddevice'] = None; del socket.socket\n"
    code = blocked + "from realtime_ser.commands import main; sys.exit(main())"
    run = subprocess.run(
        [sys.executable, "-c", code, "--demo", "--duration", "2"],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert events_of(run.stdout)[0]["event"] == "speech_started"


def test_analyze_prints_text_for_people() -> None:
    run = call("analyze", CLIP, SAMPLES / "three_utterances.flac")
    lines = run.stdout.decode().splitlines()
    assert len(lines) == 1 + 1 + 3 + 1
    assert "one_utterance.flac" in lines[1]


def test_a_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    run = call("analyze", "--json", tmp_path / "missing.wav", CLIP)
    assert run.returncode == 1
    assert [each["event"] for each in events_of(run.stdout)][-1] == "file"
    assert run.stderr.count(b"\n") == 1
    assert b"missing.wav" in run.stderr


def test_record_writes_what_was_analysed(tmp_path: Path) -> None:
    run = call("--input", CLIP, "--record", tmp_path / "out.wav")
    recorded, rate = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert rate == 16_000
    np.testing.assert_array_equal(recorded, speech("one_utterance"))
    again = call("analyze", "--json", tmp_path / "out.wav")
    assert said(events_of(again.stdout)) == said(events_of(run.stdout))


def test_plot_draws_one_file(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the plot extra is not installed")
    run = call("analyze", CLIP, "--plot", tmp_path / "out.png")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_every_line_is_flushed_at_once() -> None:
    with subprocess.Popen([*COMMAND, "--demo"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert process.poll() is None, "the first line comes while the clip still plays"
        process.kill()
    assert first["event"] == "speech_started"


def test_a_closed_pipe_ends_quietly() -> None:
    process = subprocess.Popen(
        [*COMMAND, "--demo", "--hop", "0.01"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signals_leave_a_whole_recording(tmp_path: Path, number: int, code: int) -> None:
    path = tmp_path / "out.wav"
    process = subprocess.Popen(
        [*COMMAND, "--demo", "--record", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert errors == b""
    assert output.endswith(b"}\n") or output == b""
    recorded, _ = soundfile.read(path, dtype="int16")
    clip, _ = soundfile.read(
        Path(__file__).parents[2] / "realtime_ser" / "demo" / "demo.flac", dtype="int16"
    )
    assert len(recorded) > 16_000
    np.testing.assert_array_equal(recorded, clip[: len(recorded)])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.wav", None, "missing.wav"),
        ("empty.wav", b"", "empty"),
        ("text.wav", b"this is not audio at all", "text.wav"),
    ],
)
def test_files_that_are_no_audio(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    for arguments in (["analyze", tmp_path / name], ["--input", tmp_path / name]):
        refused(call(*arguments), 1, words)


def test_a_folder_a_clip_of_no_length_and_one_cut_off(tmp_path: Path) -> None:
    refused(call("analyze", tmp_path), 1, "folder")
    soundfile.write(tmp_path / "none.wav", np.empty(0, np.int16), 16_000)
    refused(call("analyze", tmp_path / "none.wav"), 1, "none.wav")
    content = CLIP.read_bytes()
    (tmp_path / "cut.flac").write_bytes(content[: len(content) // 2])
    told = []
    for arguments in (
        ["--input", tmp_path / "cut.flac"],
        ["analyze", "--json", tmp_path / "cut.flac"],
    ):
        cut = call(*arguments)
        assert cut.returncode == 1
        assert cut.stderr.count(b"\n") == 1
        told.append(said(events_of(cut.stdout)))
    assert told[0] == told[1]
    assert [told[0][0]["event"], told[0][-1]["event"]] == ["speech_started", "speech_ended"]


def test_samples_of_nan_and_impossible_rates(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nan.wav", np.full(8000, np.nan, np.float32), 16_000, "FLOAT")
    refused(call("analyze", tmp_path / "nan.wav"), 1, "NaN")
    soundfile.write(tmp_path / "slow.wav", np.zeros(8000, np.int16), 1_000)
    refused(call("analyze", tmp_path / "slow.wav"), 1, "unsupported rate")


def test_an_odd_byte_count_on_standard_input() -> None:
    run = call("--input", "-", input=speech("one_utterance").tobytes() + b"\x00")
    assert run.returncode == 1
    assert run.stderr.count(b"\n") == 1
    assert b"odd" in run.stderr
    assert said(events_of(run.stdout)) == expected_events("one_utterance")


def test_nothing_on_standard_input() -> None:
    run = call("--input", "-", input=b"")
    assert run.returncode == 1
    assert run.stderr.count(b"\n") == 1


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    refused(call("--demo", "--record", tmp_path / "no" / "out.wav"), 1, "no folder")
    refused(call("--demo", "--record", tmp_path / "out.mp3"), 1, ".wav")
    refused(call("analyze", CLIP, "--plot", tmp_path / "no" / "out.png"), 1, "no folder")
    refused(call("analyze", CLIP, "--plot", tmp_path / "out.gif"), 1, ".png")


def test_live_is_the_default_command() -> None:
    default = call("--input", CLIP, "--hop", "0.12")
    named = call("live", "--input", CLIP, "--hop", "0.12")
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize(
    "arguments", [["analyze", CLIP], ["analyze", "--json", CLIP], ["--demo"], ["doctor", "--json"]]
)
def test_a_full_disk_behind_standard_output_is_one_line(arguments: list[object]) -> None:
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [*COMMAND, *map(str, arguments)], stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert run.returncode == 1
    assert run.stderr.decode() == (
        "realtime-ser: cannot write the output (no space left on device): write it elsewhere\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
def test_a_closed_standard_output_leaves_the_event_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    command = shlex.join([*COMMAND, "--demo", "--duration", "2", "--events", str(path)])
    run = subprocess.run(["sh", "-c", f"{command} >&-"], capture_output=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, b"")
    assert events_of(path.read_bytes())[0]["event"] == "speech_started"


# The event file.


def test_events_go_to_a_file_as_well(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("an older file")
    run = call("--input", CLIP, "--events", path)
    assert (run.returncode, run.stderr) == (0, b"")
    assert path.read_bytes() == run.stdout


def test_an_event_file_that_cannot_be_written(tmp_path: Path) -> None:
    refused(call("--demo", "--events", tmp_path / "no" / "events.jsonl"), 1, "no folder")
    refused(call("--demo", "--events", tmp_path), 1, "it is a folder")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        refused(call("--demo", "--events", tmp_path / "pipe"), 1, "it is a pipe")


def test_outputs_never_overwrite_the_input_or_each_other(tmp_path: Path) -> None:
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, speech("one_utterance"), 16_000)
    before = clip.read_bytes()
    refused(call("--input", clip, "--record", clip), 2, "--record would overwrite")
    refused(call("--input", clip, "--events", clip), 2, "--events would overwrite")
    both = tmp_path / "out.wav"
    refused(call("--demo", "--record", both, "--events", both), 2, "give two names")
    assert clip.read_bytes() == before
    assert not both.exists()


def test_outputs_are_left_alone_if_the_run_cannot_start(tmp_path: Path) -> None:
    old = tmp_path / "events.jsonl"
    old.write_text("an older file")
    refused(call("--input", tmp_path / "missing.wav", "--events", old), 1, "missing.wav")
    refused(call("--demo", "--model", tmp_path / "nowhere", "--events", old), 1, "nowhere")
    assert old.read_text() == "an older file"


def test_a_missing_model_folder(tmp_path: Path) -> None:
    refused(call("--demo", "--model", tmp_path / "nowhere"), 1, "nowhere")
    environment = {**os.environ, "REALTIME_SER_MODEL": str(tmp_path / "elsewhere")}
    refused(call("--demo", env=environment), 1, "elsewhere")


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
def test_what_is_no_number_is_named(option: str, text: str) -> None:
    (*_, line) = call("--demo", f"{option}={text}").stderr.decode().splitlines()
    assert line == f"realtime-ser: error: argument {option}: {text!r} is not a finite number"


def test_portaudio_missing_names_its_installation(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    for arguments in ([], ["devices"], ["--device", "2"]):
        refused(call(*arguments, env=environment), 1, "PortAudio", "install")


def test_help_names_every_option_of_the_design() -> None:
    text = call("--help").stdout.decode()
    options = "device input demo json events duration record window hop vad-mode threshold model"
    for option in options.split():
        assert f"--{option}" in text


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="root and Windows may read anything"
)
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.wav"
    path.write_bytes(CLIP.read_bytes())
    path.chmod(stat.S_IWUSR)
    refused(call("analyze", path), 1, "ermission")
