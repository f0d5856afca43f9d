"""``analyze --out`` and ``archive`` as a user runs them."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from command_line import CLIP, COMMAND, call, events_of, refused
from speech_clips import SAMPLES, speech

from realtime_ser import LABELS
from realtime_ser.archive.cluster import usable_processors

CLIPS = sorted(SAMPLES.glob("*.flac"))
HERE = ("--workers", "1")


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a table of any format, numbers as numbers and missing values as ``None``."""
    if path.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        return parquet.read_table(path).to_pylist()  # type: ignore[no-any-return]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: _value(name, cell) for name, cell in row.items()} for row in csv.DictReader(file)
        ]


def _value(name: str, cell: str) -> str | float | None:
    if not cell:
        return None
    return cell if name in ("path", "label", "error", "model", "model_sha256") else float(cell)


@pytest.fixture(scope="module")
def expected() -> list[dict[str, Any]]:
    """What ``analyze --json`` says about ``CLIPS``, as rows, without the model's columns."""
    rows: list[dict[str, Any]] = []
    utterances: list[dict[str, Any]] = []
    for event in events_of(call("analyze", "--json", *CLIPS).stdout):
        if event["event"] == "speech_ended":
            utterances.append(event)
        elif event["event"] == "file":
            for utterance in utterances:
                row = {name: utterance[name] for name in ("start", "end", "label", "confidence")}
                row = {"path": event["path"], "duration": event["duration"]} | row
                rows.append(row | utterance["probabilities"] | {"error": None})
            utterances = []
    assert len(rows) > len(CLIPS), "one of them has several utterances"
    return rows


def without_model(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in row if not name.startswith("model")} for row in rows]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("command", ["analyze", "archive"])
def test_tables_hold_what_analyze_prints(
    tmp_path: Path, expected: list[dict[str, Any]], command: str, ending: str
) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs the archive extra")
    out = tmp_path / f"out{ending}"
    run = call(command, *CLIPS, "--out", out, *(HERE if command == "archive" else ()))
    assert run.returncode == 0, run.stderr
    rows = read_table(out)
    assert without_model(rows) == expected
    assert list(rows[0]) == [
        *("path", "duration", "start", "end", "label", "confidence"),
        *LABELS,
        *("error", "model", "model_sha256"),
    ]
    assert {len(row["model_sha256"]) for row in rows} == {64}
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_analyze_writes_a_table_beside_its_output(tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no audio")
    out = tmp_path / "out.jsonl"
    out.write_text("an older table")
    run = call("analyze", CLIP, bad, "--json", "--out", out)
    assert run.returncode == 1
    assert run.stdout == call("analyze", CLIP, "--json").stdout
    first, last = read_table(out)
    assert first["error"] is None
    assert (last["path"], last["label"]) == (str(bad), None)
    assert f"realtime-ser: {last['error']}\n" == run.stderr.decode()


def test_analyze_reads_standard_input_into_a_table(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert call("analyze", "-", "--out", out, input=CLIP.read_bytes()).returncode == 0
    assert [row["path"] for row in read_table(out)] == ["-"]


@pytest.mark.parametrize("command", ["analyze", "archive"])
def test_tables_that_cannot_be_written(tmp_path: Path, command: str) -> None:
    refused(call(command, CLIP, "--out", tmp_path / "out.txt"), 1, ".csv or .jsonl or .parquet")
    refused(call(command, CLIP, "--out", tmp_path / "no" / "out.csv"), 1, "no folder")
    (tmp_path / "folder.csv").mkdir()
    refused(call(command, CLIP, "--out", tmp_path / "folder.csv"), 1, "it is a folder")
    source = tmp_path / "talk.csv"
    source.write_bytes(CLIP.read_bytes())
    refused(call(command, source, "--out", source), 1, "would overwrite")
    (tmp_path / "link.csv").symlink_to(source)
    refused(call(command, source, "--out", tmp_path / "link.csv"), 1, "would overwrite")
    assert source.read_bytes() == CLIP.read_bytes()


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pyarrow'] = None; from realtime_ser.commands import main; "
    run = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(main())", "analyze", CLIP, "--out", "out.parquet"],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=60,
    )
    refused(run, 1, 'pip install "realtime-ser[archive]"')


def test_archive_without_anything_to_do(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    refused(call("archive", tmp_path / "nothing", "--out", out, *HERE), 1, "there is no file")
    (tmp_path / "empty").mkdir()
    refused(call("archive", tmp_path / "empty", "--out", out, *HERE), 1, "no sound files", ".flac")
    (tmp_path / "list.csv").write_text(f"{CLIP}\n")
    refused(call("archive", tmp_path / "list.csv", "--out", out, *HERE), 1, "no column", "header")
    assert not out.exists()


def test_archive_of_bad_files_alone_fails(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no audio")
    out = tmp_path / "out.jsonl"
    run = call("archive", tmp_path, "--out", out, *HERE)
    assert run.returncode == 1
    assert b"no file could be read" in run.stderr
    assert "not audio" in read_table(out)[0]["error"]


@pytest.mark.parametrize("workers", ["0", "1.5"])
def test_workers_are_a_whole_number(tmp_path: Path, workers: str) -> None:
    run = call("archive", CLIP, "--out", tmp_path / "out.csv", f"--workers={workers}")
    assert run.returncode == 2
    assert b"whole number from 1 on" in run.stderr


def test_one_process_suffices_for_few_processors(tmp_path: Path) -> None:
    if usable_processors() > 2:
        pytest.skip("this machine has more than two processors")
    run = call("archive", CLIP, "--out", tmp_path / "out.csv", "--workers", 4)
    assert run.returncode == 0
    assert b"one process, without Ray" in run.stderr


def test_a_complete_result_is_not_computed_again(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert call("archive", CLIP, "--out", out, "--resume", *HERE).returncode == 0
    before = out.stat().st_mtime_ns
    run = call("archive", CLIP, "--out", out, "--resume", *HERE)
    assert (run.returncode, out.stat().st_mtime_ns) == (0, before)
    assert b"is complete" in run.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc for what is being read")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_archive_says_how_to_go_on(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    for position in range(5):
        (archive / f"{position}.flac").symlink_to(CLIP)
    long = archive / "long.wav"
    soundfile.write(long, np.tile(speech("one_utterance"), 500), 16_000)
    out = tmp_path / "out.jsonl"
    arguments = [*COMMAND, "archive", str(archive), "--out", str(out), *HERE]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE) as process:
        while long not in _open_files(process.pid):
            assert process.poll() is None, process.stderr
            time.sleep(0.02)
        process.send_signal(number)
        _, message = process.communicate(timeout=60)
    assert process.returncode == code, message
    assert message == (
        b"realtime-ser: 5 of 6 files are done: run the same command with --resume to go on\n"
    )
    assert not out.exists()
    refused(call("archive", archive, "--out", out, *HERE), 1, "interrupted run", "--resume")
    long.unlink()
    long.symlink_to(CLIP)
    rest = subprocess.run([*arguments, "--resume"], capture_output=True, timeout=60)
    assert rest.returncode == 0, rest.stderr
    assert b"6 files, 1 of them now" in rest.stderr
    rows = read_table(out)
    assert [Path(row["path"]).name for row in rows] == [
        *(f"{position}.flac" for position in range(5)),
        "long.wav",
    ]


def _open_files(process: int) -> set[Path]:
    found = set()
    for link in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(link.readlink())
    return found
