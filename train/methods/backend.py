"""Keras's backend: how a network is compiled for it."""

import keras

JIT_COMPILE = keras.backend.backend() == "jax"
"""Whether XLA compiles: JAX is slow without, TensorFlow on a CPU ten times slower with it."""
