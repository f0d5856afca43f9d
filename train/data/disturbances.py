"""Disturbances: what noise, other voices, rooms, telephones and sound cards do to a recording.

They are the robustness tests of audEERING's ser-tests that need no further recordings (A. Derington
et al., Testing correctness, fairness, and robustness of speech emotion recognition models,
arXiv:2312.06270), and others that a live microphone meets. Each is a pure function of 16 kHz
samples, float32 with full scale at ±1, shape ``[n]`` with n > 0, and of the generator that all its
chance comes from; more samples or fewer may come back. What ends beyond ±1 saturates when the
recording becomes 16-bit integers, as it does in a sound card.

A signal-to-noise ratio is that of the RMS of the whole clip to the RMS of what is added, as in
ser-tests; RAVDESS's clips are silent for about half their length, so the ratio during the words is
some 3 dB higher.
"""

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from realtime_ser.settings import SAMPLE_RATE
from realtime_ser.speech.gate import VOTE_SAMPLES
from train.data.sounds import Sound, coloured_noise, harmonic_tone

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Random = np.random.Generator
Disturbance = Callable[[Float32, Random], Float32]

TELEPHONE_RATE = 8_000
TELEPHONE_BAND = (300.0, 3400.0)
"""What a telephone line passes, in hertz."""

BABBLE_VOICES = (4, 7)
"""Fewest and most voices mixed, as in ser-tests."""

SPEECH_DB = 30.0
"""Depth below the loudest moment down to which a clip counts as speech."""

CROP_SECONDS = (0.1, 0.2)


def unchanged(samples: Float32, _: Random) -> Float32:
    """Return the clip as it is."""
    return samples


# Sounds beside the voice.


def with_sound(samples: Float32, random: Random, *, sound: Sound, snr_db: float) -> Float32:
    """Add a sound at a signal-to-noise ratio."""
    return _mixed(samples, sound(len(samples), random), snr_db)


def white_noise(samples: Float32, random: Random, *, snr_db: float) -> Float32:
    """Add noise as strong at every frequency."""
    return with_sound(samples, random, sound=coloured_noise(0.0), snr_db=snr_db)


def pink_noise(samples: Float32, random: Random, *, snr_db: float) -> Float32:
    """Add noise as strong in every octave from 20 Hz on."""
    return with_sound(samples, random, sound=coloured_noise(0.5), snr_db=snr_db)


def hum(samples: Float32, random: Random, *, snr_db: float) -> Float32:
    """Add the mains: 50 or 60 Hz and their harmonics."""
    frequency = float(random.choice((50, 60)))
    return with_sound(samples, random, sound=harmonic_tone(frequency, 10), snr_db=snr_db)


def babble(
    samples: Float32, random: Random, *, voices: Sequence[Float32], snr_db: float
) -> Float32:
    """Add several people who talk at once without a pause.

    Args:
        samples: the clip.
        random: chooses who talks, and where each begins.
        voices: at least seven clips, without silence before and after the words.
        snr_db: of the clip to all of them together.
    """
    count = int(random.integers(BABBLE_VOICES[0], BABBLE_VOICES[1], endpoint=True))
    chosen = [voices[each] for each in random.choice(len(voices), count, replace=False)]
    talking = [
        np.resize(np.roll(each, int(random.integers(len(each)))), len(samples)) / _rms(each)
        for each in chosen
    ]
    return _mixed(samples, np.sum(talking, axis=0), snr_db)


def high_tone(samples: Float32, random: Random, *, snr_db: float) -> Float32:
    """Add a faint tone of 5 to 7 kHz; the ratio is that of the peaks."""
    phases = 2 * np.pi * random.uniform(5_000, 7_000) * np.arange(len(samples)) / SAMPLE_RATE
    amplitude = float(np.abs(samples).max()) * 10 ** (-snr_db / 20)
    return _float32(samples + amplitude * np.sin(phases))


# Rooms, lines and microphones.


def room(samples: Float32, random: Random, *, decay_seconds: float) -> Float32:
    """Let the voice sound in a room, as loud as before."""
    heard = fftconvolve(samples, room_response(random, decay_seconds))[: len(samples)]
    return _as_loud(heard, samples)


def room_response(random: Random, decay_seconds: float) -> Float64:
    """Return a room's impulse response, shape ``[16 000 · decay_seconds]``.

    The direct sound first, then Gaussian noise that decays by 60 dB in ``decay_seconds`` (RT60) and
    holds as much energy: the speaker stands at the critical distance, about a metre away in a
    living room. Noise that decays is J.-D. Polack's model of what follows the first reflections (La
    transmission de l'énergie sonore dans les salles, thesis, Université du Maine, 1988).
    """
    count = round(decay_seconds * SAMPLE_RATE)
    response = random.normal(size=count) * 10 ** (-3 * np.arange(count) / count)
    response /= np.sqrt(np.sum(response**2))
    response[0] += 1.0
    return np.asarray(response)


def telephone(samples: Float32, _: Random) -> Float32:
    """Send the voice over a telephone line: 300 to 3400 Hz, 8 kHz, µ-law (ITU-T G.711)."""
    band = butter(8, TELEPHONE_BAND, "bandpass", fs=TELEPHONE_RATE, output="sos")
    sent = sosfilt(band, soxr.resample(samples, SAMPLE_RATE, TELEPHONE_RATE))
    received = _coded(sent, TELEPHONE_RATE, format="WAV", subtype="ULAW")
    heard = soxr.resample(sosfilt(band, received), TELEPHONE_RATE, SAMPLE_RATE)
    return _float32(heard)


def mp3(samples: Float32, _: Random) -> Float32:
    """Code and decode the voice as MP3 at a constant 24 kbit/s."""
    settings = {"compression_level": 0.9, "bitrate_mode": "CONSTANT"}
    coded = _coded(samples, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III", **settings)
    return _float32(coded)


def opus(samples: Float32, _: Random) -> Float32:
    """Code and decode the voice as Opus at about 15 kbit/s, as voice messages are."""
    settings = {"compression_level": 0.95}
    return _float32(_coded(samples, SAMPLE_RATE, format="OGG", subtype="OPUS", **settings))


def tilt(samples: Float32, _: Random, *, db_per_octave: float) -> Float32:
    """Raise the spectrum by so much an octave, from 50 Hz on, and keep the clip as loud."""
    hertz = np.maximum(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE), 50.0)
    slope = db_per_octave / (20 * np.log10(2))
    return _as_loud(np.fft.irfft(np.fft.rfft(samples) * hertz**slope, len(samples)), samples)


def high_pass(samples: Float32, _: Random, *, hertz: float) -> Float32:
    """Weaken what lies below a frequency, by 6 dB an octave."""
    return _float32(sosfilt(butter(1, hertz, "highpass", fs=SAMPLE_RATE, output="sos"), samples))


def low_pass(samples: Float32, _: Random, *, hertz: float) -> Float32:
    """Weaken what lies above a frequency, by 6 dB an octave."""
    return _float32(sosfilt(butter(1, hertz, "lowpass", fs=SAMPLE_RATE, output="sos"), samples))


# Levels.


def gain(samples: Float32, _: Random, *, decibels: float) -> Float32:
    """Change the level; loud clips saturate."""
    return _float32(samples * 10 ** (decibels / 20))


def gain_below_full_scale(samples: Float32, _: Random, *, decibels: float) -> Float32:
    """Raise the level by so much, or as far as the loudest sample allows."""
    return _float32(samples * min(10 ** (decibels / 20), _headroom(samples)))


def clipping(samples: Float32, _: Random, *, share: float) -> Float32:
    """Cut off the loudest samples, this share of all, at one height."""
    height = np.quantile(np.abs(samples), 1 - share)
    return _float32(np.clip(samples, -height, height))


def offset(samples: Float32, _: Random, *, height: float) -> Float32:
    """Add a constant, as a cheap sound card does."""
    return _float32(samples + height)


# Beginnings and ends.


def silence_before(samples: Float32, _: Random, *, seconds: float) -> Float32:
    """Put zeros before the clip."""
    return np.pad(samples, (round(seconds * SAMPLE_RATE), 0))


def silence_after(samples: Float32, _: Random, *, seconds: float) -> Float32:
    """Put zeros after the clip."""
    return np.pad(samples, (0, round(seconds * SAMPLE_RATE)))


def beginning_cropped(samples: Float32, random: Random) -> Float32:
    """Cut 0.1 to 0.2 s off the clip's beginning."""
    return samples[_crop(random) :]


def end_cropped(samples: Float32, random: Random) -> Float32:
    """Cut 0.1 to 0.2 s off the clip's end."""
    return samples[: -_crop(random)]


def first_word_cropped(samples: Float32, random: Random) -> Float32:
    """Begin the clip 0.1 to 0.2 s after the voice does."""
    return samples[speech_of(samples)[0] + _crop(random) :]


def last_word_cropped(samples: Float32, random: Random) -> Float32:
    """End the clip 0.1 to 0.2 s before the voice does."""
    return samples[: speech_of(samples)[1] - _crop(random)]


def speech_of(samples: Float32) -> tuple[int, int]:
    """Return where the part begins and ends that silence precedes and follows.

    It lasts from the first to the last 30 ms within 30 dB of the loudest, as ``measure-gate`` has
    it.
    """
    whole = len(samples) - len(samples) % VOTE_SAMPLES
    powers = np.square(samples[:whole], dtype=np.float64).reshape(-1, VOTE_SAMPLES).mean(axis=1)
    loud = np.flatnonzero(powers >= powers.max() * 10 ** (-SPEECH_DB / 10))
    return int(loud[0]) * VOTE_SAMPLES, int(loud[-1] + 1) * VOTE_SAMPLES


def _crop(random: Random) -> int:
    return round(random.uniform(*CROP_SECONDS) * SAMPLE_RATE)


# What they have in common.


def _mixed(samples: Float32, sound: Float64, snr_db: float) -> Float32:
    return _float32(samples + sound * (_rms(samples) / _rms(sound) * 10 ** (-snr_db / 20)))


def _as_loud(changed: Float64, samples: Float32) -> Float32:
    """Return what a clip was changed to with the clip's RMS, or less where it would saturate."""
    factor = _rms(samples) / _rms(changed)
    return _float32(changed * min(factor, _headroom(changed)))


def _rms(samples: Float32 | Float64) -> float:
    """Return the root of the mean square, of silence the least that can be divided by."""
    return float(max(np.sqrt(np.mean(np.square(samples, dtype=np.float64))), 1e-12))


def _headroom(samples: Float32 | Float64) -> float:
    """Return the factor that brings the loudest sample to full scale."""
    return 1.0 / float(max(np.abs(samples).max(), 1e-12))


def _coded(samples: Float32 | Float64, rate: int, **settings: Any) -> Float64:
    """Return what libsndfile makes of samples that it codes and decodes."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), rate, **settings)
    file.seek(0)
    decoded: Float64 = soundfile.read(file)[0]
    return decoded


def _float32(samples: NDArray[np.floating[Any]]) -> Float32:
    return samples.astype(np.float32)
