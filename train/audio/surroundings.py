"""What lies between a speaker and the network: speed, room, noise, band, microphone level."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import oaconvolve

from realtime_ser.settings import SAMPLE_RATE
from train.audio.levels import as_int16, at_level, rms
from train.audio.sounds import colored_noise

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class SurroundingSettings:
    """How often and how far an utterance is changed; shares are probabilities from 0 to 1.

    Attributes:
        longest_seconds: longer utterances are cut to this at a random place.
        fragment_share: utterances of which only a fragment is used.
        shortest_fragment_seconds: shortest such fragment.
        speed_share: utterances played faster or slower, which moves tempo, pitch and formants.
        speed_octaves: largest such change, in octaves of frequency.
        room_share: utterances convolved with a room's impulse response.
        noise_share: utterances with added noise.
        lowest_snr_db, highest_snr_db: range of the signal-to-noise ratio.
        babble_share: noisy utterances whose noise is another speaker, at least 10 dB below.
        filter_share: utterances whose band is limited or tilted.
        tilt_db: largest tilt between the lowest and the highest frequency.
        quietest_dbfs, loudest_dbfs: range of the level at which samples are rounded to int16.
        clipped_share: utterances amplified until their peaks clip.
    """

    longest_seconds: float = 4.0
    fragment_share: float = 0.25
    shortest_fragment_seconds: float = 0.6
    speed_share: float = 0.6
    speed_octaves: float = 0.2
    room_share: float = 0.3
    noise_share: float = 0.5
    lowest_snr_db: float = 3.0
    highest_snr_db: float = 40.0
    babble_share: float = 0.15
    filter_share: float = 0.4
    tilt_db: float = 8.0
    quietest_dbfs: float = -62.0
    loudest_dbfs: float = -18.0
    clipped_share: float = 0.06


@dataclass(frozen=True, slots=True)
class Recordings:
    """Recordings that change an utterance, each 16 kHz.

    Attributes:
        noises: int16, shape ``[n]`` each.
        voices: int16, shape ``[n]`` each: other speakers.
        rooms: impulse responses, float32, shape ``[n]`` each, direct sound first, its peak at 1.
    """

    noises: Sequence[Int16]
    voices: Sequence[Int16]
    rooms: Sequence[Float32]


def in_surroundings(
    samples: Int16,
    recordings: Recordings,
    settings: SurroundingSettings,
    random: np.random.Generator,
) -> Int16:
    """Return an utterance as another microphone in another place might record it, int16 ``[m]``."""
    values = _cut(samples, settings, random).astype(np.float32)
    if random.random() < settings.speed_share:
        speed = 2.0 ** random.uniform(-settings.speed_octaves, settings.speed_octaves)
        values = soxr.resample(values, speed, 1.0, quality="LQ")
    if random.random() < settings.room_share and recordings.rooms:
        room = recordings.rooms[int(random.integers(len(recordings.rooms)))]
        values = oaconvolve(values, room)[: len(values)].astype(np.float32)
    if random.random() < settings.noise_share:
        values = _with_noise(values, recordings, settings, random)
    if random.random() < settings.filter_share:
        values = _filtered(values, settings, random)
    return _recorded(values, settings, random)


def _cut(samples: Int16, settings: SurroundingSettings, random: np.random.Generator) -> Int16:
    longest = round(settings.longest_seconds * SAMPLE_RATE)
    if random.random() < settings.fragment_share:
        shortest = round(settings.shortest_fragment_seconds * SAMPLE_RATE)
        if len(samples) > shortest:
            longest = int(random.integers(shortest, min(longest, len(samples)) + 1))
    first = int(random.integers(0, max(0, len(samples) - longest) + 1))
    return samples[first : first + longest]


def _with_noise(
    values: Float32,
    recordings: Recordings,
    settings: SurroundingSettings,
    random: np.random.Generator,
) -> Float32:
    snr = random.uniform(settings.lowest_snr_db, settings.highest_snr_db)
    kind = random.random()
    if kind < settings.babble_share and recordings.voices:
        snr = max(snr, 10.0)
        noise = _excerpt(
            recordings.voices[int(random.integers(len(recordings.voices)))], values, random
        )
    elif kind < 0.4 or not recordings.noises:
        count = next_fast_len(len(values), real=True)
        noise = colored_noise(random.uniform(0, 1))(count, random)[: len(values)].astype(np.float32)
    else:
        noise = _excerpt(
            recordings.noises[int(random.integers(len(recordings.noises)))], values, random
        )
    ratio = rms(values) / rms(noise) * 10 ** (-snr / 20)
    return (values + noise * np.float32(ratio)).astype(np.float32)


def _excerpt(sound: Int16, like: Float32, random: np.random.Generator) -> Float32:
    """Return as many samples of a sound as ``like`` has, repeated where it is too short."""
    first = int(random.integers(0, max(1, len(sound) - len(like) + 1)))
    return np.resize(sound[first : first + len(like)], len(like)).astype(np.float32)


def _filtered(
    values: Float32, settings: SurroundingSettings, random: np.random.Generator
) -> Float32:
    """Return values tilted, and half of the time limited to a telephone's or headset's band."""
    count = next_fast_len(len(values), real=True)
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE), 1.0)
    octaves = np.log2(hertz / 1000.0)
    decibels = random.uniform(-settings.tilt_db, settings.tilt_db) / 6 * np.clip(octaves, -4, 3)
    if random.random() < 0.5:
        lowest, highest = random.uniform(50, 350), random.uniform(3300, 7000)
        beyond = np.maximum(np.log2(lowest / hertz), np.log2(hertz / highest))
        decibels -= np.clip(48 * beyond, 0, 60)
    gains = (10 ** (decibels / 20)).astype(np.float32)
    filtered: Float32 = irfft(rfft(values, count) * gains, count)
    return filtered[: len(values)]


def _recorded(values: Float32, settings: SurroundingSettings, random: np.random.Generator) -> Int16:
    """Return values rounded to int16 at a random level, some of them clipped."""
    dbfs = random.uniform(settings.quietest_dbfs, settings.loudest_dbfs)
    recorded = at_level(values.astype(np.float64), dbfs)
    if random.random() < settings.clipped_share:
        recorded *= random.uniform(1.0, 4.0) / (float(np.abs(recorded).max()) + 1e-12)
    return as_int16(recorded)
