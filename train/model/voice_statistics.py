"""The statistics of the training voices, to which live adaptation brings every voice.

They come from the embeddings that the live program's own pipeline computes of training clips, with
the exported network.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from realtime_ser.emotion.manifest import FORMAT_VERSION, STATISTICS_FILE
from realtime_ser.emotion.model import EmbeddedFrame, EmotionModel
from realtime_ser.errors import SettingsError
from realtime_ser.events import LABELS
from realtime_ser.pipeline import Pipeline
from realtime_ser.samples import Int16
from realtime_ser.settings import Settings
from train.audio.utterances import read_clip
from train.corpora.clip import Clip
from train.model.model_folder import update_manifest

CLIPS = 480
"""Clips that the statistics come from, of each corpus and of its speakers as many as possible."""

SMALLEST_DEVIATION = 1e-4
"""Replaces the deviation of a channel that never changes."""

Float32 = NDArray[np.float32]


def add_statistics(folder: Path, clips: Sequence[Clip]) -> None:
    """Write the training voices' statistics to a model folder, and list them in its manifest.

    Args:
        folder: a model folder, with or without statistics.
        clips: what the network was trained on.

    Raises:
        AudioInputError: a clip is missing or damaged.
        ModelError: the model folder cannot be used.
        SettingsError: there is no speech in the clips.
    """
    statistics = voice_statistics(EmotionModel(folder), draw_evenly(clips, CLIPS))
    np.save(folder / STATISTICS_FILE, statistics)
    update_manifest(folder, format_version=FORMAT_VERSION)


def voice_statistics(model: EmotionModel, clips: Sequence[Clip]) -> Float32:
    """Return mean and deviation of the clips' embeddings, float32 ``[2, channels]``.

    Raises:
        AudioInputError: a clip is missing or damaged.
        SettingsError: there is no speech in them.
    """
    count, total, squares = 0, np.zeros(1), np.zeros(1)
    for clip in tqdm(clips, "statistics of voices", leave=False):
        positions = speech_positions(model, read_clip(clip.path)).astype(np.float64)
        count += len(positions)
        total = total + positions.sum(axis=0)
        squares = squares + np.square(positions).sum(axis=0)
    if not count:
        raise SettingsError("no speech to compute the voices' statistics from", "give other clips")
    mean = total / count
    variance = np.maximum(squares / count - np.square(mean), SMALLEST_DEVIATION**2)
    return np.stack([mean, np.sqrt(variance)]).astype(np.float32)


def speech_positions(model: EmotionModel, samples: Int16) -> Float32:
    """Return the embeddings of a recording's frames of speech, as the live program computes them.

    Args:
        model: the network.
        samples: 16 kHz mono int16, shape ``[n]``.

    Returns:
        Float32, shape ``[positions, channels]``; empty without speech.
    """
    recorder = _Recorder(model)
    pipeline = Pipeline(cast(EmotionModel, recorder), Settings(adapt=False))
    pipeline.process(samples)
    pipeline.flush()
    channels = model.manifest.embedding_shape[-1]
    rows = [embedding.reshape(-1, channels) for embedding in recorder.speech]
    return np.concatenate([np.empty((0, channels), np.float32), *rows])


class _Recorder:
    """A network that collects the embeddings of speech, and does not classify them."""

    def __init__(self, model: EmotionModel) -> None:
        self.manifest = model.manifest
        self.statistics = model.statistics
        self.speech: list[Float32] = []
        self._model = model

    def embed(self, maps: Mapping[str, Float32]) -> EmbeddedFrame:
        embedded = self._model.embed(maps)
        if embedded.speech >= (self.manifest.speech_threshold or 0.0):
            self.speech.append(embedded.embedding)
        return embedded

    def classify(self, embeddings: Sequence[Float32]) -> Float32:
        return np.full(len(LABELS), 1 / len(LABELS), np.float32)


def draw_evenly(clips: Sequence[Clip], count: int) -> list[Clip]:
    """Return up to ``count`` clips, as evenly as possible of each corpus and of its speakers.

    The choice depends on nothing but the clips: they are ordered by a hash of their names.
    """
    corpora: dict[str, dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in sorted(clips, key=_hash):
        corpora[clip.corpus][clip.speaker].append(clip)
    queues = [_round_robin(list(speakers.values())) for _, speakers in sorted(corpora.items())]
    return _round_robin(queues)[:count]


def _round_robin(groups: Sequence[Sequence[Clip]]) -> list[Clip]:
    """Return the first of each group, then the second of each, and so on."""
    longest = max(map(len, groups), default=0)
    return [group[turn] for turn in range(longest) for group in groups if turn < len(group)]


def _hash(clip: Clip) -> bytes:
    return hashlib.sha256(f"{clip.corpus}/{clip.path.name}".encode()).digest()
