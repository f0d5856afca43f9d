"""The plot: everything the events say is in the picture, and what stops it is said in a line."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from realtime_ser.errors import OutputError
from realtime_ser.events import (
    LABELS,
    EmotionUpdate,
    Event,
    SpeechEnded,
    SpeechStarted,
    as_probabilities,
)
from realtime_ser.output.palette import ON_WHITE
from realtime_ser.output.plot import check_plot_path, plot_analysis

SAMPLES = (3000 * np.sin(np.arange(5 * 16_000) * 0.05)).astype(np.int16)
ANGRY = as_probabilities([0.01, 0.0, 0.0, 0.02, 0.88, 0.06, 0.03, 0.0])
CALM = as_probabilities([0.1, 0.7, 0.0, 0.1, 0.0, 0.1, 0.0, 0.0])
EVENTS: tuple[Event, ...] = (
    SpeechStarted(0.6),
    EmotionUpdate(0.6, 1.56, "angry", 0.88, ANGRY, ANGRY),
    EmotionUpdate(1.08, 2.04, "angry", 0.88, ANGRY, ANGRY),
    SpeechEnded(0.6, 2.4, "angry", 0.88, ANGRY),
    SpeechStarted(3.0),
    EmotionUpdate(3.0, 3.96, "calm", 0.7, CALM, CALM),
    SpeechEnded(3.0, 3.5, "calm", 0.7, CALM),
)


def words(svg: Path) -> list[str]:
    """Return the texts of an SVG picture."""
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg.read_text("utf-8"))


def fills(svg: Path) -> list[str]:
    """Return the fill colors of an SVG picture's shapes, one for each shape."""
    return re.findall(r"fill: (#[0-9a-f]{6})", svg.read_text("utf-8"))


def test_svg_names_every_utterance_and_emotion(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "plot.svg"

    plot_analysis(SAMPLES, EVENTS, path, "take $1_a$.wav")

    assert {"take $1_a$.wav", "angry 88 %", "calm 70 %", *LABELS} <= set(words(path))


def test_utterances_are_shaded_in_their_color(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with_speech, without = tmp_path / "speech.svg", tmp_path / "silence.svg"

    plot_analysis(SAMPLES, EVENTS, with_speech, "speech")
    plot_analysis(SAMPLES, [], without, "silence")

    drawn = {label: fills(with_speech).count(ON_WHITE[label]) for label in LABELS}
    keys_only = {label: fills(without).count(ON_WHITE[label]) for label in LABELS}
    assert set(keys_only.values()) == {1}
    assert drawn["angry"] - drawn["sad"] == 2  # the first utterance's shading and strip
    assert drawn["calm"] - drawn["sad"] == 2
    assert drawn["sad"] == 3  # one area for each utterance, and the key
    assert "no speech" in words(without)
    assert "no speech" not in words(with_speech)


@pytest.mark.parametrize("name", ["plot.svg", "plot.png", "plot.PNG"])
def test_same_analysis_gives_the_same_file(tmp_path: Path, name: str) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / name

    plot_analysis(SAMPLES, EVENTS, path, "take.wav")
    first = path.read_bytes()
    plot_analysis(SAMPLES, EVENTS, path, "take.wav")

    assert path.read_bytes() == first


@pytest.mark.parametrize("length", [0, 1, 3999, 4001])
def test_audio_of_any_length_is_drawn(tmp_path: Path, length: int) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "plot.png"

    plot_analysis(SAMPLES[:length], [], path, "short")

    assert path.read_bytes().startswith(b"\x89PNG")


def test_label_without_room_is_left_out(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "plot.svg"
    crowd = [SpeechEnded(t / 100, (t + 1) / 100, "calm", 0.7, CALM) for t in range(100)]

    plot_analysis(SAMPLES, crowd, path, "crowd")

    assert 2 <= words(path).count("calm 70 %") < 20


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("plot.pdf", r"ending in \.png or \.svg"),
        ("plot", r"ending in \.png or \.svg"),
        ("missing/plot.png", "there is no folder"),
        ("folder.png", "it is a folder"),
    ],
)
def test_unwritable_path_is_explained(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "folder.png").mkdir()

    with pytest.raises(OutputError, match=problem):
        check_plot_path(tmp_path / name)


def test_full_disk_is_explained(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    resource = pytest.importorskip("resource")
    path = tmp_path / "plot.png"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OutputError, match="file too large"):
            plot_analysis(SAMPLES, EVENTS, path, "take.wav")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_device_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plot.png"
    path.symlink_to("/dev/full")

    with pytest.raises(OutputError, match="not a regular file"):
        plot_analysis(SAMPLES, EVENTS, path, "take.wav")


def test_missing_matplotlib_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(OutputError, match=re.escape('pip install "realtime-ser[plot]"')) as caught:
        check_plot_path(tmp_path / "plot.png")

    assert "\n" not in str(caught.value)
