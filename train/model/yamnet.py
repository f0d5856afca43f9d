"""The published YAMNet from TF Hub, and its weights.

M. Plakal and D. Ellis, tensorflow/models, research/audioset/yamnet; Apache-2.0.
"""

import functools
import os
import warnings
from typing import Any

import keras
import numpy as np

from realtime_ser.errors import RealtimeSerError
from realtime_ser.native_output import quiet_c_libraries

YAMNET_URL = "https://tfhub.dev/google/yamnet/1"


@functools.cache
def published_yamnet() -> Any:
    """Load the published module, once per process.

    It maps 16 kHz float32 samples ``[n]`` to class scores, embeddings ``[frames, 1024]`` and a
    log-mel spectrogram.

    Raises:
        RealtimeSerError: TensorFlow Hub is not installed, or the module cannot be downloaded.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with warnings.catch_warnings(), quiet_c_libraries():
            warnings.simplefilter("ignore")
            import tensorflow_hub
    except ImportError as error:
        raise RealtimeSerError(
            f"TensorFlow Hub cannot be imported ({error})",
            'install the train extra: pip install "realtime-ser[train]"',
        ) from error
    try:
        with quiet_c_libraries():
            return tensorflow_hub.load(YAMNET_URL)
    except Exception as error:  # the network, the cache and TensorFlow raise anything
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise RealtimeSerError(
            f"{YAMNET_URL} cannot be loaded ({reason[0][:120]})",
            "connect to the network, or set TFHUB_CACHE_DIR to a folder that holds it",
        ) from error


def load_published_weights(embed: keras.Model) -> None:
    """Set the layers ``layerN_…`` of a network to the published weights, by name.

    Raises:
        RealtimeSerError: the module cannot be loaded.
        KeyError: the module has no weight for a layer.
        ValueError: a weight has another shape.
    """
    published = {
        variable.name.split(":")[0].replace("/", "_"): variable.numpy()
        for variable in published_yamnet()._yamnet.variables
    }
    for layer in embed.layers:
        if layer.weights and layer.name.startswith("layer"):
            layer.set_weights([np.asarray(published[name]) for name in _weight_names(layer)])


def _weight_names(layer: keras.Layer) -> list[str]:
    """Return what the published module calls the weights of a layer."""
    names = [f"{layer.name}_{weight.path.split('/')[-1]}" for weight in layer.weights]
    return [
        name.replace("depthwise_conv_kernel", "depthwise_conv_depthwise_kernel") for name in names
    ]
