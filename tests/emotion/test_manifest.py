"""Manifests of a model folder: wrong values are refused with one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_folders import copied_model, refused, rewrite

from realtime_ser.emotion.manifest import MANIFEST_FILE, STATISTICS_FILE, Manifest
from realtime_ser.emotion.model import EmotionModel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied_model(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values.update(format_version=3), "format_version must be 1 or 2"),
        (lambda values: values.update(format_version=True), "format_version must be 1 or 2"),
        (lambda values: values["files"].pop(STATISTICS_FILE), "files must list statistics.npy"),
        (lambda values: values.update(sample_rate=8000), "sample_rate must be 16000"),
        (lambda values: values["labels"].pop(), "labels must be neutral, calm"),
        (lambda values: values["labels"].reverse(), "labels must be neutral, calm"),
        (lambda values: values.update(labels="neutral"), "labels must be neutral, calm"),
        (
            lambda values: values["files"].update({"../model.tflite": "0"}),
            "files must be inside the folder",
        ),
        (lambda values: values["files"].clear(), "files must list model.tflite"),
        (lambda values: values.pop("embedding_shape"), "not a model manifest"),
        (lambda values: values["feature_maps"].clear(), "not be empty"),
        (lambda values: values["feature_maps"][0].update(bands=63), "has the inputs"),
        (lambda values: values["feature_maps"][0].update(color="red"), "not a model manifest"),
        (lambda values: values.update(embedding_shape=[3, 7]), "has the inputs"),
        (lambda values: values.pop("format_version"), "format_version must be 1 or 2"),
        (lambda values: values["files"].update({"..": "0"}), "files must be inside the folder"),
        (
            lambda values: values["files"].update({"C:\\model.tflite": "0"}),
            "files must be inside the folder",
        ),
        (lambda values: values.update(name="\x1b[2Jmodel"), "name must be 1 to 100 printable"),
        (lambda values: values.update(hop_seconds=10**400), "too large"),
        (lambda values: values.update(window_seconds=float("nan")), "not finite"),
        (lambda values: values.update(hop_seconds=0), "hop_seconds must be above 0"),
        (lambda values: values.update(embedding_shape=[float("inf")]), "inf must be of type int"),
        (lambda values: values["feature_maps"][0].update(bands=64.0), "64.0 must be of type int"),
        (lambda values: values["feature_maps"][0].update(name=["mel"]), "must be of type str"),
        (
            lambda values: values["feature_maps"][0].update(scale="bark"),
            "a feature map has values out of range",
        ),
        (
            lambda values: values["feature_maps"][0].update(log_offset=-1),
            "a feature map has values out of range",
        ),
        (lambda values: values["feature_maps"][0].update({"\x1b[2J": 1}), "not a model manifest"),
        (
            lambda values: values["feature_maps"].append(values["feature_maps"][0]),
            "must have distinct names",
        ),
        (
            lambda values: values.update(speech_threshold=0),
            "speech_threshold must be between 0 and 1",
        ),
        (
            lambda values: values.update(speech_threshold=1.5),
            "speech_threshold must be between 0 and 1",
        ),
        (lambda values: values.update(speech_threshold="0.5"), "must be of type float"),
        (
            lambda values: values.update(uncertain_threshold=-0.1),
            "uncertain_threshold must be between 0 and 1",
        ),
        (
            lambda values: values.update(uncertain_threshold=1.01),
            "uncertain_threshold must be between 0 and 1",
        ),
        (lambda values: values.update(uncertain_threshold=None), "must be of type float"),
        (lambda values: values.update(speech_threshold=float("nan")), "not finite"),
        (lambda values: values["level"].update(target_dbfs="loud"), "must be of type float"),
        (
            lambda values: values["level"].update(highest_gain_db=1e300),
            "level has values out of range",
        ),
        (lambda values: values["level"].update(memory_steps=0), "level has values out of range"),
    ],
)
def test_a_manifest_with_a_wrong_value(
    folder: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    rewrite(folder, change)
    refused(folder, words)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"labels": 1}', "\x00", "[" * 100_000])
def test_a_manifest_that_is_not_a_json_object(folder: Path, text: str) -> None:
    (folder / MANIFEST_FILE).write_text(text)
    refused(folder, "not a model manifest")


def test_a_manifest_survives_writing_and_reading(folder: Path) -> None:
    manifest = EmotionModel(folder).manifest
    (folder / MANIFEST_FILE).write_text(manifest.to_json())
    again = EmotionModel(folder).manifest
    assert isinstance(again, Manifest)
    assert again == manifest
