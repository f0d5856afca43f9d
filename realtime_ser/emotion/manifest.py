"""The model folder's manifest: what the network takes and gives, and the hashes of its files."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
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
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

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
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = str(error).replace("\n", " ")[:120]
        raise ModelError(f"{path} is not a model manifest ({reason})", _REPLACE) from error
    _check(values, manifest, path)
    return manifest


_REPLACE = "export the model again, or use the bundled one by leaving --model out"


def read_limited(path: Path, largest: int) -> bytes:
    """Return a file's content.

    Raises:
        ModelError: the file is missing, unreadable or larger than ``largest`` bytes.
    """
    try:
        if path.stat().st_size > largest:
            raise ModelError(f"{path} is larger than {largest >> 20} MiB", _REPLACE)
        return path.read_bytes()
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
    return Manifest(
        name=str(values["name"]),
        feature_maps=tuple(FeatureMap(**each) for each in values["feature_maps"]),
        embedding_shape=tuple(int(each) for each in values["embedding_shape"]),
        files={str(name): str(digest) for name, digest in values["files"].items()},
        level=LevelNormalisation(**values["level"]),
        labels=tuple(values["labels"]),
        hop_seconds=float(values["hop_seconds"]),
        window_seconds=float(values["window_seconds"]),
        training=dict(values["training"]),
        metrics=dict(values["metrics"]),
    )


def _check(values: Mapping[str, Any], manifest: Manifest, path: Path) -> None:
    """Refuse what this version cannot run."""
    limits = all(
        0 < each.bands <= 512
        and 0 < each.window_samples <= each.fft_samples <= 1 << 16
        and 0 < each.lowest_hz < each.highest_hz <= SAMPLE_RATE / 2
        for each in manifest.feature_maps
    )
    rules = (
        (values["format_version"] == FORMAT_VERSION, "another format version"),
        (values["sample_rate"] == SAMPLE_RATE, "another sample rate than 16 kHz"),
        (values["frame_seconds"] == FRAME_SECONDS, f"other frames than {FRAME_STEPS} columns"),
        (len(manifest.labels) == len(LABELS), f"{len(manifest.labels)} labels instead of eight"),
        (manifest.labels == LABELS, "other labels, or in another order"),
        (MODEL_FILE in manifest.files, f"no hash of {MODEL_FILE}"),
        (all(Path(name).name == name for name in manifest.files), "a file outside the folder"),
        (manifest.feature_maps and limits, "feature maps that cannot be computed"),
    )
    for holds, problem in rules:
        if not holds:
            raise ModelError(f"{path} names {problem}", _REPLACE)
