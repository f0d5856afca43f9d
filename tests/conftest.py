"""Fixtures that several folders of tests share, and in which order workers take the tests."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from speech_clips import speech
from virtual_microphone import VirtualMicrophone, virtual_microphone

from realtime_ser import Recognizer
from realtime_ser.profiles.store import FOLDER_VARIABLE

if TYPE_CHECKING:
    from running_server import RunningServer


LONG = ("benchmarks", "commands", "examples", "live", "output", "server", "trust")
"""Folders whose tests start programs or play sound in real time."""


def pytest_configure(config: pytest.Config) -> None:
    """Let the programs that tests start read bytecode, and keep the order of files for workers."""
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every one compiles the package again
    config.option.loadscopereorder = False  # else the files with few and long tests come last


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give workers the files with long tests first, so that none has one of them at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.parent.name not in LONG)


@pytest.fixture(scope="session")
def recognizer() -> Recognizer:
    """The bundled model, loaded once."""
    return Recognizer()


@pytest.fixture(scope="session")
def three_utterances() -> NDArray[np.int16]:
    """Three voices with pauses between, 16 kHz mono, shape ``[n]``."""
    return speech("three_utterances")


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all profiles, for this process and the commands it runs; not created yet."""
    folder = tmp_path / "profiles"
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    return folder


@pytest.fixture
def microphone() -> Iterator[VirtualMicrophone]:
    """A running virtual microphone; mark tests that take it ``system``."""
    with virtual_microphone() as running:
        yield running


@pytest.fixture(scope="session")
def server() -> "Iterator[RunningServer]":
    """A running ``realtime-ser serve`` with the usual limits."""
    from running_server import running_server

    with running_server() as running:
        yield running
