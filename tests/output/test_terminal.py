"""Pictures of the terminal UI, compared with those in ``__snapshots__``."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_run import QUIET, SPEAKING
from terminal_app import build, open_devices

from realtime_ser.live.snapshot import Snapshot

SnapCompare = Callable[..., bool]

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("shown", "size", "keys"),
    [
        pytest.param(SPEAKING, (80, 24), [], id="80x24"),
        pytest.param(SPEAKING, (200, 60), [], id="200x60"),
        pytest.param(SPEAKING, (40, 12), [], id="40x12"),
        pytest.param(QUIET, (80, 24), [], id="quiet"),
        pytest.param(
            replace(
                SPEAKING,
                speaking=False,
                paused=True,
                recording=Path("take-1.wav"),
                lost_samples=20_000,
            ),
            (100, 30),
            [],
            id="paused-recording-lost",
        ),
        pytest.param(SPEAKING, (80, 24), ["question_mark"], id="help"),
    ],
)
def test_picture(
    snap_compare: SnapCompare, shown: Snapshot, size: tuple[int, int], keys: list[str]
) -> None:
    app, _ = build(shown)
    assert snap_compare(app, terminal_size=size, press=keys)


def test_picture_of_the_devices(snap_compare: SnapCompare) -> None:
    app, _ = build()
    assert snap_compare(app, run_before=open_devices)


def test_picture_without_color(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _ = build()
    assert snap_compare(app)


def test_textual_is_loaded_by_the_app_alone() -> None:
    code = (
        "import sys, realtime_ser, realtime_ser.output.terminal; sys.exit('textual' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
