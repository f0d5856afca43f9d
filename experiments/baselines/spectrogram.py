"""A convolutional network on log-mel maps, from random weights: the paper's CNN.

Masks are SpecAugment's (D. Park et al., arXiv:1904.08779).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from experiments.baselines.baseline import Baseline
from experiments.baselines.early_stopping import (
    Examples,
    StoppingSettings,
    fit_with_early_stopping,
    predicted_logits,
)
from experiments.baselines.features import cached_features, log_mel
from experiments.baselines.preprocess import preprocess, read_float
from experiments.baselines.variants import VariantSettings, prepared_variants
from train.corpora.clip import Clip
from train.corpora.splits import Split
from train.corpora.targets import label_indices
from train.model.companion import convolution_blocks, logits_of_pooled
from train.model.recipe_files import settings_from
from train.model.runs import check_validation, record_origin

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MapNetworkSettings:
    """The network's hyper-parameters.

    Attributes:
        bands: of the log-mel map.
        channels: of each block, see ``train.model.companion.convolution_blocks``.
        dropout: dropout rate of the pooled channels.
    """

    bands: int
    channels: tuple[int, ...]
    dropout: float


@dataclass(frozen=True, slots=True)
class MapAugmentation:
    """How strongly training maps are changed.

    Attributes:
        gain_db: largest change of the level, up or down.
        noise_share: share of maps with added noise, 0 to 1.
        quietest_noise_db: highest signal-to-noise ratio, in dB.
        loudest_noise_db: lowest signal-to-noise ratio, in dB.
        masked_bands: largest number of adjacent bands in a mask.
        masked_steps: largest number of adjacent columns in a mask.
        masks: number of masks of each kind.
    """

    gain_db: float
    noise_share: float
    quietest_noise_db: float
    loudest_noise_db: float
    masked_bands: int
    masked_steps: int
    masks: int


class SpectrogramMethod(Baseline):
    """A recipe of this kind as a ``train.model.method.Method``: see ``Baseline``."""

    def __init__(self, name: str, table: Mapping[str, Any], cache: Path) -> None:
        super().__init__(name, table, cache)
        where = f"recipe {name}: "
        self._variants = settings_from(VariantSettings, table.get("variants"), f"{where}[variants]")
        self._network = settings_from(MapNetworkSettings, table.get("network"), f"{where}[network]")
        self._augmentation = settings_from(
            MapAugmentation, table.get("augmentation"), f"{where}[augmentation]"
        )
        self._fit = settings_from(StoppingSettings, table.get("fit"), f"{where}[fit]")

    def fit(self, split: Split, run: Path) -> None:
        """Train on ``split``: see ``Method.fit``.

        Raises:
            SettingsError: the split has no validation clips.
        """
        check_validation(self.name, split)
        record_origin(self.name, split, run)
        validation = self._unchanged(split.validation)
        training = self._with_variants(split.training)
        keras.utils.set_random_seed(self._fit.seed)
        network = convolutional_network(training.shape[2:], self._network)
        network.get_layer("normalization").adapt(training[:, 0])
        fit_with_early_stopping(
            network,
            Examples(
                training,
                label_indices(split.training),
                self._fit,
                partial(augmented, settings=self._augmentation),
            ),
            (validation, label_indices(split.validation)),
            self._fit,
            run,
        )

    def logits(self, clips: Sequence[Clip], run: Path) -> Float32:
        """Return the logits of clips: see ``Method.logits``."""
        return predicted_logits(run, self._unchanged(clips))

    def _unchanged(self, clips: Sequence[Clip]) -> Float32:
        """Return the maps of unchanged clips: ``[clips, steps, bands]``."""
        return np.stack(
            cached_features(
                clips,
                lambda path: log_mel(
                    preprocess(read_float(path), self._preprocess), self._network.bands
                ),
                self._computed_from,
                self._cache,
                "log-mel maps",
            )
        )

    def _with_variants(self, clips: Sequence[Clip]) -> Float32:
        """Return the maps of clips and their variants: ``[clips, 1 + variants, steps, bands]``."""
        unchanged = self._unchanged(clips)[:, np.newaxis]
        if not self._variants.count:
            return unchanged

        def compute(path: Path) -> Float32:
            variants = prepared_variants(path, self._variants, self._preprocess, self._cache)
            return np.stack([log_mel(variant, self._network.bands) for variant in variants])

        changed = cached_features(
            clips,
            compute,
            {**self._computed_from, "variants": asdict(self._variants)},
            self._cache,
            "log-mel maps, variants",
        )
        return np.concatenate([unchanged, np.stack(changed)], axis=1)

    @property
    def _computed_from(self) -> dict[str, Any]:
        return {"preprocess": asdict(self._preprocess), "bands": self._network.bands}


def convolutional_network(shape: tuple[int, int], settings: MapNetworkSettings) -> keras.Model:
    """Return the network: log-mel maps ``[batch, *shape]`` to eight logits."""
    maps = keras.Input(shape, name="log_mel")
    values = layers.Normalization(axis=-1, name="normalization")(maps)
    values = layers.Reshape((*shape, 1), name="image")(values)
    values = convolution_blocks(values, settings.channels, "block")
    logits = logits_of_pooled(
        layers.GlobalAveragePooling2D(name="mean")(values),
        layers.GlobalMaxPooling2D(name="highest")(values),
        settings.dropout,
    )
    return keras.Model(maps, logits)


def augmented(maps: Float32, random: np.random.Generator, settings: MapAugmentation) -> Float32:
    """Return one augmented variant of each clip: ``[clips, steps, bands]``.

    Args:
        maps: in dB, shape ``[clips, variants, steps, bands]``.
        random: generator.
        settings: how strongly they are changed.
    """
    chosen = random.integers(maps.shape[1], size=len(maps))
    return np.stack(
        [_augmented(maps[clip, variant], random, settings) for clip, variant in enumerate(chosen)]
    )


def _augmented(values: Float32, random: np.random.Generator, settings: MapAugmentation) -> Float32:
    values = np.roll(values, random.integers(len(values)), axis=0)
    values = values + np.float32(random.uniform(-1, 1) * settings.gain_db)
    if random.random() < settings.noise_share:
        values = _add_noise(values, random, settings)
    steps, bands = values.shape
    filling = values.mean()
    for _ in range(settings.masks):
        values[:, _random_slice(bands, settings.masked_bands, random)] = filling
        values[_random_slice(steps, settings.masked_steps, random)] = filling
    return values


def _add_noise(values: Float32, random: np.random.Generator, settings: MapAugmentation) -> Float32:
    """Add steady noise; its powers in a band are exponentially distributed."""
    ratio_db = random.uniform(settings.loudest_noise_db, settings.quietest_noise_db)
    powers = 10 ** (values / 10)
    noise = random.exponential(powers.mean() * 10 ** (-ratio_db / 10), values.shape)
    noisy: Float32 = (10 * np.log10(powers + noise)).astype(np.float32)
    return noisy


def _random_slice(length: int, longest: int, random: np.random.Generator) -> slice:
    width = int(random.integers(0, min(longest, length) + 1))
    first = int(random.integers(0, length - width + 1))
    return slice(first, first + width)
