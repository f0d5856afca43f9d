"""Profiles by socket: only with ``--profiles``, and only under names that can be none but names."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_server import RunningServer, receive_all, running_server, stream_events
from speech_clips import speech

from realtime_ser.profiles.store import FOLDER_VARIABLE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("profiles")


@pytest.fixture(scope="module")
def generous(folder: Path) -> Iterator[RunningServer]:
    with running_server("--profiles", environment={FOLDER_VARIABLE: str(folder)}) as server:
        yield server


def test_what_is_learned_of_a_voice_is_there_in_its_next_stream(generous: RunningServer) -> None:
    audio = speech("three_utterances").tobytes()
    first, second = (
        stream_events(generous, audio, start={"profile": "ada"}).events[1] for _ in range(2)
    )
    assert first["event"] == second["event"] == "emotion"
    assert second["adaptation"] > first["adaptation"]
    assert json.loads(generous.get("/healthz")[1])["profiles"] is True


@pytest.mark.parametrize("name", ["", "../ada", "a/b", "a\\b", "a\0b", ".", "con", "x" * 500])
def test_a_name_that_could_be_a_path_is_refused(
    generous: RunningServer, folder: Path, name: str
) -> None:
    before = sorted(folder.parent.rglob("*"))
    with generous.connect() as connection:
        connection.send(json.dumps({"type": "start", "profile": name}))
        received = receive_all(connection)
    assert received.error == "bad_start"
    assert received.code == 1003
    assert sorted(folder.parent.rglob("*")) == before
