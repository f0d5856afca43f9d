"""Scenes for the speech head: what the speech gate might pass, with a voice or without.

Voices and sounds go through the same rooms and telephones, so that these reveal nothing about which
of them it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import librosa
import numpy as np
import soxr
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import FRAME_STEPS, Frontend, to_float
from realtime_ser.emotion.spectra import STEP_SAMPLES, FeatureMap
from realtime_ser.settings import SAMPLE_RATE, Settings
from train.audio.channels import reverberate, room_response, telephone
from train.audio.levels import as_int16, at_level, loud_frames, rms
from train.audio.sounds import TRAINING_SOUNDS, Sound
from train.audio.utterances import longest_utterance

LEAST_SPEECH_STEPS = 25
"""A frame with at least this many steps of speech counts as speech, one with none as no speech;
all others are left out."""

TRACT_ORDER = 16
"""Linear prediction coefficients of a vocal tract at 16 kHz."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]
Mask = NDArray[np.bool_]
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Scene:
    """What the gate might pass as one utterance.

    Attributes:
        samples: full scale at ±1, shape ``[n]``; what exceeds it saturates.
        speech: whether each 10 ms step is speech, shape ``[n // 160]``.
    """

    samples: Float64
    speech: Mask


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames that the live program makes of a scene.

    Attributes:
        maps: by name of the feature map, float32, shape ``[frames, 96, bands]``.
        speech: whether a frame is speech, shape ``[frames]``.
    """

    maps: dict[str, Float32]
    speech: Mask


def gated_scene(clip: Int16) -> Scene:
    """Return a clip as the gate passes it, all of it speech."""
    samples = to_float(longest_utterance(clip)).astype(np.float64)
    return Scene(samples, np.ones(len(samples) // STEP_SAMPLES, np.bool_))


def speech_scene(clip: Int16, random: Random) -> Scene:
    """Return a clip's speech, whispered, faster, far away, short, in noise, or any of these."""
    voice = _trim(to_float(clip).astype(np.float64), random)
    if random.random() < 0.15:
        voice = whispered(voice, random)
    if random.random() < 0.5:
        voice = np.asarray(soxr.resample(voice, random.uniform(0.8, 1.25), 1.0))
    voice = _transmit(voice, random)
    speech = loud_frames(voice, STEP_SAMPLES)
    if random.random() < 0.15:  # a short word
        steps = int(np.argmax(speech)) + int(random.integers(30, 65))
        voice, speech = voice[: steps * STEP_SAMPLES], speech[:steps]
    voice = at_level(voice, random.uniform(-45, -15))
    return _with_sound(voice, speech, random) if random.random() < 0.7 else Scene(voice, speech)


def sound_scene(sound: Sound, random: Random) -> Scene:
    """Return a sound without speech, 0.3 to 6 s of it, possibly with a sudden change of level."""
    seconds = random.uniform(0.3, 0.95) if random.random() < 0.15 else random.uniform(1, 6)
    count = round(seconds * SAMPLE_RATE)
    samples = _transmit(sound(max(count, SAMPLE_RATE), random)[:count], random)
    samples = at_level(samples, random.uniform(-55, -12))
    if random.random() < 0.5:
        samples[int(random.integers(count)) :] *= 10 ** (random.uniform(-25, 10) / 20)
    return Scene(samples, np.zeros(count // STEP_SAMPLES, np.bool_))


def frames(scene: Scene, feature_maps: Sequence[FeatureMap]) -> Frames:
    """Return a scene's frames, without those that hold too little speech to be either kind."""
    samples = as_int16(scene.samples)
    frontend = Frontend(Settings().hop_steps, feature_maps)
    computed = [*frontend.process(samples), *frontend.flush()]
    steps = np.array(
        [
            scene.speech[frame.start_step : frame.start_step + FRAME_STEPS].sum()
            for frame in computed
        ]
    )
    clear = np.flatnonzero((steps == 0) | (steps >= LEAST_SPEECH_STEPS))
    maps = {
        feature_map.name: np.array(
            [computed[index].maps[feature_map.name] for index in clear], np.float32
        ).reshape(-1, FRAME_STEPS, feature_map.bands)
        for feature_map in feature_maps
    }
    return Frames(maps, steps[clear] > 0)


def whispered(voice: Float64, random: Random) -> Float64:
    """Return a voice without pitch: noise filtered by the vocal tract of each 32 ms."""
    length = 512
    window = np.hanning(length + 1)[:length]
    whisper = np.zeros(len(voice) + length)
    for start in range(0, len(voice) - length, length // 2):
        piece = voice[start : start + length] * window
        level = np.sqrt(np.mean(piece**2))
        if level < 1e-6:
            continue
        steadied = piece + 1e-3 * level * random.normal(size=length)
        tract = librosa.lpc(steadied, order=TRACT_ORDER)
        response = np.fft.irfft(1 / np.fft.rfft(tract, 2 * length))[:length]
        hiss = np.convolve(random.normal(size=length), response)[:length] * window
        whisper[start : start + length] += at_level(hiss, 20 * float(np.log10(level)))
    return whisper[: len(voice)]


def _trim(clip: Float64, random: Random) -> Float64:
    """Return the clip's speech with a random margin before and after it."""
    steps = np.flatnonzero(loud_frames(clip, STEP_SAMPLES)) * STEP_SAMPLES
    first = steps[0] - round(random.uniform(0.1, 0.5) * SAMPLE_RATE)
    last = steps[-1] + round(random.uniform(0, 0.6) * SAMPLE_RATE)
    return clip[max(0, first) : last]


def _transmit(samples: Float64, random: Random) -> Float64:
    """Send a sound through a room, over a telephone, through both, or leave it unchanged."""
    count = len(samples)
    if random.random() < 0.3:
        seconds, level_db = random.uniform(0.15, 1.0), random.uniform(-14, 0)
        samples = reverberate(samples, room_response(random, seconds, level_db))
    if random.random() < 0.15:
        samples = telephone(at_level(samples, -20.0))[:count]
    return samples


def _with_sound(voice: Float64, speech: Mask, random: Random) -> Scene:
    """Add a sound 0 to 30 dB below the voice; it may continue after the voice."""
    steps_after = int(random.integers(300)) if random.random() < 0.4 else 0
    spoken = voice[: len(speech) * STEP_SAMPLES][np.repeat(speech, STEP_SAMPLES)]
    dbfs = 20 * float(np.log10(rms(spoken))) - random.uniform(0, 30)
    voice = np.pad(voice, (0, steps_after * STEP_SAMPLES))
    sound = list(TRAINING_SOUNDS.values())[random.integers(len(TRAINING_SOUNDS))]
    mixed = voice + at_level(sound(len(voice), random), dbfs)
    return Scene(mixed, np.pad(speech, (0, steps_after)))
