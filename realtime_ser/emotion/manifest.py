"""The manifest of a model folder: the network's inputs and outputs, and the hashes of its files."""

import hashlib
import json
import math
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from realtime_ser.emotion.frontend import LevelNormalization
from realtime_ser.emotion.spectra import FeatureMap
from realtime_ser.errors import ModelError
from realtime_ser.events import LABELS
from realtime_ser.settings import DEFAULT_THRESHOLD, FRAME_SECONDS, SAMPLE_RATE

FORMAT_VERSION = 2
"""Since version 2 a folder has the statistics of the training voices."""

OLDEST_FORMAT_VERSION = 1
"""A folder of version 1 lacks them, and is used without adaptation."""

MANIFEST_FILE = "manifest.json"
MODEL_FILE = "model.tflite"
STATISTICS_FILE = "statistics.npy"
LARGEST_MANIFEST_BYTES = 1 << 20
LARGEST_MODEL_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """The description of the network in a model folder.

    Attributes:
        name: name and version of the model.
        feature_maps: the maps ``embed`` takes, by name.
        embedding_shape: shape of what ``embed`` returns for one frame.
        files: SHA-256, in hexadecimal, of each file of the folder but the manifest.
        level: the level frames are scaled to.
        labels: the eight emotions in the order of the output.
        hop_seconds: distance of frames in training.
        window_seconds: longest window in training.
        speech_threshold: a frame is speech if ``embed``'s output ``speech`` reaches this
            probability; ``None`` if the network has no such output.
        uncertain_threshold: the label is ``uncertain`` if no probability over a window reaches it,
            unless the user chooses another threshold; ``DEFAULT_THRESHOLD`` if the file lacks it.
        removes_offset: whether the network was trained on samples that went through
            ``realtime_ser.speech.offset``; they then go through it live as well.
        training: recipe, commit, actors.
        metrics: scores, each under the name of its protocol.
    """

    name: str
    feature_maps: tuple[FeatureMap, ...]
    embedding_shape: tuple[int, ...]
    files: Mapping[str, str]
    level: LevelNormalization = field(default_factory=LevelNormalization)
    labels: tuple[str, ...] = LABELS
    hop_seconds: float = 0.48
    window_seconds: float = 4.0
    speech_threshold: float | None = None
    uncertain_threshold: float = DEFAULT_THRESHOLD
    removes_offset: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_speech_output(self) -> bool:
        """Whether the network distinguishes speech from other sounds."""
        return self.speech_threshold is not None

    @property
    def has_statistics(self) -> bool:
        """Whether the folder has the statistics of the training voices' embeddings."""
        return STATISTICS_FILE in self.files

    def to_json(self) -> str:
        """Return the text of the manifest file."""
        fixed = {
            "format_version": FORMAT_VERSION if self.has_statistics else OLDEST_FORMAT_VERSION,
            "sample_rate": SAMPLE_RATE,
            "frame_seconds": FRAME_SECONDS,
        }
        return json.dumps({**fixed, **asdict(self)}, indent=2) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a model folder.

    Raises:
        ModelError: it is missing or unreadable, or this version cannot run the model.
    """
    path = folder / MANIFEST_FILE
    if not folder.is_dir():
        raise ModelError(
            f"there is no model folder {folder}", "check --model and REALTIME_SER_MODEL"
        )
    content = read_limited(path, LARGEST_MANIFEST_BYTES)
    try:
        values = json.loads(content)
        manifest = _parse(values)
    except _MALFORMED as error:
        reason = _one_line(error)
        raise ModelError(f"{path} is not a model manifest ({reason})", _REPLACE) from error
    _check(values, manifest, path)
    return manifest


_MALFORMED = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def _one_line(error: Exception) -> str:
    """Return an error's text without control characters, which a hostile file may contain."""
    return "".join(char if char.isprintable() else " " for char in str(error))[:120]


_REPLACE = "export the model again, or omit --model to use the bundled one"


def read_limited(path: Path, largest: int) -> bytes:
    """Return a file's content.

    Raises:
        ModelError: it is missing, unreadable, not a regular file, or larger than ``largest`` bytes.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe might never end
            raise ModelError(f"{path} is not a file", _REPLACE)
        if status.st_size > largest:
            raise ModelError(f"{path} is larger than {largest >> 20} MiB", _REPLACE)
        with path.open("rb") as file:
            return file.read(largest)  # it may have grown since
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror})", _REPLACE) from error


def read_verified(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Return the content of a file that the manifest lists.

    Raises:
        ModelError: the file is missing, too large, or its SHA-256 is not the manifest's.
    """
    content = read_limited(folder / name, LARGEST_MODEL_BYTES)
    if hashlib.sha256(content).hexdigest() != manifest.files[name]:
        raise ModelError(f"{folder / name} differs from the manifest (SHA-256 mismatch)", _REPLACE)
    return content


def _parse(values: Mapping[str, Any]) -> Manifest:
    maps = [FeatureMap(**_typed(FeatureMap, table)) for table in values["feature_maps"]]
    threshold = values.get("speech_threshold")  # older folders lack it
    return Manifest(
        name=str(values["name"]),
        feature_maps=tuple(maps),
        embedding_shape=tuple(_like(0, size) for size in values["embedding_shape"]),
        files={str(name): str(digest) for name, digest in values["files"].items()},
        level=LevelNormalization(**_typed(LevelNormalization, values["level"])),
        labels=tuple(values["labels"]),
        hop_seconds=_like(0.0, values["hop_seconds"]),
        window_seconds=_like(0.0, values["window_seconds"]),
        speech_threshold=None if threshold is None else _like(0.0, threshold),
        uncertain_threshold=_like(0.0, values.get("uncertain_threshold", DEFAULT_THRESHOLD)),
        removes_offset=_like(False, values.get("removes_offset", False)),
        training=dict(values["training"]),
        metrics=dict(values["metrics"]),
    )


def _typed(kind: type[FeatureMap | LevelNormalization], values: Mapping[str, Any]) -> Any:
    """Return the values of a dataclass, each checked against the type of the field's default."""
    defaults = {field.name: field.default for field in fields(kind)}
    return {name: _like(defaults.get(name), value) for name, value in values.items()}


def _like(example: Any, value: Any) -> Any:
    """Return a value of the type of ``example``; an integer is accepted as a float."""
    if isinstance(example, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(example) and example is not None:
        raise TypeError(f"{value!r} must be of type {type(example).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    return value


def _check(values: Mapping[str, Any], manifest: Manifest, path: Path) -> None:
    """Raise a ``ModelError`` if this version cannot run the model."""
    names = [feature_map.name for feature_map in manifest.feature_maps]
    rules = (
        (
            _is_known_version(values.get("format_version")),
            f"format_version must be {OLDEST_FORMAT_VERSION} or {FORMAT_VERSION}",
        ),
        (values.get("sample_rate") == SAMPLE_RATE, f"sample_rate must be {SAMPLE_RATE}"),
        (values.get("frame_seconds") == FRAME_SECONDS, f"frame_seconds must be {FRAME_SECONDS}"),
        (
            0 < len(manifest.name) <= 100 and manifest.name.isprintable(),
            "name must be 1 to 100 printable characters",
        ),
        (manifest.labels == LABELS, f"labels must be {', '.join(LABELS)}"),
        (MODEL_FILE in manifest.files, f"files must list {MODEL_FILE}"),
        (
            manifest.has_statistics or values.get("format_version") != FORMAT_VERSION,
            f"files must list {STATISTICS_FILE}",
        ),
        (all(map(_is_within, manifest.files)), "files must be inside the folder"),
        (
            names and len(names) == len(set(names)),
            "feature_maps must not be empty, and must have distinct names",
        ),
        (all(map(_can_compute, manifest.feature_maps)), "a feature map has values out of range"),
        (_can_scale(manifest.level), "level has values out of range"),
        (
            0 < manifest.hop_seconds <= manifest.window_seconds <= 60,
            "hop_seconds must be above 0, and window_seconds between it and 60",
        ),
        (
            _is_threshold(manifest.speech_threshold),
            "speech_threshold must be between 0 and 1",
        ),
        (
            0 <= manifest.uncertain_threshold <= 1,
            "uncertain_threshold must be between 0 and 1",
        ),
    )
    for holds, problem in rules:
        if not holds:
            raise ModelError(f"{path} cannot be used ({problem})", _REPLACE)


def _is_known_version(version: object) -> bool:
    return type(version) is int and OLDEST_FORMAT_VERSION <= version <= FORMAT_VERSION


def _is_within(name: str) -> bool:
    return name not in ("", ".", "..") and not set(name) & set("/\\:\0")


def _can_compute(feature_map: FeatureMap) -> bool:
    return (
        0 < feature_map.bands <= 512
        and 0 < feature_map.window_samples <= feature_map.fft_samples <= 1 << 16
        and 0 < feature_map.lowest_hz < feature_map.highest_hz <= SAMPLE_RATE / 2
        and feature_map.scale in ("mel", "log")
        and 0 < feature_map.log_offset <= 1
    )


def _can_scale(level: LevelNormalization) -> bool:
    return (
        -100 <= level.target_dbfs <= 0
        and 0 < level.memory_steps <= 6000
        and 0 <= level.highest_gain_db <= 120
    )


def _is_threshold(threshold: float | None) -> bool:
    return threshold is None or 0 < threshold < 1
