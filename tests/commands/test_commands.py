"""The command as a subprocess, as a user or another program runs it."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import CLIP, COMMAND, call, call_afresh, events_of, expected_events, refused, said
from speech_clips import SAMPLES, speech

from realtime_ser import LABELS


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recording") / "out.wav"


@pytest.fixture(scope="module")
def paced(recording: Path) -> subprocess.CompletedProcess[bytes]:
    """A file that was replayed in real time, and recorded."""
    return call("--input", CLIP, "--record", recording)


def test_paced_input_analyze_stdin_and_python_agree(
    paced: subprocess.CompletedProcess[bytes],
) -> None:
    expected = expected_events("one_utterance")
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
            "adaptation",
        ],
        "speech_ended": [
            "event",
            "start",
            "end",
            "label",
            "confidence",
            "probabilities",
            "adaptation",
        ],
        "file": ["event", "path", "duration", "label", "confidence", "probabilities"],
    }
    for event in events:
        assert list(event) == keys[event["event"]]
    assert events[-1]["event"] == "file"
    assert events[-1]["path"] == str(CLIP)
    assert events[-1]["duration"] == pytest.approx(soundfile.info(CLIP).duration, abs=1e-4)
    assert list(events[-1]["probabilities"]) == list(LABELS)


def test_health_follows_the_contract(paced: subprocess.CompletedProcess[bytes]) -> None:
    health = [event for event in events_of(paced.stdout) if event["event"] == "health"]
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
    assert [event["event"] for event in events_of(run.stdout)][-1] == "file"
    assert run.stderr.count(b"\n") == 1
    assert b"missing.wav" in run.stderr


def test_record_writes_what_was_analyzed(
    paced: subprocess.CompletedProcess[bytes], recording: Path
) -> None:
    recorded, rate = soundfile.read(recording, dtype="int16")
    assert rate == 16_000
    np.testing.assert_array_equal(recorded, speech("one_utterance"))
    again = call("analyze", "--json", recording)
    assert said(events_of(again.stdout)) == said(events_of(paced.stdout))


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


def test_a_missing_model_folder(tmp_path: Path) -> None:
    refused(call("--demo", "--model", tmp_path / "nowhere"), 1, "nowhere")
    environment = {**os.environ, "REALTIME_SER_MODEL": str(tmp_path / "elsewhere")}
    refused(call("--demo", env=environment), 1, "elsewhere")


def test_portaudio_missing_names_its_installation(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    for arguments in ([], ["devices"], ["--device", "2"]):
        refused(call_afresh(*arguments, env=environment), 1, "PortAudio", "install")


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="root and Windows may read anything"
)
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.wav"
    path.write_bytes(CLIP.read_bytes())
    path.chmod(stat.S_IWUSR)
    refused(call("analyze", path), 1, "ermission")
