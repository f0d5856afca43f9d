"""A dense head on the published YAMNet, with or without training its last layers.

"Emotion Recognition from Speech Using Transfer Learning". The activations of the frozen layers are
computed once for each clip and its variants, and cached; only what follows them is trained.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from experiments.baselines.baseline import Baseline
from experiments.baselines.early_stopping import (
    Examples,
    StoppingSettings,
    fit_with_early_stopping,
    predicted_logits,
)
from experiments.baselines.features import cached_features, yamnet_patches
from experiments.baselines.preprocess import preprocess, read_float
from experiments.baselines.variants import VariantSettings, prepared_variants
from realtime_ser.emotion.spectra import YAMNET_MEL
from realtime_ser.errors import SettingsError
from realtime_ser.events import LABELS
from train.corpora.clip import Clip
from train.corpora.splits import Split
from train.corpora.targets import label_indices
from train.model.network import (
    SEPARABLE_LAYERS,
    NetworkSettings,
    embedder,
)
from train.model.recipe_files import settings_from
from train.model.runs import check_validation, record_origin
from train.model.yamnet import load_published_weights, published_yamnet

YAMNET_LAYERS = len(SEPARABLE_LAYERS) + 1

Float32 = NDArray[np.float32]
Activations = NDArray[np.float16]
Frozen = Callable[[Float32], Float32]
"""Maps samples to the activations of the frozen layers for each patch."""


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """What is trained.

    Attributes:
        trained_layers: how many of YAMNet's last layers are trained too.
        trained_statistics: whether their batch normalization is trained; if not, it stays as
            published.
        normalized: whether a batch normalization precedes the dense layer; without it, Adam at 1e-4
            is slow, because embeddings are small and uneven.
        hidden_units: width of the dense layer.
        dropout: dropout rate of the dense layer.
    """

    trained_layers: int
    trained_statistics: bool
    normalized: bool
    hidden_units: int
    dropout: float

    def __post_init__(self) -> None:
        if not 0 <= self.trained_layers <= len(SEPARABLE_LAYERS) - 1:
            raise SettingsError(
                f"trained_layers is {self.trained_layers}", f"use 0 to {len(SEPARABLE_LAYERS) - 1}"
            )


class EmbeddingMethod(Baseline):
    """A recipe of this kind as a ``train.model.method.Method``: see ``Baseline``."""

    def __init__(self, name: str, table: Mapping[str, Any], cache: Path) -> None:
        super().__init__(name, table, cache)
        self._variants = settings_from(
            VariantSettings, table.get("variants"), f"recipe {name}: [variants]"
        )
        self._head = settings_from(HeadSettings, table.get("head"), f"recipe {name}: [head]")
        self._fit = settings_from(StoppingSettings, table.get("fit"), f"recipe {name}: [fit]")

    def fit(self, split: Split, run: Path) -> None:
        """Train on ``split``: see ``Method.fit``.

        Raises:
            SettingsError: the split has no validation clips.
            RealtimeSerError: the published YAMNet cannot be loaded.
        """
        check_validation(self.name, split)
        record_origin(self.name, split, run)
        validation = self._unchanged(split.validation)
        training, labels = self._with_variants(split.training)
        keras.utils.set_random_seed(self._fit.seed)
        fit_with_early_stopping(
            head(training.shape[1:], self._head),
            Examples(training, labels, self._fit),
            (validation, label_indices(split.validation)),
            self._fit,
            run,
        )

    def logits(self, clips: Sequence[Clip], run: Path) -> Float32:
        """Return the logits of clips: see ``Method.logits``."""
        return predicted_logits(run, self._unchanged(clips))

    def _unchanged(self, clips: Sequence[Clip]) -> Float32:
        """Return the activations of unchanged clips: ``[clips, patches, ...]``."""
        computed = cached_features(
            clips,
            lambda path: self._frozen(preprocess(read_float(path), self._preprocess)),
            self._computed_from,
            self._cache,
            "YAMNet's activations",
        )
        return np.stack(computed)

    def _of_variants(self, clips: Sequence[Clip]) -> Activations:
        """Return the activations of variants of clips: ``[clips, variants, patches, ...]``."""

        def compute(path: Path) -> Float32:
            variants = prepared_variants(path, self._variants, self._preprocess, self._cache)
            return np.stack([self._frozen(variant) for variant in variants])

        settings = {**self._computed_from, "variants": asdict(self._variants)}
        what = "YAMNet's activations, variants"
        computed = cached_features(clips, compute, settings, self._cache, what)
        return np.stack([activations.astype(np.float16) for activations in computed])

    def _with_variants(self, clips: Sequence[Clip]) -> tuple[Activations, NDArray[np.int64]]:
        """Return the activations of clips and their variants, and the label of each."""
        unchanged = self._unchanged(clips).astype(np.float16)[:, np.newaxis]
        labels = label_indices(clips)
        if not self._variants.count:
            return unchanged[:, 0], labels
        values = np.concatenate([unchanged, self._of_variants(clips)], axis=1)
        return values.reshape(-1, *values.shape[2:]), labels.repeat(values.shape[1])

    @property
    def _computed_from(self) -> dict[str, Any]:
        trained = self._head.trained_layers
        return {"preprocess": asdict(self._preprocess), "trained_layers": trained}

    @cached_property
    def _frozen(self) -> Frozen:
        if self._head.trained_layers:
            return published_layers(YAMNET_LAYERS - self._head.trained_layers)
        return published_embeddings()


def published_embeddings() -> Frozen:
    """Return the function from samples to YAMNet's embeddings: ``[patches, 1024]``.

    Raises:
        RealtimeSerError: the published module cannot be loaded.
    """
    module = published_yamnet()
    return lambda samples: np.asarray(module(samples)[1])


def published_layers(count: int) -> Frozen:
    """Return the function from samples to the output of YAMNet's first layers.

    Its results have the shape ``[patches, steps, bands, channels]``.

    Args:
        count: 2 to 14.

    Raises:
        RealtimeSerError: the published module cannot be loaded.
    """
    whole = _published_body()
    front = keras.Model(whole.inputs, _output_of(whole, count))
    return lambda samples: np.asarray(front.predict_on_batch(yamnet_patches(samples)))


def head(shape: tuple[int, ...], settings: HeadSettings) -> keras.Model:
    """Return the network that is trained: activations ``[batch, *shape]`` to eight logits.

    Args:
        shape: patches first, then the activations of one patch.
        settings: layers, units, dropout.

    Raises:
        RealtimeSerError: layers are trained, and the published module cannot be loaded.
    """
    patches = keras.Input(shape, name="patches")
    embeddings = patches
    if settings.trained_layers:
        flat = last_layers(settings)(ops.reshape(patches, (-1, *shape[1:])))
        embeddings = ops.reshape(flat, (-1, shape[0], flat.shape[-1]))
    mean = layers.GlobalAveragePooling1D(name="mean")(embeddings)
    if settings.normalized:
        mean = layers.BatchNormalization(momentum=0.95, name="normalization")(mean)
    hidden = layers.Dense(settings.hidden_units, activation="relu", name="hidden")(mean)
    thinned = layers.Dropout(settings.dropout, name="dropout")(hidden)
    return keras.Model(patches, layers.Dense(len(LABELS), name="logits")(thinned))


def last_layers(settings: HeadSettings) -> keras.Model:
    """Return YAMNet's last layers as published: activations of a patch to its embedding, 1024."""
    whole = _published_body()
    before = _output_of(whole, YAMNET_LAYERS - settings.trained_layers)
    embeddings = ops.mean(_output_of(whole, YAMNET_LAYERS), axis=(1, 2))
    last = keras.Model(before, embeddings, name="last_layers")
    for layer in last.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = settings.trained_statistics
    return last


def _published_body() -> keras.Model:
    whole = embedder((YAMNET_MEL,), NetworkSettings())
    load_published_weights(whole)
    return whole


def _output_of(whole: keras.Model, layer: int) -> keras.KerasTensor:
    return whole.get_layer(f"layer{layer}_pointwise_conv_relu").output
