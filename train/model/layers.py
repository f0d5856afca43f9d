"""Layers of our own, and how networks are compiled for Keras's backend."""

from collections.abc import Sequence

import keras
from keras import layers, ops

JIT_COMPILE = keras.backend.backend() == "jax"
"""Whether XLA compiles a network. JAX is slow without it, TensorFlow on a CPU ten times slower with
it."""


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
class FixedStatistics(layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalization whose statistics stay as loaded, in training too; its offset is trained.

    With statistics of speech alone, later layers would lose what distinguishes speech from other
    sounds.
    """

    def call(
        self, inputs: keras.KerasTensor, training: bool | None = None, mask: None = None
    ) -> keras.KerasTensor:
        """Normalize."""
        return super().call(inputs, training=False, mask=mask)


@keras.saving.register_keras_serializable("realtime_ser")
class DepthwiseConvolution(layers.DepthwiseConv2D):  # type: ignore[misc]
    """A depthwise convolution, as shifted products where Keras runs on JAX.

    Its weights and its results are those of ``DepthwiseConv2D``. XLA compiles nine multiply-adds of
    shifted images to much faster code for a GPU than JAX's grouped convolution.
    """

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Convolve ``[batch, height, width, channels]``, with padding ``same`` and no bias."""
        if keras.backend.backend() == "jax":
            return shifted_products(inputs, self.kernel, self.strides[0])
        return super().call(inputs)


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
