"""Batches of training examples: balanced, augmented, mixed up, and reproducible from the seed."""

import keras
import numpy as np
from numpy.typing import NDArray

from realtime_ser.events import LABELS
from realtime_ser.settings import Settings
from train.audio.utterances import Utterance
from train.corpora.targets import label_indices
from train.model.augmentation import augmented_frames
from train.model.recipe import Recipe

MIXUP_ALPHA = 0.4
"""Parameter of the beta distribution of mixup (H. Zhang et al., arXiv:1710.09412)."""

Float32 = NDArray[np.float32]
Batch = tuple[dict[str, Float32], Float32]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Every utterance about once per epoch, rare labels as often as the others.

    Each batch has a generator seeded by the recipe's seed, the epoch and the batch's number, so
    that a resumed run continues as if it had not been interrupted.
    """

    def __init__(self, utterances: list[Utterance], recipe: Recipe) -> None:
        super().__init__()
        self._utterances = utterances
        self._recipe = recipe
        self._epoch = 0
        self._labels = label_indices(utterance.clip for utterance in utterances)
        self._order = self._balanced_order()

    def __len__(self) -> int:
        return len(self._order) // self._recipe.fit.batch_clips

    def __getitem__(self, index: int) -> Batch:
        random = np.random.default_rng([self._recipe.fit.seed, self._epoch, index + 1])
        size = self._recipe.fit.batch_clips
        chosen = self._order[index * size : (index + 1) * size]
        examples = [self._frames(self._utterances[index], random) for index in chosen]
        inputs = {name: np.stack([example[name] for example in examples]) for name in examples[0]}
        targets = np.eye(len(LABELS), dtype=np.float32)[self._labels[chosen]]
        if random.random() < self._recipe.augmentation.mixup_share:
            return _mix_up(inputs, targets, random)
        return inputs, targets

    def begin(self, epoch: int) -> None:
        """Shuffle for an epoch."""
        self._epoch = epoch
        self._order = self._balanced_order()

    def _frames(self, utterance: Utterance, random: np.random.Generator) -> dict[str, Float32]:
        variant = utterance.variants[int(random.integers(len(utterance.variants)))]
        recipe = self._recipe
        hop = Settings().hop_steps
        return augmented_frames(variant, recipe.feature_maps, recipe.augmentation, hop, random)

    def _balanced_order(self) -> NDArray[np.int64]:
        random = np.random.default_rng([self._recipe.fit.seed, self._epoch, 0])
        most = int(np.bincount(self._labels).max())
        repeated = [
            np.resize(random.permutation(np.flatnonzero(self._labels == label)), most)
            for label in np.unique(self._labels)
        ]
        return random.permutation(np.concatenate(repeated))


def _mix_up(inputs: dict[str, Float32], targets: Float32, random: np.random.Generator) -> Batch:
    share = np.float32(random.beta(MIXUP_ALPHA, MIXUP_ALPHA))
    partner = random.permutation(len(targets))
    mixed = {name: share * maps + (1 - share) * maps[partner] for name, maps in inputs.items()}
    return mixed, share * targets + (1 - share) * targets[partner]
