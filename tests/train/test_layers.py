"""Layers that compute in training what Keras's own layers compute, by faster operations."""

import numpy as np
import pytest

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

pytest.importorskip("tensorflow", reason="the train extra is not installed", exc_type=ImportError)

import keras  # noqa: E402
from keras import layers  # noqa: E402

from train.model.branches import BranchSettings, build_branch  # noqa: E402
from train.model.layers import (  # noqa: E402
    DepthwiseConvolution,
    FixedStatistics,
    Normalization,
    PointwiseConvolution,
)

IMAGES = np.random.default_rng(0).normal(2, 3, (4, 6, 5, 8)).astype(np.float32)


def same_weights(layer: layers.Layer, like: layers.Layer) -> None:
    """Give both layers the same random weights."""
    random = np.random.default_rng(1)
    for each in (layer, like):
        each.build(IMAGES.shape)
    weights = [random.uniform(0.5, 1.5, value.shape) for value in layer.get_weights()]
    layer.set_weights(weights)
    like.set_weights(weights)


def gradient_of_input(layer: layers.Layer) -> np.ndarray:
    import tensorflow

    images = tensorflow.constant(IMAGES)
    with tensorflow.GradientTape() as tape:
        tape.watch(images)
        loss = keras.ops.sum(keras.ops.square(layer(images, training=True)))
    return np.asarray(tape.gradient(loss, images))


@pytest.mark.parametrize("scale", [True, False])
def test_normalization_and_its_gradient_are_those_of_keras(scale: bool) -> None:
    layer, like = (
        kind(momentum=0.5, epsilon=1e-4, scale=scale)
        for kind in (Normalization, layers.BatchNormalization)
    )
    same_weights(layer, like)
    assert np.allclose(layer(IMAGES, training=True), like(IMAGES, training=True), atol=1e-4)
    assert np.allclose(layer.moving_mean, like.moving_mean, rtol=1e-4)
    assert np.allclose(layer.moving_variance, like.moving_variance, rtol=0.01)  # unbiased here
    assert np.allclose(layer(IMAGES, training=False), like(IMAGES, training=False), atol=0.05)
    assert np.allclose(gradient_of_input(layer), gradient_of_input(like), atol=1e-3)


def test_frozen_normalization_does_not_follow_the_batch() -> None:
    layer = Normalization(momentum=0.5)
    layer.build(IMAGES.shape)
    layer.trainable = False
    assert np.allclose(layer(IMAGES, training=True), IMAGES, rtol=1e-3)
    assert np.array_equal(layer.moving_mean, np.zeros(8))


def test_fixed_statistics_are_the_same_in_training() -> None:
    layer, like = FixedStatistics(scale=False), layers.BatchNormalization(scale=False)
    same_weights(layer, like)
    assert np.allclose(layer(IMAGES, training=True), like(IMAGES, training=False), atol=1e-4)


def test_a_pointwise_convolution_in_training_is_the_convolution() -> None:
    layer = PointwiseConvolution(7, 1, use_bias=False)
    layer.build(IMAGES.shape)
    assert np.allclose(layer(IMAGES, training=True), layer(IMAGES, training=False), atol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_depthwise_convolution_takes_bfloat16(stride: int) -> None:
    exact = DepthwiseConvolution(3, stride, padding="same", use_bias=False)
    rounded = DepthwiseConvolution(
        3, stride, padding="same", use_bias=False, dtype="mixed_bfloat16"
    )
    same_weights(exact, rounded)
    found = rounded(IMAGES)
    assert found.dtype == "bfloat16"
    assert np.allclose(keras.ops.cast(found, "float32"), exact(IMAGES), rtol=0.03, atol=0.3)


@pytest.mark.parametrize("body", ["yamnet", "byols"])
def test_a_branch_in_bfloat16_gives_almost_the_same_positions(body: str) -> None:
    settings = BranchSettings(body, body, frozen_layers=1, learning_rate=1e-3)  # type: ignore[arg-type]
    exact, rounded = build_branch(settings)[0], build_branch(settings, "mixed_bfloat16")[0]
    rounded.set_weights(exact.get_weights())
    maps = np.random.default_rng(2).normal(size=(3, 96, 64)).astype(np.float32)
    wanted, found = np.asarray(exact(maps)), rounded(maps)
    assert found.dtype == "float32"
    assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()
    assert {weight.dtype for weight in rounded.weights} == {"float32"}
