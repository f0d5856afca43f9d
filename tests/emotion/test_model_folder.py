"""Attacks on the model folder: each is refused with one line, before anything is parsed."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from realtime_ser.emotion.manifest import MANIFEST_FILE, MODEL_FILE, Manifest
from realtime_ser.emotion.model import (
    EmotionModel,
    bundled_model_folder,
    find_model_folder,
)
from realtime_ser.errors import ModelError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundled_model_folder(), tmp_path / "model"))


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / MANIFEST_FILE
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def refused(folder: Path, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        EmotionModel(folder)
    assert str(caught.value).isprintable()


def test_the_bundled_model_gives_eight_probabilities() -> None:
    model = EmotionModel()
    frame = {each.name: _zeros(each.bands) for each in model.manifest.feature_maps}
    probabilities = model.classify([model.embed(frame).embedding] * 3)
    assert probabilities.shape == (8,)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


def _zeros(bands: int) -> Any:
    import numpy as np

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
    refused(folder, "SHA-256 differs")


def test_one_flipped_bit(folder: Path) -> None:
    content = bytearray((folder / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / MODEL_FILE).write_bytes(content)
    refused(folder, "SHA-256 differs")


def test_a_file_too_large_to_be_a_model(folder: Path) -> None:
    with (folder / MODEL_FILE).open("r+b") as file:
        file.truncate(4 << 30)
    refused(folder, "larger than")


def replace_network(folder: Path, content: bytes) -> None:
    """Put other content in the network's place, and its hash into the manifest."""
    (folder / MODEL_FILE).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    rewrite(folder, lambda values: values["files"].update({MODEL_FILE: digest}))


def test_not_a_network_with_its_right_hash(folder: Path) -> None:
    replace_network(folder, b"not a network")
    refused(folder, "LiteRT cannot load")


def test_half_a_network_with_its_right_hash(folder: Path) -> None:
    content = (folder / MODEL_FILE).read_bytes()
    replace_network(folder, content[: len(content) // 2])
    refused(folder, "LiteRT cannot load")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("embed", "no signature 'embed'"),
        ("classify", "no signature 'classify'"),
        ("embedding", "gives no 'embedding'"),
        ("probabilities", "gives no 'probabilities'"),
        ("mel", "takes"),
    ],
)
def test_a_network_without_what_is_asked_of_it(folder: Path, name: str, words: str) -> None:
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
    refused(folder, "gives no 'speech'")


def test_a_network_that_is_not_said_to_tell_speech_takes_all_for_speech(folder: Path) -> None:
    rewrite(folder, lambda values: values.pop("speech_threshold", None))
    model = EmotionModel(folder)
    assert not model.manifest.has_speech_output
    frame = {each.name: _zeros(each.bands) for each in model.manifest.feature_maps}
    assert model.embed(frame).speech == 1.0


def test_a_network_whose_input_has_another_name(folder: Path) -> None:
    rewrite(folder, lambda values: values["feature_maps"][1].update(name="chroma"))
    refused(folder, "takes")


def test_swapped_files(folder: Path) -> None:
    readme = (folder / "README.md").read_bytes()
    (folder / MODEL_FILE).write_bytes(readme)
    refused(folder, "SHA-256 differs")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("name", [MANIFEST_FILE, MODEL_FILE])
def test_a_pipe_is_not_waited_for(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    refused(folder, f"{name} is not a file")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no /dev/zero")
@pytest.mark.parametrize("name", [MANIFEST_FILE, MODEL_FILE])
def test_a_file_without_end_is_not_read(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    refused(folder, f"{name} is not a file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values.update(format_version=2), "another format version"),
        (lambda values: values.update(sample_rate=8000), "another sample rate"),
        (lambda values: values["labels"].pop(), "7 labels instead of eight"),
        (lambda values: values["labels"].reverse(), "in another order"),
        (lambda values: values.update(labels="neutral"), "labels"),
        (lambda values: values["files"].update({"../model.tflite": "0"}), "outside the folder"),
        (lambda values: values["files"].clear(), "no hash"),
        (lambda values: values.pop("embedding_shape"), "not a model manifest"),
        (lambda values: values["feature_maps"].clear(), "feature maps"),
        (lambda values: values["feature_maps"][0].update(bands=63), "takes"),
        (lambda values: values["feature_maps"][0].update(colour="red"), "not a model manifest"),
        (lambda values: values.update(embedding_shape=[3, 7]), "takes"),
        (lambda values: values.pop("format_version"), "another format version"),
        (lambda values: values["files"].update({"..": "0"}), "outside the folder"),
        (lambda values: values["files"].update({"C:\\model.tflite": "0"}), "outside the folder"),
        (lambda values: values.update(name="\x1b[2Jmodel"), "no proper name"),
        (lambda values: values.update(hop_seconds=10**400), "too large"),
        (lambda values: values.update(window_seconds=float("nan")), "not finite"),
        (lambda values: values.update(hop_seconds=0), "impossible hop"),
        (lambda values: values.update(embedding_shape=[float("inf")]), "inf instead of"),
        (lambda values: values["feature_maps"][0].update(bands=64.0), "64.0 instead of"),
        (lambda values: values["feature_maps"][0].update(name=["mel"]), "instead of"),
        (lambda values: values["feature_maps"][0].update(scale="bark"), "cannot be computed"),
        (lambda values: values["feature_maps"][0].update(log_offset=-1), "cannot be computed"),
        (lambda values: values["feature_maps"][0].update({"\x1b[2J": 1}), "not a model manifest"),
        (lambda values: values["feature_maps"].append(values["feature_maps"][0]), "two alike"),
        (lambda values: values.update(speech_threshold=0), "no probability"),
        (lambda values: values.update(speech_threshold=1.5), "no probability"),
        (lambda values: values.update(speech_threshold="0.5"), "instead of"),
        (lambda values: values.update(speech_threshold=float("nan")), "not finite"),
        (lambda values: values["level"].update(target_dbfs="loud"), "instead of"),
        (lambda values: values["level"].update(highest_gain_db=1e300), "cannot be scaled"),
        (lambda values: values["level"].update(memory_steps=0), "cannot be scaled"),
    ],
)
def test_a_manifest_that_does_not_fit(
    folder: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    rewrite(folder, change)
    refused(folder, words)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"labels": 1}', "\x00", "[" * 100_000])
def test_a_manifest_that_is_none(folder: Path, text: str) -> None:
    (folder / MANIFEST_FILE).write_text(text)
    refused(folder, "not a model manifest")


def test_a_manifest_survives_writing_and_reading(folder: Path) -> None:
    manifest = EmotionModel(folder).manifest
    (folder / MANIFEST_FILE).write_text(manifest.to_json())
    again = EmotionModel(folder).manifest
    assert isinstance(again, Manifest)
    assert again == manifest


def test_the_order_in_which_a_model_is_looked_up(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_model_folder() == bundled_model_folder()
    monkeypatch.setenv("REALTIME_SER_MODEL", str(folder))
    assert find_model_folder() == folder
    assert find_model_folder(tmp_path) == tmp_path
