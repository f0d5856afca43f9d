"""An archive on a real Ray cluster on this machine: lost nodes, lost workers, and bad addresses."""

import functools
import importlib.util
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from archives import engine_of, make_archive, run

from benchmarks.archive import TwoNodes, two_nodes
from realtime_ser import Recognizer
from realtime_ser.archive import on_ray
from realtime_ser.archive.cluster import connected, pool_size
from realtime_ser.archive.on_ray import analyze_on_ray, divide
from realtime_ser.archive.ray_worker import UnitAnalyzer, decode_results, encode_failure
from realtime_ser.archive.worklist import Task
from realtime_ser.errors import ModelError, RealtimeSerError, SettingsError

FILES = 24


def task(number: int, size: int = 1000) -> Task:
    return Task(f"{number:032}", f"{number}.wav", f"/{number}.wav", "", size)


def test_one_processor_stays_free() -> None:
    assert [pool_size(None, processors) for processors in (1, 2, 3, 16)] == [1, 1, 2, 15]
    assert pool_size(4, 16) == 4
    assert pool_size(16, 16) == 15
    assert pool_size(8, 0) == 8
    with pytest.raises(SettingsError, match="--workers"):
        pool_size(None, 0)


def test_units_hold_every_task_once_and_in_order() -> None:
    for count, actors in ((1, 4), (10, 4), (1000, 3), (5000, 1)):
        tasks = [task(number) for number in range(count)]
        units = divide(tasks, actors)
        assert [task for unit in units for task in unit] == tasks
        assert all(1 <= len(unit) <= on_ray.FILES_IN_UNIT for unit in units)
    large = [task(number, on_ray.BYTES_IN_UNIT) for number in range(3)]
    assert [len(unit) for unit in divide(large * 100, 1)][:3] == [1, 1, 1]


def test_an_actor_that_cannot_load_the_model_ends_the_job() -> None:
    with pytest.raises(RealtimeSerError, match="no model folder x: copy it"):
        decode_results(encode_failure(ModelError("there is no model folder x", "copy it")))


@pytest.mark.parametrize("address", ["nonsense", "ray://127.0.0.1:10001", "127.0.0.1:port", ":1"])
def test_addresses_of_no_cluster_are_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="HOST:PORT"), connected(address):
        pass


def test_a_port_where_nothing_or_another_program_listens_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.recv(1000)
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with (
            pytest.raises(RealtimeSerError, match="another program"),
            connected(f"localhost:{port}"),
        ):
            pass
        thread.join()
    with pytest.raises(RealtimeSerError, match="no Ray cluster"), connected(f"127.0.0.1:{port}"):
        pass


@pytest.fixture(scope="module")
def cluster() -> Iterator[TwoNodes]:
    """Two nodes with two processors each, and what kills the second one."""
    if importlib.util.find_spec("ray") is None:  # ``two_nodes`` imports it, with its own settings
        pytest.skip("needs the archive extra")
    with two_nodes(2) as nodes:
        yield nodes


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return make_archive(tmp_path / "archive", FILES)


def rows_of(path: Path) -> list[str]:
    return sorted(path.read_text().splitlines())


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_file_that_kills_its_worker_is_a_row_with_an_error(
    tmp_path: Path,
    archive: Path,
    recognizer: Recognizer,
    cluster: TwoNodes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ray import cloudpickle

    class Fragile(UnitAnalyzer):
        """Dies on one of the files."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            analyze = self._analyzer.analyze

            def analyze_or_die(task: Task, on_seconds: Callable[[float], None]) -> Any:
                if task.name.endswith("clip-003.flac"):
                    os.kill(os.getpid(), signal.SIGKILL)
                return analyze(task, on_seconds)

            self._analyzer.analyze = analyze_or_die  # type: ignore[method-assign]

    assert cloudpickle.dumps(Fragile), "it travels by value, as a class of a function"
    monkeypatch.setattr(on_ray, "UnitAnalyzer", Fragile)
    out, alone = tmp_path / "out.jsonl", tmp_path / "alone.jsonl"
    runner = functools.partial(analyze_on_ray, address=cluster.address, workers=None)
    engine = engine_of(recognizer)
    count = run(out, archive, engine=engine, runner=runner)
    assert (count.files, count.failed) == (FILES, 1)
    run(alone, archive, engine=engine)
    different = set(rows_of(out)) ^ set(rows_of(alone))
    assert len(different) == 2
    assert all("clip-003.flac" in row for row in different)
    assert any("ended the process" in row for row in different)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_worker_without_the_model_says_so(
    tmp_path: Path,
    archive: Path,
    recognizer: Recognizer,
    cluster: TwoNodes,
) -> None:
    engine = engine_of(recognizer)
    missing = type(engine)(str(tmp_path / "nothing"), engine.fingerprint, engine.settings)
    runner = functools.partial(analyze_on_ray, address=cluster.address, workers=1)
    with pytest.raises(RealtimeSerError, match="no model folder"):
        run(tmp_path / "out.jsonl", archive, engine=missing, runner=runner)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_killed_node_costs_no_row(
    tmp_path: Path,
    archive: Path,
    recognizer: Recognizer,
    cluster: TwoNodes,
) -> None:
    out, alone = tmp_path / "out.jsonl", tmp_path / "alone.jsonl"
    engine = engine_of(recognizer)

    def killing(*arguments: Any) -> Any:
        files = analyze_on_ray(*arguments, address=cluster.address, workers=None)
        for number, file in enumerate(files):
            if number == FILES // 3:
                cluster.kill_second()
            yield file

    run(out, archive, engine=engine, runner=killing)
    run(alone, archive, engine=engine)
    assert rows_of(out) == rows_of(alone)
