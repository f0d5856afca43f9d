"""A Ray cluster: connect to one, or start one on this machine, and how many actors it can take."""

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from realtime_ser.errors import RealtimeSerError, SettingsError

CONNECT_SECONDS = 10.0
"""How long to wait for the port of a cluster."""

STORE_BYTES = 256 << 20
"""Memory for objects of a cluster on this machine: only paths and rows go through it."""


def usable_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pool_size(wanted: int | None, processors: int) -> int:
    """Return how many actors to start: one processor stays free, or a job may never end.

    Args:
        wanted: ``None`` takes as many as there can be.
        processors: of the cluster; 0 where it starts nodes only when they are needed.

    Raises:
        SettingsError: the cluster has no processors yet, and ``wanted`` does not tell.
    """
    if not processors:
        if wanted is None:
            raise SettingsError("the Ray cluster has no processors yet", "give --workers N")
        return wanted
    most = max(1, processors - 1)
    return most if wanted is None else min(wanted, most)


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[int]:
    """Connect to a cluster and yield its number of processors; disconnect at the end.

    Args:
        address: ``HOST:PORT`` of its head node, ``auto`` for the one that runs on this machine;
            ``None`` starts one here that ends with the block.

    Raises:
        RealtimeSerError: there is no cluster at the address, or Ray cannot start.
    """
    # The program opens no connection that it was not asked for.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # A thread that still waits for results must not start another cluster after the shutdown.
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    if address is None:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    elif address != "auto":
        _check_port(address)
    # Ray prints pages about lost nodes, which the job survives; they are in its log files as well.
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        import ray

        try:
            if address is None:
                ray.init(
                    address="local",
                    num_cpus=usable_processors(),
                    object_store_memory=STORE_BYTES,
                    include_dashboard=False,
                    log_to_driver=False,
                )
            else:
                ray.init(address=address, log_to_driver=False)
        except Exception as error:  # Ray raises bare ones too
            raise _cannot_connect(address, error) from error
        try:
            resources: Any = ray.cluster_resources
            yield int(resources().get("CPU", 0))
        finally:
            ray.shutdown()


def _check_port(address: str) -> None:
    """Check that something listens at an address: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise SettingsError(
            f"{address!r} is not the address of a Ray cluster",
            "give HOST:PORT of its head node, or auto for this machine's",
        )
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS) as connection:
            if os.environ.get("RAY_USE_TLS", "0") == "0":
                _check_protocol(connection)
    except (OSError, OverflowError) as error:
        raise _cannot_connect(address, error) from error


def _check_protocol(connection: socket.socket) -> None:
    """Raise an ``OSError`` unless gRPC answers, which begins with HTTP/2: RFC 9113, section 3.4."""
    settings_frame = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings_frame)
    answer = connection.recv(len(settings_frame))
    if answer[3:4] != settings_frame[3:4]:
        raise OSError("another program listens there")


def _cannot_connect(address: str | None, error: Exception) -> RealtimeSerError:
    reason = " ".join(str(error).split())[:160]
    if address is None:
        return RealtimeSerError(f"Ray cannot start here ({reason})", "use --workers 1")
    return RealtimeSerError(
        f"there is no Ray cluster at {address} that answers ({reason})",
        "start one with `ray start --head`, or check --ray",
    )
