"""Framing: whole utterances cut, levelled and windowed as the live program does it."""

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import (
    FRAME_STEPS,
    FeatureMap,
    LevelNormalisation,
    level_gain,
    log_map,
)
from realtime_ser.settings import Settings
from train.data.utterances import Spectra, Utterance

Float32 = NDArray[np.float32]


def framed(
    spectra: Spectra, feature_maps: tuple[FeatureMap, ...], settings: Settings
) -> dict[str, Float32]:
    """Return the last window of an utterance, for each map ``[frames, 96, bands]``."""
    starts = range(0, len(spectra.powers) - FRAME_STEPS + 1, settings.hop_steps)
    window = list(starts)[-settings.window_frames :]
    gains = [
        level_gain(spectra.powers[: start + FRAME_STEPS], LevelNormalisation()) for start in window
    ]
    return {
        each.name: np.stack(
            [
                log_map(spectra.columns[each.name][start : start + FRAME_STEPS], gain, each)
                for start, gain in zip(window, gains, strict=True)
            ]
        )
        for each in feature_maps
    }


def window_logits(
    embed: keras.Model,
    classify: keras.Model,
    utterances: Sequence[Utterance],
    feature_maps: tuple[FeatureMap, ...],
) -> Float32:
    """Return the logits of each utterance's last window, shape ``[utterances, 8]``."""
    windows = [framed(each.variants[0], feature_maps, Settings()) for each in utterances]
    names = [each.name for each in feature_maps]
    stacked = [np.concatenate([window[name] for window in windows]) for name in names]
    embeddings = embed.predict(stacked, batch_size=64, verbose=0)
    ends = np.cumsum([len(window[names[0]]) for window in windows])[:-1]
    logits = [
        classify(each.reshape(1, -1, each.shape[-1]), training=False)
        for each in np.split(embeddings, ends)
    ]
    return np.concatenate([np.asarray(each) for each in logits])
