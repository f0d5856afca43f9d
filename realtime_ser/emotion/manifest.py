"""The model folder's manifest: what the network takes and gives, and the hashes of its files."""

import hashlib
import json
import math
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from realtime_ser.emotion.frontend import FRAME_STEPS, FeatureMap, LevelNormalisation
from realtime_ser.errors import ModelError
from realtime_ser.events import LABELS
from realtime_ser.settings import FRAME_SECONDS, SAMPLE_RATE

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
MODEL_FILE = "model.tflite"
LARGEST_MANIFEST_BYTES = 1 << 20
LARGEST_MODEL_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model folder says about its network.

    Attributes:
        name: name and version of the model.
        feature_maps: the maps ``embed`` takes, by name.
        embedding_shape: shape of what ``embed`` returns for one frame.
        files: SHA-256, in hexadecimal, of each file of the folder but the manifest.
        level: the level frames are scaled to.
        labels: the eight emotions in the order of the output.
        hop_seconds: distance of frames in training.
        window_seconds: longest window in training.
        speech_threshold: probability from which ``embed``'s further output ``speech`` takes a frame
            for speech; ``None`` where the network has no such output.
        removes_offset: whether the network was trained on samples that went through
            ``realtime_ser.speech.offset``; they then go through it live as well.
        training: recipe, commit, actors.
        metrics: scores, each under the name of its protocol.
    """

    name: str
    feature_maps: tuple[FeatureMap, ...]
    embedding_shape: tuple[int, ...]
    files: Mapping[str, str]
    level: LevelNormalisation = field(default_factory=LevelNormalisation)
    labels: tuple[str, ...] = LABELS
    hop_seconds: float = 0.48
    window_seconds: float = 4.0
    speech_threshold: float | None = None
    removes_offset: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_speech_output(self) -> bool:
        """Whether the network can tell speech from other sounds."""
        return self.speech_threshold is not None

    def to_json(self) -> str:
        """Return the text of the manifest file."""
        fixed = {
            "format_version": FORMAT_VERSION,
            "sample_rate": SAMPLE_RATE,
            "frame_seconds": FRAME_SECONDS,
        }
        return json.dumps({**fixed, **asdict(self)}, indent=2) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a model folder.

    Raises:
        ModelError: it is missing, cannot be read, or describes a model this version cannot run.
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
    """Return an error's text, without what a hostile file might send to the terminal."""
    return "".join(each if each.isprintable() else " " for each in str(error))[:120]


_REPLACE = "export the model again, or use the bundled one by leaving --model out"


def read_limited(path: Path, largest: int) -> bytes:
    """Return a file's content.

    Raises:
        ModelError: it is missing, unreadable, no file or larger than ``largest`` bytes.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for without end
            raise ModelError(f"{path} is not a file", _REPLACE)
        if status.st_size > largest:
            raise ModelError(f"{path} is larger than {largest >> 20} MiB", _REPLACE)
        with path.open("rb") as file:
            return file.read(largest)  # whatever it has become since
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror})", _REPLACE) from error


def read_verified(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Return the content of one of the manifest's files.

    Raises:
        ModelError: the file is missing, too large, or its SHA-256 is not the manifest's.
    """
    content = read_limited(folder / name, LARGEST_MODEL_BYTES)
    if hashlib.sha256(content).hexdigest() != manifest.files[name]:
        raise ModelError(
            f"{folder / name} is not the file its manifest names (SHA-256 differs)", _REPLACE
        )
    return content


def _parse(values: Mapping[str, Any]) -> Manifest:
    maps = [FeatureMap(**_typed(FeatureMap, each)) for each in values["feature_maps"]]
    threshold = values.get("speech_threshold")  # older folders do not name it
    return Manifest(
        name=str(values["name"]),
        feature_maps=tuple(maps),
        embedding_shape=tuple(_like(0, each) for each in values["embedding_shape"]),
        files={str(name): str(digest) for name, digest in values["files"].items()},
        level=LevelNormalisation(**_typed(LevelNormalisation, values["level"])),
        labels=tuple(values["labels"]),
        hop_seconds=_like(0.0, values["hop_seconds"]),
        window_seconds=_like(0.0, values["window_seconds"]),
        speech_threshold=None if threshold is None else _like(0.0, threshold),
        removes_offset=_like(False, values.get("removes_offset", False)),
        training=dict(values["training"]),
        metrics=dict(values["metrics"]),
    )


def _typed(kind: type[FeatureMap | LevelNormalisation], values: Mapping[str, Any]) -> Any:
    """Return values for a dataclass, each compared with the type of the field's default."""
    defaults = {each.name: each.default for each in fields(kind)}
    return {name: _like(defaults.get(name), value) for name, value in values.items()}


def _like(example: Any, value: Any) -> Any:
    """Return a value of the example's type; a whole number may stand for a finite float."""
    if isinstance(example, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(example) and example is not None:
        raise TypeError(f"{value!r} instead of a value like {example!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    return value


def _check(values: Mapping[str, Any], manifest: Manifest, path: Path) -> None:
    """Refuse what this version cannot run."""
    names = [each.name for each in manifest.feature_maps]
    rules = (
        (values.get("format_version") == FORMAT_VERSION, "another format version"),
        (values.get("sample_rate") == SAMPLE_RATE, "another sample rate than 16 kHz"),
        (values.get("frame_seconds") == FRAME_SECONDS, f"other frames than {FRAME_STEPS} columns"),
        (0 < len(manifest.name) <= 100 and manifest.name.isprintable(), "no proper name of itself"),
        (len(manifest.labels) == len(LABELS), f"{len(manifest.labels)} labels instead of eight"),
        (manifest.labels == LABELS, "other labels, or in another order"),
        (MODEL_FILE in manifest.files, f"no hash of {MODEL_FILE}"),
        (all(map(_is_within, manifest.files)), "a file outside the folder"),
        (names and len(names) == len(set(names)), "no feature maps, or two alike"),
        (all(map(_can_compute, manifest.feature_maps)), "feature maps that cannot be computed"),
        (_can_scale(manifest.level), "a level that frames cannot be scaled to"),
        (0 < manifest.hop_seconds <= manifest.window_seconds <= 60, "an impossible hop or window"),
        (_can_tell(manifest.speech_threshold), "a speech threshold that is no probability"),
    )
    for holds, problem in rules:
        if not holds:
            raise ModelError(f"{path} names {problem}", _REPLACE)


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


def _can_scale(level: LevelNormalisation) -> bool:
    return (
        -100 <= level.target_dbfs <= 0
        and 0 < level.memory_steps <= 6000
        and 0 <= level.highest_gain_db <= 120
    )


def _can_tell(threshold: float | None) -> bool:
    return threshold is None or 0 < threshold < 1
