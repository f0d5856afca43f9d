"""Batches drawn from several corpora in fixed shares, each example in other surroundings."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.spectra import FeatureMap
from train.audio.frames import FrameSettings, random_frames
from train.audio.surroundings import Recordings, SurroundingSettings, in_surroundings
from train.corpora.corpus import Corpus, target

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]
Batch = tuple[dict[str, Float32], Float32]


@dataclass(frozen=True, slots=True)
class Source:
    """Speech of one corpus.

    Attributes:
        corpus: that all of it belongs to.
        labels: of each utterance, ``None`` where the corpus states no emotion.
        versions: the utterances, int16 ``[n]`` each; one or more versions of all of them.
        share: share of the examples that are drawn from it; shares are normalized to sum to 1.
    """

    corpus: Corpus
    labels: Sequence[str | None]
    versions: Sequence[Sequence[Int16]]
    share: float


class MixedBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """An endless stream of batches, cut into epochs of equal length.

    A source is drawn by its share, then a label, evenly, then an utterance of that label, evenly. A
    batch depends only on the seed and its number, so that a resumed run continues as it would have.
    Targets are float32 ``[batch, 2, 8]`` (see ``LabelSetLoss``), inputs for each map float32
    ``[batch, frames, 96, bands]``.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        recordings: Recordings,
        surroundings: SurroundingSettings,
        frames: FrameSettings,
        feature_maps: Sequence[FeatureMap],
        clips: int,
        steps: int,
        seed: int,
        workers: int = 1,
    ) -> None:
        super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=8)
        self._sources = sources
        self._recordings = recordings
        self._surroundings = surroundings
        self._frames = frames
        self._maps = tuple(feature_maps)
        self._clips = clips
        self._steps = steps
        self._seed = seed
        self._epoch = 0
        shares = np.array([source.share for source in sources])
        self._shares = shares / shares.sum()
        self._by_label = [_by_label(source) for source in sources]

    def __len__(self) -> int:
        return self._steps

    def start_epoch(self, epoch: int) -> None:
        """Set which epoch the next batches belong to."""
        self._epoch = epoch

    def __getitem__(self, index: int) -> Batch:
        random = np.random.default_rng([self._seed, self._epoch, index])
        examples = [self._example(random) for _ in range(self._clips)]
        inputs = {
            feature_map.name: np.stack([maps[feature_map.name] for maps, _ in examples])
            for feature_map in self._maps
        }
        return inputs, np.stack([targets for _, targets in examples])

    def _example(self, random: np.random.Generator) -> tuple[dict[str, Float32], Float32]:
        number = int(random.choice(len(self._sources), p=self._shares))
        source, by_label = self._sources[number], self._by_label[number]
        label = list(by_label)[random.integers(len(by_label))]
        utterance = int(random.choice(by_label[label]))
        version = source.versions[int(random.integers(len(source.versions)))]
        changed = in_surroundings(version[utterance], self._recordings, self._surroundings, random)
        targets = np.stack(target(source.corpus, label)).astype(np.float32)
        return random_frames(changed, self._maps, self._frames, random), targets


def _by_label(source: Source) -> dict[str | None, NDArray[np.intp]]:
    labels = np.array(source.labels, object)
    return {label: np.flatnonzero(labels == label) for label in dict.fromkeys(source.labels)}
