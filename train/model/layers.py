"""Layers of our own, and how networks are compiled for Keras's backend.

On TensorFlow, some layers compute in training what Keras's own layers compute, by operations that
are faster on a CPU. Outside training they are Keras's layers, and so are they in exported networks.
"""

from collections.abc import Sequence
from typing import Literal

import keras
from keras import layers, ops

JIT_COMPILE = keras.backend.backend() == "jax"
"""Whether XLA compiles a network. JAX is slow without it, TensorFlow on a CPU ten times slower with
it."""

Precision = Literal["float32", "mixed_bfloat16"]
"""What the body of a network computes with in training; its weights are always float32. A processor
with AMX or AVX-512 BF16, or a GPU, is about twice as fast with ``mixed_bfloat16``."""


@keras.saving.register_keras_serializable("realtime_ser")
class AttentiveStatistics(layers.Layer):  # type: ignore[misc]
    """Attentive statistics pooling: ``[batch, time, channels]`` to ``[batch, 2 channels]``.

    The weighted mean and deviation over time (K. Okabe et al., arXiv:1803.10963).
    """

    def __init__(self, units: int, **options: object) -> None:
        super().__init__(**options)
        self.units = units
        self.hidden = layers.Dense(units, activation="tanh", name="hidden")
        self.score = layers.Dense(1, use_bias=False, name="score")

    def build(self, shape: Sequence[int | None]) -> None:
        """Create the weights for this many channels."""
        self.hidden.build(shape)
        self.score.build((*shape[:-1], self.units))

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Pool the time axis."""
        weights = ops.softmax(self.score(self.hidden(inputs)), axis=1)
        mean = ops.sum(weights * inputs, axis=1)
        variance = ops.sum(weights * ops.square(inputs - mean[:, None]), axis=1)
        return ops.concatenate([mean, ops.sqrt(variance + 1e-5)], axis=-1)

    def get_config(self) -> dict[str, object]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("realtime_ser")
class Normalization(layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalization of images ``[batch, height, width, channels]``.

    In training on TensorFlow it is one fused operation, whose running variance is the unbiased one.
    """

    def call(
        self, inputs: keras.KerasTensor, training: bool | None = None, mask: None = None
    ) -> keras.KerasTensor:
        """Normalize."""
        if not (training and self.trainable and _is_on_tensorflow()):
            return super().call(inputs, training=training, mask=mask)
        normalized, mean, variance = _normalize_fused(self, inputs, is_training=True)
        for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + new * (1.0 - self.momentum))
        return normalized


@keras.saving.register_keras_serializable("realtime_ser")
class FixedStatistics(layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalization whose statistics stay as loaded, in training too; its offset is trained.

    With statistics of speech alone, later layers would lose what distinguishes speech from other
    sounds.
    """

    def call(
        self, inputs: keras.KerasTensor, training: bool | None = None, mask: None = None
    ) -> keras.KerasTensor:
        """Normalize."""
        if training and _is_on_tensorflow():
            return _normalize_fused(self, inputs, is_training=False)[0]
        return super().call(inputs, training=False, mask=mask)


@keras.saving.register_keras_serializable("realtime_ser")
class PointwiseConvolution(layers.Conv2D):  # type: ignore[misc]
    """A convolution with a kernel of 1 × 1 and no bias, in training on TensorFlow as a product."""

    def call(self, inputs: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """Convolve ``[batch, height, width, channels]``."""
        if training and _is_on_tensorflow():
            return ops.tensordot(inputs, self.kernel[0, 0], axes=1)
        return super().call(inputs)


@keras.saving.register_keras_serializable("realtime_ser")
class DepthwiseConvolution(layers.DepthwiseConv2D):  # type: ignore[misc]
    """A depthwise convolution, as shifted products where Keras runs on JAX.

    Its weights and its results are those of ``DepthwiseConv2D``. XLA compiles nine multiply-adds of
    shifted images to much faster code for a GPU than JAX's grouped convolution. With a stride, it
    always computes in float32: oneDNN's gradient of it is slow in bfloat16.
    """

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Convolve ``[batch, height, width, channels]``, with padding ``same`` and no bias."""
        if keras.backend.backend() == "jax":
            return shifted_products(inputs, self.kernel, self.strides[0])
        if self.strides[0] == 1 or self.compute_dtype == "float32":
            return super().call(inputs)
        images, kernel = ops.cast(inputs, "float32"), ops.cast(self.kernel, "float32")
        convolved = ops.depthwise_conv(images, kernel, self.strides[0], "same")
        return ops.cast(convolved, self.compute_dtype)


def _is_on_tensorflow() -> bool:
    return bool(keras.backend.backend() == "tensorflow")


def _normalize_fused(
    layer: layers.BatchNormalization, images: keras.KerasTensor, is_training: bool
) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
    """Return images normalized, and the mean and variance of each channel, by one operation."""
    from tensorflow import raw_ops

    mean, variance = layer.moving_mean, layer.moving_variance
    result = raw_ops.FusedBatchNormV3(
        x=images,
        scale=layer.gamma if layer.scale else ops.ones_like(mean),
        offset=layer.beta,
        mean=ops.zeros((0,)) if is_training else mean,
        variance=ops.zeros((0,)) if is_training else variance,
        epsilon=layer.epsilon,
        is_training=is_training,
    )
    return result.y, result.batch_mean, result.batch_variance


def shifted_products(
    images: keras.KerasTensor, kernel: keras.KerasTensor, stride: int
) -> keras.KerasTensor:
    """Return a depthwise convolution with padding ``same``, a product for each kernel element.

    Args:
        images: ``[batch, height, width, channels]``.
        kernel: ``[rows, columns, channels, 1]``.
        stride: of both axes.

    Returns:
        ``[batch, ⌈height / stride⌉, ⌈width / stride⌉, channels]``.
    """
    rows, columns = kernel.shape[:2]
    (height, before_rows, after_rows), (width, before_columns, after_columns) = (
        _same_padding(size, taps, stride)
        for size, taps in zip(images.shape[1:3], (rows, columns), strict=True)
    )
    padded = ops.pad(
        images, ((0, 0), (before_rows, after_rows), (before_columns, after_columns), (0, 0))
    )
    last_row, last_column = stride * (height - 1) + 1, stride * (width - 1) + 1
    return sum(
        padded[:, row : row + last_row : stride, column : column + last_column : stride]
        * kernel[row, column, :, 0]
        for row in range(rows)
        for column in range(columns)
    )


def _same_padding(size: int, taps: int, stride: int) -> tuple[int, int, int]:
    """Return the size of the result, and the zeros before and after: TensorFlow's ``SAME``."""
    result = -(-size // stride)
    zeros = max(0, stride * (result - 1) + taps - size)
    return result, zeros // 2, zeros - zeros // 2
