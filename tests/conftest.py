"""Fixtures that several folders of tests share."""

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
