"""Attacks on the model folder: each is refused with one line, before anything is parsed."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from speech_clips import speech

from realtime_ser import Recognizer, Settings, SpeechEnded
from realtime_ser.emotion.manifest import MANIFEST_FILE, MODEL_FILE, STATISTICS_FILE, Manifest
from realtime_ser.emotion.model import (
    EmotionModel,
    bundled_model_folder,
    find_model_folder,
)
from realtime_ser.errors import ModelError
from realtime_ser.pipeline import Pipeline


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


def replace_statistics(folder: Path, content: bytes) -> None:
    """Put other content in the statistics' place, and its hash into the manifest."""
    (folder / STATISTICS_FILE).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    rewrite(folder, lambda values: values["files"].update({STATISTICS_FILE: digest}))


def as_npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def changed(statistics: Any, row: int, value: float) -> Any:
    copy = statistics.copy()
    copy[row, 5] = value
    return copy


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda array: b"", "not a NumPy array", id="empty"),
        pytest.param(lambda array: b"no array at all", "not a NumPy array", id="text"),
        pytest.param(lambda array: as_npy(array)[:40], "not a NumPy array", id="half a header"),
        pytest.param(lambda array: as_npy(array)[:-1], "bytes of values", id="truncated"),
        pytest.param(lambda array: as_npy(array) + b"\0", "bytes of values", id="too long"),
        pytest.param(lambda array: as_npy(array[:, 1:]), "it has shape", id="a channel short"),
        pytest.param(lambda array: as_npy(array[:1]), "it has shape", id="no deviations"),
        pytest.param(lambda array: as_npy(array.astype(float)), "array of float32", id="float64"),
        pytest.param(lambda array: as_npy(np.asfortranarray(array)), "C order", id="Fortran"),
        pytest.param(lambda array: as_npy({"a": 1}), "array of float32", id="pickle"),
        pytest.param(
            lambda array: as_npy(changed(array, 0, np.nan)), "not finite", id="a NaN mean"
        ),
        pytest.param(lambda array: as_npy(changed(array, 1, np.inf)), "not finite", id="infinite"),
        pytest.param(lambda array: as_npy(changed(array, 1, 0.0)), "above 0", id="deviation 0"),
        pytest.param(lambda array: as_npy(changed(array, 1, -1.0)), "above 0", id="negative"),
        pytest.param(
            lambda array: as_npy(array).replace(b"(2, ", b"(2000000000000, "),
            "not a NumPy array|has shape|bytes of values",
            id="a header that asks for terabytes",
        ),
        pytest.param(
            lambda array: as_npy(array).replace(b"'shape'", b"'shap" + b"(" * 2 + b"'"),
            "not a NumPy array",
            id="a header that is no dictionary",
        ),
    ],
)
def test_hostile_statistics_with_a_matching_hash(
    folder: Path, spoil: Callable[[Any], bytes], words: str
) -> None:
    replace_statistics(folder, spoil(np.load(folder / STATISTICS_FILE)))
    refused(folder, words)


def test_statistics_that_differ_from_their_hash_are_refused(folder: Path) -> None:
    content = bytearray((folder / STATISTICS_FILE).read_bytes())
    content[-1] ^= 1
    (folder / STATISTICS_FILE).write_bytes(content)
    refused(folder, "SHA-256 mismatch")


def test_missing_statistics(folder: Path) -> None:
    (folder / STATISTICS_FILE).unlink()
    refused(folder, "cannot be read")


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
