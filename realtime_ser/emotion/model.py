"""The network at run time: a verified model folder, run by LiteRT."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.arguments import AnyPath, as_path
from realtime_ser.emotion.frontend import FRAME_STEPS
from realtime_ser.emotion.manifest import MODEL_FILE, Manifest, read_manifest, read_verified
from realtime_ser.emotion.statistics import read_statistics
from realtime_ser.errors import ModelError
from realtime_ser.fork_safety import ForkSafeLock, import_native, loading
from realtime_ser.native_output import filtered_stderr

MODEL_VARIABLE = "REALTIME_SER_MODEL"
BUNDLED_MODEL = "yamnet-voices-1"

Float32 = NDArray[np.float32]


def bundled_model_folder() -> Path:
    """Return the folder of the bundled model: in the installed package, else in the checkout."""
    package = Path(__file__).parent.parent
    installed = package / "models" / BUNDLED_MODEL
    return installed if installed.is_dir() else package.parent / "models" / BUNDLED_MODEL


def find_model_folder(chosen: AnyPath | None = None) -> Path:
    """Return ``chosen``, else the folder in ``REALTIME_SER_MODEL``, else the bundled model.

    Raises:
        ModelError: ``chosen`` is not a path.
    """
    if chosen is not None:
        return as_path(chosen, "the model folder", ModelError)
    named = os.environ.get(MODEL_VARIABLE)
    return Path(named) if named else bundled_model_folder()


@dataclass(frozen=True, slots=True)
class EmbeddedFrame:
    """The network's output for one frame.

    Attributes:
        embedding: float32, shape ``manifest.embedding_shape``.
        speech: probability that the frame is speech; 1 if the network has no speech output.
    """

    embedding: Float32
    speech: float = 1.0


class EmotionModel:
    """The network of a model folder, in two parts: ``embed`` and ``classify``.

    Threads may share it; they compute one after the other. A forked child process may continue to
    use it. Only the path is pickled: unpickling loads the folder again.

    Args:
        folder: model folder; ``None`` for that of ``find_model_folder``.

    Attributes:
        folder: the model folder.
        manifest: its manifest.
        statistics: mean and deviation of the training voices' embeddings, float32
            ``[2, channels]``; ``None`` if the folder is of an earlier format version without them.

    Raises:
        ModelError: the folder is missing or damaged, or differs from its manifest.
    """

    def __init__(self, folder: AnyPath | None = None) -> None:
        self.folder = find_model_folder(folder)
        self.manifest = read_manifest(self.folder)
        content = read_verified(self.folder, self.manifest, MODEL_FILE)
        self._lock = ForkSafeLock()
        with loading, filtered_stderr():
            self._interpreter = _load(content, self.folder)
            self._single = _load(content, self.folder)
            frame = _frame_shapes(self.manifest)
            named = ("embedding", "speech") if self.manifest.has_speech_output else ("embedding",)
            self._embed = _signature(self._interpreter, "embed", frame, named)
            positions = {"embeddings": (-1, *self.manifest.embedding_shape)}
            self._classify, self._classify_one = (
                _signature(interpreter, "classify", positions, ("probabilities",))
                # One for windows and one for single frames: a change of shape is expensive.
                for interpreter in (self._interpreter, self._single)
            )
            self._check_outputs()
        self.statistics = read_statistics(self.folder, self.manifest)

    def __reduce__(self) -> tuple[type["EmotionModel"], tuple[Path]]:
        return EmotionModel, (self.folder,)

    def embed(self, maps: Mapping[str, Float32]) -> EmbeddedFrame:
        """Return the network's output for a frame.

        Args:
            maps: the values of every feature map by its name, float32 ``[96, bands]`` each.
        """
        batch = {name: values[np.newaxis] for name, values in maps.items()}
        with self._lock:
            outputs = self._embed(**batch)
        if not self.manifest.has_speech_output:
            return EmbeddedFrame(outputs["embedding"][0])
        return EmbeddedFrame(outputs["embedding"][0], float(outputs["speech"][0]))

    def classify(self, embeddings: Sequence[Float32]) -> Float32:
        """Return the probabilities of a window of one or more embeddings, float32 ``[8]``."""
        run = self._classify_one if len(embeddings) == 1 else self._classify
        with self._lock:
            probabilities: Float32 = run(embeddings=np.stack(embeddings))["probabilities"]
        return probabilities

    def _check_outputs(self) -> None:
        silence = {
            feature_map.name: np.zeros((FRAME_STEPS, feature_map.bands), np.float32)
            for feature_map in self.manifest.feature_maps
        }
        if self.manifest.has_speech_output:
            shape = tuple(self._embed.get_output_details()["speech"]["shape"])
            if shape != (1,):
                raise ModelError(
                    f"in {self.folder}, the speech output has the shape {shape}, not (1,)",
                    _EXPORT_AGAIN,
                )
        embedding = self.embed(silence).embedding
        if embedding.shape != self.manifest.embedding_shape:
            raise ModelError(
                f"in {self.folder}, the network's embeddings have the shape {embedding.shape},"
                f" the manifest says {self.manifest.embedding_shape}",
                _EXPORT_AGAIN,
            )
        outputs = self.classify([embedding]).shape
        if outputs != (len(self.manifest.labels),):
            raise ModelError(
                f"in {self.folder}, the network's probabilities have the shape {outputs}, not (8,)",
                _EXPORT_AGAIN,
            )


_EXPORT_AGAIN = "export the model again with `python -m train export`"


def _load(content: bytes, folder: Path) -> Any:
    interpreter = import_native("ai_edge_litert.interpreter").Interpreter
    try:
        # A forked child would lack further threads, and one is fast enough for a frame.
        return interpreter(model_content=content, num_threads=1)
    except ValueError as error:
        raise ModelError(f"LiteRT cannot load the network of {folder}", _EXPORT_AGAIN) from error


def _frame_shapes(manifest: Manifest) -> dict[str, tuple[int, ...]]:
    return {
        feature_map.name: (1, FRAME_STEPS, feature_map.bands)
        for feature_map in manifest.feature_maps
    }


def _signature(
    interpreter: Any,
    name: str,
    wanted: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
) -> Any:
    """Return the runner of a signature, after checking its inputs and outputs."""
    if name not in interpreter.get_signature_list():
        raise ModelError(f"the network has no signature {name!r}", _EXPORT_AGAIN)
    runner = interpreter.get_signature_runner(name)
    found = {
        key: tuple(int(size) for size in detail["shape_signature"])
        for key, detail in runner.get_input_details().items()
    }
    if found != dict(wanted):
        raise ModelError(
            f"the network's signature {name!r} has the inputs {found},"
            f" the manifest says {dict(wanted)}",
            _EXPORT_AGAIN,
        )
    for output in outputs:
        if output not in runner.get_output_details():
            raise ModelError(
                f"the network's signature {name!r} has no output {output!r}", _EXPORT_AGAIN
            )
    return runner
