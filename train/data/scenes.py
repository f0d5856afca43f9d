"""Scenes: what the speech gate might hand out, with a voice or without, from clips and sounds.

Whatever is done to a scene's acoustics is done to voices and sounds alike, so that a room or a
telephone tells nothing about which of them it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import librosa
import numpy as np
import soxr
from numpy.typing import NDArray

from realtime_ser.emotion.frontend import FRAME_STEPS, STEP_SAMPLES, FeatureMap, Frontend, to_float
from realtime_ser.settings import SAMPLE_RATE, Settings
from train.data.sounds import LEARNT, Sound, at_level, shaped_noise
from train.data.utterances import gated

SPEECH_DB = 30.0
"""A clip speaks where a 10 ms step is within this of its loudest."""

LEAST_SPEECH_STEPS = 25
"""Steps of speech that make a frame one of speech; with fewer, but some, it is neither."""

TRACT_ORDER = 16
"""Coefficients of a vocal tract at 16 kHz."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]
Mask = NDArray[np.bool_]
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Scene:
    """What the gate might hand out as one utterance.

    Attributes:
        samples: full scale at ±1, what lies beyond saturates; shape ``[n]``.
        speech: for each 10 ms step whether somebody speaks, shape ``[n // 160]``.
    """

    samples: Float64
    speech: Mask


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames the live program makes of a scene.

    Attributes:
        maps: for each feature map float32, shape ``[frames, 96, bands]``.
        speech: whether they hold speech, shape ``[frames]``.
    """

    maps: dict[str, Float32]
    speech: Mask


def gated_scene(clip: Int16) -> Scene:
    """Return a clip as the gate hands it out, all of it speech."""
    samples = to_float(gated(clip)).astype(np.float64)
    return Scene(samples, np.ones(len(samples) // STEP_SAMPLES, np.bool_))


def speech_scene(clip: Int16, random: Random) -> Scene:
    """Return a clip's speech changed in ways that leave it speech."""
    voice = _cut_out(to_float(clip).astype(np.float64), random)
    if random.random() < 0.15:
        voice = whispered(voice, random)
    if random.random() < 0.5:
        voice = np.asarray(soxr.resample(voice, random.uniform(0.8, 1.25), 1.0))
    voice = _transmitted(voice, random)
    speech = _speaks(voice)
    if random.random() < 0.15:  # a short word
        steps = int(np.argmax(speech)) + int(random.integers(30, 65))
        voice, speech = voice[: steps * STEP_SAMPLES], speech[:steps]
    voice = at_level(voice, random.uniform(-45, -15))
    return Scene(*(_under_a_sound if random.random() < 0.7 else _alone)(voice, speech, random))


def sound_scene(sound: Sound, random: Random) -> Scene:
    """Return a sound alone, 1 to 6 s of it or a moment, perhaps suddenly louder or softer."""
    seconds = random.uniform(0.3, 0.95) if random.random() < 0.15 else random.uniform(1, 6)
    count = round(seconds * SAMPLE_RATE)
    samples = _transmitted(sound(max(count, SAMPLE_RATE), random)[:count], random)
    samples = at_level(samples, random.uniform(-55, -12))
    if random.random() < 0.5:
        samples[int(random.integers(count)) :] *= 10 ** (random.uniform(-25, 10) / 20)
    return Scene(samples, np.zeros(count // STEP_SAMPLES, np.bool_))


def frames(scene: Scene, feature_maps: Sequence[FeatureMap]) -> Frames:
    """Return a scene's frames, without those that hold too little speech to say."""
    samples = as_int16(scene.samples)
    frontend = Frontend(Settings().hop_steps, feature_maps)
    found = [*frontend.process(samples), *frontend.flush()]
    steps = np.array(
        [scene.speech[each.start_step : each.start_step + FRAME_STEPS].sum() for each in found]
    )
    clear = np.flatnonzero((steps == 0) | (steps >= LEAST_SPEECH_STEPS))
    maps = {
        each.name: np.array([found[index].maps[each.name] for index in clear], np.float32).reshape(
            -1, FRAME_STEPS, each.bands
        )
        for each in feature_maps
    }
    return Frames(maps, steps[clear] > 0)


def as_int16(samples: Float64) -> Int16:
    """Return sound with full scale at ±1 as a sound card gives it."""
    return np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)


def whispered(voice: Float64, random: Random) -> Float64:
    """Return a voice without its pitch: noise through each moment's vocal tract."""
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


def _cut_out(clip: Float64, random: Random) -> Float64:
    """Return the clip from some time before its speech to some time behind it."""
    steps = np.flatnonzero(_speaks(clip)) * STEP_SAMPLES
    first = steps[0] - round(random.uniform(0.1, 0.5) * SAMPLE_RATE)
    last = steps[-1] + round(random.uniform(0, 0.6) * SAMPLE_RATE)
    return clip[max(0, first) : last]


def _speaks(voice: Float64) -> Mask:
    whole = len(voice) // STEP_SAMPLES * STEP_SAMPLES
    levels = np.sqrt(np.mean(voice[:whole].reshape(-1, STEP_SAMPLES) ** 2, axis=1))
    return np.asarray(levels >= levels.max() * 10 ** (-SPEECH_DB / 20))


def _transmitted(samples: Float64, random: Random) -> Float64:
    """Return what is left of a sound behind a room or a telephone, or the sound."""
    if random.random() < 0.3:
        samples = _in_a_room(samples, random)
    if random.random() < 0.15:
        samples = _through_a_telephone(samples)
    return samples


def _in_a_room(samples: Float64, random: Random) -> Float64:
    """Return a sound with reverberation: decaying noise, 60 dB in 0.15 to 1 s."""
    seconds = random.uniform(0.15, 1.0)
    count = round(seconds * SAMPLE_RATE)
    decay = 10 ** (-3 * np.arange(count) / count)
    tail = shaped_noise(count, random, lambda hertz: hertz**-0.3) * decay
    response = at_level(tail, 0.0) / np.sqrt(count) * random.uniform(0.2, 1)
    response[0] = 1.0
    length = len(samples) + count
    wet = np.fft.irfft(np.fft.rfft(samples, length) * np.fft.rfft(response, length), length)
    return np.asarray(wet[: len(samples)])


def _through_a_telephone(samples: Float64) -> Float64:
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    return np.asarray(np.fft.irfft(spectrum * ((hertz > 300) & (hertz < 3400)), len(samples)))


def _alone(voice: Float64, speech: Mask, _: Random) -> tuple[Float64, Mask]:
    return voice, speech


def _under_a_sound(voice: Float64, speech: Mask, random: Random) -> tuple[Float64, Mask]:
    """Return a voice with a sound 0 to 30 dB below it, which may go on when it ends."""
    steps_behind = int(random.integers(300)) if random.random() < 0.4 else 0
    level = np.sqrt(
        np.mean(voice[: len(speech) * STEP_SAMPLES][np.repeat(speech, STEP_SAMPLES)] ** 2)
    )
    sound = list(LEARNT.values())[random.integers(len(LEARNT))]
    voice, speech = (
        np.pad(voice, (0, steps_behind * STEP_SAMPLES)),
        np.pad(speech, (0, steps_behind)),
    )
    dbfs = 20 * float(np.log10(level)) - random.uniform(0, 30)
    return voice + at_level(sound(len(voice), random), dbfs), speech
