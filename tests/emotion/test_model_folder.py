"""Attacks on the model folder: each is refused with one line, before anything is parsed."""

import json
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
    assert "\n" not in str(caught.value)


def test_the_bundled_model_gives_eight_probabilities() -> None:
    model = EmotionModel()
    frame = {each.name: _zeros(each.bands) for each in model.manifest.feature_maps}
    probabilities = model.classify([model.embed(frame)] * 3)
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


def test_not_a_network_with_its_right_hash(folder: Path) -> None:
    import hashlib

    (folder / MODEL_FILE).write_bytes(b"not a network")
    digest = hashlib.sha256(b"not a network").hexdigest()
    rewrite(folder, lambda values: values["files"].update({MODEL_FILE: digest}))
    refused(folder, "LiteRT cannot load")


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
