"""A server that tests share."""

from collections.abc import Iterator

import pytest
from running_server import RunningServer, running_server


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    with running_server() as running:
        yield running
