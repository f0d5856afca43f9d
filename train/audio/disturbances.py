"""Disturbances of a recording by noise, other voices, rooms, telephones and sound cards.

They are the robustness tests of audEERING's ser-tests that need no further recordings (A. Derington
et al., Testing correctness, fairness, and robustness of speech emotion recognition models,
arXiv:2312.06270), and others that a live microphone meets. Each is a pure function of 16 kHz
samples, float32 with full scale at ±1, shape ``[n]`` with n > 0, and of a random generator; it may
return more samples or fewer. What exceeds ±1 saturates when the recording is converted to 16-bit
integers, as in a sound card.

A signal-to-noise ratio is that of the RMS of the whole clip to the RMS of what is added, as in
ser-tests. Clips that are silent for half their length have a ratio 3 dB higher during the words.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from realtime_ser.settings import SAMPLE_RATE
from train.audio.channels import encode_and_decode, reverberate, room_response, telephone
from train.audio.levels import rms, speech_span
from train.audio.sounds import Sound, colored_noise, harmonic_tone

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Random = np.random.Generator
Disturbance = Callable[[Float32, Random], Float32]

BABBLE_VOICES = (4, 7)
"""Fewest and most voices mixed, as in ser-tests."""

CROP_SECONDS = (0.1, 0.2)


def unchanged(samples: Float32, _: Random) -> Float32:
    """Return the clip as it is."""
    return samples


# Added sounds.


def with_sound(samples: Float32, random: Random, *, sound: Sound, snr_db: float) -> Float32:
    """Add a sound at a signal-to-noise ratio."""
    return _mixed(samples, sound(len(samples), random), snr_db)


def white_noise(samples: Float32, random: Random, *, snr_db: float) -> Float32:
    """Add white noise: equal power at every frequency."""
    return with_sound(samples, random, sound=colored_noise(0.0), snr_db=snr_db)


def pink_noise(samples: Float32, random: Random, *, snr_db: float) -> Float32:
    """Add pink noise: equal power in every octave above 20 Hz."""
    return with_sound(samples, random, sound=colored_noise(0.5), snr_db=snr_db)


def hum(samples: Float32, random: Random, *, snr_db: float) -> Float32:
    """Add mains hum: 50 or 60 Hz and its harmonics."""
    frequency = float(random.choice((50, 60)))
    return with_sound(samples, random, sound=harmonic_tone(frequency, 10), snr_db=snr_db)


def babble(
    samples: Float32, random: Random, *, voices: Sequence[Float32], snr_db: float
) -> Float32:
    """Add several people who talk at once, without pauses.

    Args:
        samples: the clip.
        random: chooses who talks, and where in the clip each starts.
        voices: at least seven clips, trimmed to their speech.
        snr_db: of the clip to the sum of them.
    """
    count = int(random.integers(BABBLE_VOICES[0], BABBLE_VOICES[1], endpoint=True))
    chosen = [voices[index] for index in random.choice(len(voices), count, replace=False)]
    talking = [
        np.resize(np.roll(voice, int(random.integers(len(voice)))), len(samples)) / rms(voice)
        for voice in chosen
    ]
    return _mixed(samples, np.sum(talking, axis=0), snr_db)


def high_tone(samples: Float32, random: Random, *, snr_db: float) -> Float32:
    """Add a faint tone of 5 to 7 kHz; the ratio is that of the peaks."""
    phases = 2 * np.pi * random.uniform(5_000, 7_000) * np.arange(len(samples)) / SAMPLE_RATE
    amplitude = float(np.abs(samples).max()) * 10 ** (-snr_db / 20)
    return _float32(samples + amplitude * np.sin(phases))


# Rooms, lines and microphones.


def room(samples: Float32, random: Random, *, decay_seconds: float) -> Float32:
    """Let the voice sound in a room with as much reverberation as direct sound, at the same RMS."""
    return _as_loud(reverberate(samples, room_response(random, decay_seconds)), samples)


def telephone_line(samples: Float32, _: Random) -> Float32:
    """Send the voice over a telephone line."""
    return _float32(telephone(samples))


def mp3(samples: Float32, _: Random) -> Float32:
    """Encode and decode the voice as MP3 at a constant 24 kbit/s."""
    settings = {"compression_level": 0.9, "bitrate_mode": "CONSTANT"}
    coded = encode_and_decode(
        samples, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III", **settings
    )
    return _float32(coded)


def opus(samples: Float32, _: Random) -> Float32:
    """Encode and decode the voice as Opus at about 15 kbit/s, as in voice messages."""
    settings = {"compression_level": 0.95}
    return _float32(
        encode_and_decode(samples, SAMPLE_RATE, format="OGG", subtype="OPUS", **settings)
    )


def tilt(samples: Float32, _: Random, *, db_per_octave: float) -> Float32:
    """Tilt the spectrum by this slope above 50 Hz, at the same RMS."""
    hertz = np.maximum(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE), 50.0)
    slope = db_per_octave / (20 * np.log10(2))
    return _as_loud(np.fft.irfft(np.fft.rfft(samples) * hertz**slope, len(samples)), samples)


def high_pass(samples: Float32, _: Random, *, hertz: float) -> Float32:
    """Attenuate what lies below a frequency, by 6 dB per octave."""
    return _float32(sosfilt(butter(1, hertz, "highpass", fs=SAMPLE_RATE, output="sos"), samples))


def low_pass(samples: Float32, _: Random, *, hertz: float) -> Float32:
    """Attenuate what lies above a frequency, by 6 dB per octave."""
    return _float32(sosfilt(butter(1, hertz, "lowpass", fs=SAMPLE_RATE, output="sos"), samples))


# Levels.


def gain(samples: Float32, _: Random, *, decibels: float) -> Float32:
    """Change the level; loud clips saturate."""
    return _float32(samples * 10 ** (decibels / 20))


def small_gain(samples: Float32, random: Random) -> Float32:
    """Change the level by 1 or 2 dB, up or down; loud clips saturate."""
    return gain(samples, random, decibels=float(random.choice((-2, -1, 1, 2))))


def gain_below_full_scale(samples: Float32, _: Random, *, decibels: float) -> Float32:
    """Raise the level by this much, or as far as the loudest sample allows."""
    return _float32(samples * min(10 ** (decibels / 20), _headroom(samples)))


def clipping(samples: Float32, _: Random, *, share: float) -> Float32:
    """Clip this share of the samples, the loudest, at one height."""
    height = np.quantile(np.abs(samples), 1 - share)
    return _float32(np.clip(samples, -height, height))


def offset(samples: Float32, _: Random, *, height: float) -> Float32:
    """Add a constant, as a cheap sound card does."""
    return _float32(samples + height)


# Starts and ends.


def silence_before(samples: Float32, _: Random, *, seconds: float) -> Float32:
    """Put zeros before the clip."""
    return np.pad(samples, (round(seconds * SAMPLE_RATE), 0))


def silence_after(samples: Float32, _: Random, *, seconds: float) -> Float32:
    """Put zeros after the clip."""
    return np.pad(samples, (0, round(seconds * SAMPLE_RATE)))


def start_cut(samples: Float32, _: Random, *, seconds: float) -> Float32:
    """Cut this much off the clip's start."""
    return samples[round(seconds * SAMPLE_RATE) :]


def end_cut(samples: Float32, _: Random, *, seconds: float) -> Float32:
    """Cut this much off the clip's end."""
    return samples[: len(samples) - round(seconds * SAMPLE_RATE)]


def beginning_cropped(samples: Float32, random: Random) -> Float32:
    """Cut 0.1 to 0.2 s off the clip's beginning."""
    return samples[_crop(random) :]


def end_cropped(samples: Float32, random: Random) -> Float32:
    """Cut 0.1 to 0.2 s off the clip's end."""
    return samples[: -_crop(random)]


def first_word_cropped(samples: Float32, random: Random) -> Float32:
    """Start the clip 0.1 to 0.2 s after the voice starts."""
    return samples[speech_span(samples)[0] + _crop(random) :]


def last_word_cropped(samples: Float32, random: Random) -> Float32:
    """End the clip 0.1 to 0.2 s before the voice ends."""
    return samples[: speech_span(samples)[1] - _crop(random)]


def _crop(random: Random) -> int:
    return round(random.uniform(*CROP_SECONDS) * SAMPLE_RATE)


# Shared by several disturbances.


def _mixed(samples: Float32, sound: Float64, snr_db: float) -> Float32:
    return _float32(samples + sound * (rms(samples) / rms(sound) * 10 ** (-snr_db / 20)))


def _as_loud(changed: Float64, samples: Float32) -> Float32:
    """Scale a changed clip to the RMS of the original, or less where it would saturate."""
    factor = rms(samples) / rms(changed)
    return _float32(changed * min(factor, _headroom(changed)))


def _headroom(samples: Float32 | Float64) -> float:
    """Return the factor that brings the loudest sample to full scale."""
    return 1.0 / float(max(np.abs(samples).max(), 1e-12))


def _float32(samples: NDArray[np.floating[Any]]) -> Float32:
    return samples.astype(np.float32)
