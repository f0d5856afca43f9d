"""Jobs over an archive in this process: their results, and what an interruption leaves."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from archives import CLIP, Runner, analyzed_rows, engine_of, make_archive, run
from speech_clips import SAMPLES

from realtime_ser import Recognizer
from realtime_ser.errors import AudioInputError, OutputError, RealtimeSerError
from realtime_ser.output.table import COLUMNS, Row


def rows_of(path: Path) -> list[Row]:
    lines = path.read_text().splitlines()
    return [tuple(json.loads(line)[name] for name in COLUMNS) for line in lines]


def paths_of(path: Path) -> list[str]:
    return [Path(str(row[0])).name for row in rows_of(path)]


def test_rows_are_those_of_single_files(tmp_path: Path, recognizer: Recognizer) -> None:
    clips = sorted(SAMPLES.glob("*.flac"))
    out = tmp_path / "out.jsonl"
    run(out, SAMPLES, engine=engine_of(recognizer))
    assert rows_of(out) == analyzed_rows(recognizer, *clips)
    assert len(rows_of(out)) > len(clips), "one of them has several utterances"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl"]


def test_bad_files_are_rows_with_their_error(tmp_path: Path, recognizer: Recognizer) -> None:
    archive = make_archive(tmp_path / "archive", 2)
    (archive / "empty.wav").touch()
    (archive / "text.flac").write_text("no audio")
    (archive / "video.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    soundfile.write(archive / "nan.wav", np.full(16_000, np.nan, np.float32), 16_000, "FLOAT")
    (archive / "cut.flac").write_bytes(CLIP.read_bytes()[:-2000])
    soundfile.write(archive / "silence.wav", np.zeros(16_000, np.int16), 16_000)
    (archive / "gone.wav").symlink_to(archive / "nothing.wav")
    if hasattr(os, "mkfifo"):
        os.mkfifo(archive / "pipe.wav")  # reading it would never end
    else:
        (archive / "pipe.wav").symlink_to(tmp_path)
    out = tmp_path / "out.jsonl"
    count = run(out, archive, engine=engine_of(recognizer))
    assert (count.files, count.failed) == (10, 7)
    errors = {Path(str(row[0])).name: row[COLUMNS.index("error")] for row in rows_of(out)}
    assert [name for name, error in errors.items() if error is None] == [
        "clip-000.flac",
        "clip-001.flac",
        "silence.wav",
    ]
    assert "is empty" in str(errors["empty.wav"])
    assert "not audio" in str(errors["text.flac"])
    assert "M4A" in str(errors["video.m4a"])
    assert "NaN" in str(errors["nan.wav"])
    assert "damaged" in str(errors["cut.flac"])
    assert "No such file" in str(errors["gone.wav"])
    assert "not a regular file" in str(errors["pipe.wav"])


def test_a_fault_of_the_program_is_a_row_as_well(
    tmp_path: Path, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive(tmp_path / "archive", 1)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("realtime_ser.archive.analyzer.resampled", fail)
    out = tmp_path / "out.jsonl"
    run(out, archive, engine=engine_of(recognizer))
    assert "ZeroDivisionError: a fault" in str(rows_of(out)[0][COLUMNS.index("error")])


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_an_interrupted_job_goes_on_where_it_was(
    tmp_path: Path, recognizer: Recognizer, ending: str
) -> None:
    def content(path: Path) -> object:
        if ending != ".parquet":
            return path.read_bytes()
        return pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()

    if ending == ".parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs the archive extra")
    archive = make_archive(tmp_path / "archive", 5)
    out, whole = tmp_path / f"out{ending}", tmp_path / f"whole{ending}"
    engine = engine_of(recognizer)
    run(whole, archive, engine=engine)
    out.write_text("an older result")
    with pytest.raises(KeyboardInterrupt):
        run(out, archive, engine=engine, runner=Runner(stop_after=3))
    assert out.read_text() == "an older result"
    with pytest.raises(OutputError, match="--resume"):
        run(out, archive, engine=engine)
    rest = Runner()
    count = run(out, archive, engine=engine, runner=rest, resume=True)
    assert rest.names == ["clip-003.flac", "clip-004.flac"]
    assert (count.before.files, count.files) == (3, 2)
    assert content(out) == content(whole)
    assert not (tmp_path / f"out{ending}.job").exists()


def test_files_that_changed_since_are_computed_again(
    tmp_path: Path, recognizer: Recognizer
) -> None:
    archive = make_archive(tmp_path / "archive", 4)
    out = tmp_path / "out.jsonl"
    engine = engine_of(recognizer)
    with pytest.raises(KeyboardInterrupt):
        run(out, archive, engine=engine, runner=Runner(stop_after=3))
    shutil.copy(SAMPLES / "one_utterance.flac", archive / "clip-001.flac")
    (archive / "clip-000.flac").unlink()
    rest = Runner()
    run(out, archive, engine=engine, runner=rest, resume=True)
    assert rest.names == ["clip-001.flac", "clip-003.flac"]
    assert sorted(paths_of(out)) == ["clip-001.flac", "clip-002.flac", "clip-003.flac"]
    assert set(rows_of(out)) == set(analyzed_rows(recognizer, *sorted(archive.iterdir())))


def test_other_settings_begin_again(tmp_path: Path, recognizer: Recognizer) -> None:
    archive = make_archive(tmp_path / "archive", 3)
    out = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(out, archive, engine=engine_of(recognizer), runner=Runner(stop_after=2))
    rest = Runner()
    run(out, archive, engine=engine_of(recognizer, hop=0.24), runner=rest, resume=True)
    assert len(rest.names) == 3
    assert len(rows_of(out)) == 3


def test_a_job_is_refused_while_another_run_has_it(tmp_path: Path, recognizer: Recognizer) -> None:
    archive = make_archive(tmp_path / "archive", 2)
    out = tmp_path / "out.jsonl"
    engine = engine_of(recognizer)

    def second_run(*arguments: object) -> object:
        with pytest.raises(OutputError, match="other run"):
            run(out, archive, engine=engine, resume=True)
        return Runner()(*arguments)  # type: ignore[arg-type]

    run(out, archive, engine=engine, runner=second_run)  # type: ignore[arg-type]
    assert len(rows_of(out)) == 2


def test_a_failed_job_without_results_leaves_nothing(
    tmp_path: Path, recognizer: Recognizer
) -> None:
    archive = make_archive(tmp_path / "archive", 2)
    failing = Runner(stop_after=0, stop=RealtimeSerError("no worker", "start one"))
    with pytest.raises(RealtimeSerError, match="no worker"):
        run(tmp_path / "out.jsonl", archive, engine=engine_of(recognizer), runner=failing)
    with pytest.raises(AudioInputError, match="no sound files"):
        run(
            tmp_path / "out.jsonl",
            make_archive(tmp_path / "empty", 0),
            engine=engine_of(recognizer),
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "empty"]


def test_a_damaged_part_is_named(tmp_path: Path, recognizer: Recognizer) -> None:
    archive = make_archive(tmp_path / "archive", 2)
    out = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(out, archive, engine=engine_of(recognizer), runner=Runner(stop_after=1))
    (part,) = (tmp_path / "out.jsonl.job").glob("part-*")
    part.write_text("{")
    with pytest.raises(OutputError, match=f"{part.name}.*--resume"):
        run(out, archive, engine=engine_of(recognizer), resume=True)


def test_a_model_that_changed_is_refused(tmp_path: Path, recognizer: Recognizer) -> None:
    engine = engine_of(recognizer)
    changed = type(engine)(engine.model, "0" * 64, engine.settings)
    archive = make_archive(tmp_path / "archive", 1)
    with pytest.raises(RealtimeSerError, match="differs from the model"):
        run(tmp_path / "out.jsonl", archive, engine=changed)
