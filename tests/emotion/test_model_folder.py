"""Attacks on the model folder: each is refused with one line, before anything is parsed."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_folders import copied_model, refused, rewrite
from speech_clips import speech

from realtime_ser import Recognizer, Settings, SpeechEnded
from realtime_ser.emotion.manifest import MANIFEST_FILE, MODEL_FILE, STATISTICS_FILE
from realtime_ser.emotion.model import (
    EmotionModel,
    bundled_model_folder,
    find_model_folder,
)
from realtime_ser.pipeline import Pipeline


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied_model(tmp_path)


def test_the_bundled_model_gives_eight_probabilities() -> None:
    model = EmotionModel()
    frame = {
        feature_map.name: _zeros(feature_map.bands) for feature_map in model.manifest.feature_maps
    }
    probabilities = model.classify([model.embed(frame).embedding] * 3)
    assert probabilities.shape == (8,)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


def _zeros(bands: int) -> Any:
    return np.zeros((96, bands), np.float32)


def test_missing_folder(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "there is no model folder")


def test_missing_manifest(tmp_path: Path) -> None:
    refused(tmp_path, "cannot be read")


def test_missing_network(folder: Path) -> None:
    (folder / MODEL_FILE).unlink()
    refused(folder, "cannot be read")


def test_truncated_network(folder: Path) -> None:
    content = (folder / MODEL_FILE).read_bytes()
    (folder / MODEL_FILE).write_bytes(content[: len(content) // 2])
    refused(folder, "SHA-256 mismatch")


def test_one_flipped_bit(folder: Path) -> None:
    content = bytearray((folder / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / MODEL_FILE).write_bytes(content)
    refused(folder, "SHA-256 mismatch")


def test_a_file_too_large_to_be_a_model(folder: Path) -> None:
    with (folder / MODEL_FILE).open("r+b") as file:
        file.truncate(4 << 30)
    refused(folder, "larger than")


def replace_network(folder: Path, content: bytes) -> None:
    """Put other content in the network's place, and its hash into the manifest."""
    (folder / MODEL_FILE).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    rewrite(folder, lambda values: values["files"].update({MODEL_FILE: digest}))


def test_another_file_with_a_matching_hash(folder: Path) -> None:
    replace_network(folder, b"not a network")
    refused(folder, "LiteRT cannot load")


def test_a_truncated_network_with_a_matching_hash(folder: Path) -> None:
    content = (folder / MODEL_FILE).read_bytes()
    replace_network(folder, content[: len(content) // 2])
    refused(folder, "LiteRT cannot load")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("embed", "no signature 'embed'"),
        ("classify", "no signature 'classify'"),
        ("embedding", "no output 'embedding'"),
        ("probabilities", "no output 'probabilities'"),
        ("mel", "has the inputs"),
    ],
)
def test_a_network_that_lacks_a_signature_input_or_output(
    folder: Path, name: str, words: str
) -> None:
    stored, other = renamed(name)
    content = (folder / MODEL_FILE).read_bytes()
    assert stored in content
    replace_network(folder, content.replace(stored, other))
    refused(folder, words)


def renamed(name: str) -> tuple[bytes, bytes]:
    """Return a name as the network's file holds it, and another one of its length."""
    stored = len(name).to_bytes(4, "little") + name.encode() + b"\0"
    return stored, stored[:4] + b"X" + stored[5:]


def test_a_speech_threshold_without_a_speech_output(folder: Path) -> None:
    rewrite(folder, lambda values: values.update(speech_threshold=0.5))
    replace_network(folder, (folder / MODEL_FILE).read_bytes().replace(*renamed("speech")))
    refused(folder, "no output 'speech'")


def test_without_a_speech_threshold_every_frame_is_speech(folder: Path) -> None:
    rewrite(folder, lambda values: values.pop("speech_threshold", None))
    model = EmotionModel(folder)
    assert not model.manifest.has_speech_output
    frame = {
        feature_map.name: _zeros(feature_map.bands) for feature_map in model.manifest.feature_maps
    }
    assert model.embed(frame).speech == 1.0


def test_the_threshold_of_uncertain_is_the_models_unless_one_is_chosen(folder: Path) -> None:
    rewrite(folder, lambda values: values.pop("uncertain_threshold", None))
    model = EmotionModel(folder)
    assert Pipeline(model).threshold == 0.3, "an older folder states none"
    rewrite(folder, lambda values: values.update(uncertain_threshold=0.45))
    model = EmotionModel(folder)
    assert Pipeline(model).threshold == 0.45
    assert Pipeline(model, Settings(hop=0.24)).settings == Settings(hop=0.24, threshold=0.45)
    assert Pipeline(model, Settings(threshold=0.3)).threshold == 0.3


def test_a_network_whose_input_has_another_name(folder: Path) -> None:
    rewrite(folder, lambda values: values["feature_maps"][1].update(name="chroma"))
    refused(folder, "has the inputs")


def test_swapped_files(folder: Path) -> None:
    readme = (folder / "README.md").read_bytes()
    (folder / MODEL_FILE).write_bytes(readme)
    refused(folder, "SHA-256 mismatch")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("name", [MANIFEST_FILE, MODEL_FILE, STATISTICS_FILE])
def test_a_named_pipe_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    refused(folder, f"{name} is not a file")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no /dev/zero")
@pytest.mark.parametrize("name", [MANIFEST_FILE, MODEL_FILE, STATISTICS_FILE])
def test_an_endless_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    refused(folder, f"{name} is not a file")


def make_version_1(folder: Path) -> Path:
    """Turn a model folder into one of the first format version."""
    (folder / STATISTICS_FILE).unlink()
    rewrite(folder, lambda values: values["files"].pop(STATISTICS_FILE))
    rewrite(folder, lambda values: values.update(format_version=1))
    return folder


def test_a_folder_of_version_1_runs_without_adaptation_and_says_so_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recognizer = Recognizer(make_version_1(folder))
    assert recognizer.model.statistics is None
    result = recognizer.recognize(speech("three_utterances"), 16_000)
    shares = {event.adaptation for event in result.events if isinstance(event, SpeechEnded)}
    assert shares == {0.0}
    (record,) = caplog.records
    assert "does not adapt to voices" in record.getMessage()
    assert "\n" not in record.getMessage()
    caplog.clear()
    Recognizer(folder, Settings(adapt=False))
    assert not caplog.records, "nobody asked for adaptation"


def test_without_adaptation_version_1_and_2_give_the_same_events(
    folder: Path, recognizer: Recognizer
) -> None:
    settings = Settings(adapt=False)
    samples = speech("three_utterances")
    with_statistics = Recognizer(settings=settings).recognize(samples, 16_000)
    without = Recognizer(make_version_1(folder), settings).recognize(samples, 16_000)
    assert without == with_statistics
    assert recognizer.recognize(samples, 16_000) != with_statistics


def test_the_order_in_which_a_model_is_looked_up(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_model_folder() == bundled_model_folder()
    monkeypatch.setenv("REALTIME_SER_MODEL", str(folder))
    assert find_model_folder() == folder
    assert find_model_folder(tmp_path) == tmp_path
