"""Cuts utterances into the frames and windows that the live program makes of them."""

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import FRAME_STEPS, LevelNormalization, level_gain, log_map
from realtime_ser.emotion.spectra import FeatureMap
from realtime_ser.settings import Settings
from train.audio.utterances import Spectra, Utterance

Float32 = NDArray[np.float32]


def last_window(
    spectra: Spectra, feature_maps: tuple[FeatureMap, ...], settings: Settings
) -> dict[str, Float32]:
    """Return the frames of an utterance's last window, for each map ``[frames, 96, bands]``."""
    starts = range(0, len(spectra.powers) - FRAME_STEPS + 1, settings.hop_steps)
    return frames_at(spectra, feature_maps, starts[-settings.window_frames :])


def frames_at(
    spectra: Spectra,
    feature_maps: tuple[FeatureMap, ...],
    starts: Sequence[int],
    gain: float = 1.0,
) -> dict[str, Float32]:
    """Return frames of an utterance, for each map float32 ``[frames, 96, bands]``.

    Args:
        spectra: of the utterance.
        feature_maps: the maps to return.
        starts: first step of each frame.
        gain: factor of the level after its normalization.
    """
    level = LevelNormalization()
    gains = [
        np.float32(gain) * level_gain(spectra.powers[: start + FRAME_STEPS], level)
        for start in starts
    ]
    return {
        feature_map.name: np.stack(
            [
                log_map(
                    spectra.columns[feature_map.name][start : start + FRAME_STEPS],
                    factor,
                    feature_map,
                )
                for start, factor in zip(starts, gains, strict=True)
            ]
        )
        for feature_map in feature_maps
    }


def window_logits(
    embed: keras.Model,
    classify: keras.Model,
    utterances: Sequence[Utterance],
    feature_maps: tuple[FeatureMap, ...],
) -> Float32:
    """Return the logits of each utterance's last window, shape ``[utterances, 8]``."""
    windows = [
        last_window(utterance.variants[0], feature_maps, Settings()) for utterance in utterances
    ]
    names = [feature_map.name for feature_map in feature_maps]
    inputs = [np.concatenate([window[name] for window in windows]) for name in names]
    embeddings = embed.predict(inputs, batch_size=64, verbose=0)
    ends = np.cumsum([len(window[names[0]]) for window in windows])[:-1]
    logits = [
        classify(frames.reshape(1, -1, frames.shape[-1]), training=False)
        for frames in np.split(embeddings, ends)
    ]
    return np.concatenate([np.asarray(logit) for logit in logits])
