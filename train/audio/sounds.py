"""Synthetic sounds without speech: noise, hum, tones, chords, clicks, breath, music, typing, fans.

No recordings of rooms, machines or music come with this project; these sounds stand for them. How a
network trained on them does on real ones has not been measured. Networks are trained on the
families of ``TRAINING_SOUNDS`` only, so that ``UNSEEN_SOUNDS`` shows how they do on other kinds.
Every family draws its own parameters (color, pitch, tempo, timbre) from the generator it is given;
the same generator gives the same sound.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from realtime_ser.settings import SAMPLE_RATE
from train.audio.levels import at_level

LOWEST_HZ = 20.0
"""Lower end of all noise."""

SILENCE_DBFS = -85.0
"""Level of the dither in a silent 16-bit recording."""

Float64 = NDArray[np.float64]
Random = np.random.Generator
Sound = Callable[[int, Random], Float64]
"""From the number of samples and a generator to samples at any level, shape ``[count]``."""


# Building blocks of the families.


def shaped_noise(
    count: int, random: Random, amplitude: Callable[[Float64], Float64 | float]
) -> Float64:
    """Return noise with this amplitude at each frequency in Hz, none below ``LOWEST_HZ``."""
    spectrum = np.fft.rfft(random.normal(size=count))
    frequencies = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    shape = amplitude(np.maximum(frequencies, LOWEST_HZ))
    return np.asarray(np.fft.irfft(np.where(frequencies < LOWEST_HZ, 0.0, spectrum * shape), count))


def colored_noise(slope: float) -> Sound:
    """Return noise whose amplitude falls as frequency to the power ``slope``."""
    return lambda count, random: shaped_noise(count, random, lambda hertz: hertz**-slope)


def harmonic_tone(frequency: float, harmonics: int) -> Sound:
    """Return a steady tone whose harmonics have amplitudes of one over their number."""

    def sound(count: int, random: Random) -> Float64:
        numbers = np.arange(1, harmonics + 1)[:, None]
        times = np.arange(count) / SAMPLE_RATE
        phases = random.uniform(0, 2 * np.pi, (harmonics, 1))
        return np.asarray(
            (np.sin(2 * np.pi * frequency * numbers * times + phases) / numbers).sum(axis=0)
        )

    return sound


def _band_noise(count: int, random: Random, lowest: float, highest: float) -> Float64:
    """Return noise around a random center between two frequencies, some octaves wide."""
    center, octaves = _between(random, lowest, highest), random.uniform(0.3, 3)
    return shaped_noise(
        count, random, lambda hertz: np.exp(-0.5 * (np.log2(hertz / center) / octaves) ** 2)
    )


def _gliding_tone(frequency: Float64, weights: Float64) -> Float64:
    """Return a tone with weighted harmonics that follows a frequency in Hz, without aliasing."""
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
    sound = np.zeros(len(frequency))
    for number, weight in enumerate(weights, start=1):
        if number * frequency.max() < SAMPLE_RATE / 2:
            sound += weight * np.sin(number * phase)
    return sound


def _wobble(count: int, random: Random, fastest_hz: float) -> Float64:
    """Return a slow random curve between 0 and 1, with a limit to how fast it changes."""
    points = max(4, int(count / SAMPLE_RATE * random.uniform(0.2, 1) * 2 * fastest_hz))
    return np.interp(np.linspace(0, points - 1, count), np.arange(points), random.random(points))


def _between(random: Random, lowest: float, highest: float) -> float:
    """Draw a number between two, uniform on a logarithmic scale."""
    return float(np.exp(random.uniform(np.log(lowest), np.log(highest))))


def _timbre(random: Random) -> Float64:
    """Draw the weights of an instrument's harmonics."""
    numbers = np.arange(1, int(random.integers(2, 16)) + 1)
    weights: Float64 = numbers ** -random.uniform(0.5, 2.5) * random.uniform(0.2, 1, len(numbers))
    return weights * np.where(numbers % 2, 1.0, random.choice([0.0, 0.3, 1.0]))


def _envelope(count: int, attack: float, decay: float) -> Float64:
    """Return an envelope that rises in ``attack`` seconds and falls to 1/e in ``decay``."""
    times = np.arange(count) / SAMPLE_RATE
    return np.asarray(np.minimum(times / attack, 1.0) * np.exp(-times / decay))


def _add(whole: Float64, part: Float64, second: float) -> None:
    """Add a part that starts at this second, cut off at the end of the whole."""
    first = round(second * SAMPLE_RATE)
    room = max(0, len(whole) - first)
    whole[first : first + len(part)] += part[:room]


def _key_hertz(key: float) -> float:
    return 440.0 * 2 ** ((key - 69) / 12)


# Families for training.


def silence(count: int, random: Random) -> Float64:
    """Return the dither of a silent recording."""
    return at_level(random.uniform(-1, 1, count), SILENCE_DBFS)


def noise(count: int, random: Random) -> Float64:
    """Return steady noise, from blue over white and pink to brown."""
    return colored_noise(random.uniform(-0.2, 1.3))(count, random)


def band_noise(count: int, random: Random) -> Float64:
    """Return noise of one band whose level varies, like wind or a machine."""
    depth = random.uniform(0, 1)
    swell = 1 - depth * _wobble(count, random, _between(random, 0.2, 12))
    return _band_noise(count, random, 100, 6000) * swell


def hum(count: int, random: Random) -> Float64:
    """Return hum or buzz with its harmonics, in some noise."""
    tone = _gliding_tone(
        np.full(count, _between(random, 40, 300)) * (1 + 0.01 * _wobble(count, random, 2)),
        random.uniform(0, 1, int(random.integers(1, 40))) + 0.05,
    )
    swell = 1 - random.uniform(0, 0.7) * _wobble(count, random, 4)
    hiss = colored_noise(random.uniform(0, 1))(count, random)
    return at_level(tone, 0.0) * swell + at_level(hiss, random.uniform(-50, -5))


def tones(count: int, random: Random) -> Float64:
    """Return one tone, steady or switched on and off."""
    tone = _gliding_tone(np.full(count, _between(random, 80, 4000)), _timbre(random)[:4])
    if random.random() < 0.4:
        return tone
    period, share = _between(random, 0.1, 2), random.uniform(0.2, 0.8)
    on = (np.arange(count) / SAMPLE_RATE / period % 1 < share).astype(np.float64)
    return tone * np.convolve(on, np.full(160, 1 / 160), "same")


def chirps(count: int, random: Random) -> Float64:
    """Return a tone that sweeps repeatedly, like a siren or a whistle."""
    lowest = _between(random, 100, 1500)
    times = np.arange(count) / SAMPLE_RATE / _between(random, 0.15, 4)
    sweep = times % 1 if random.random() < 0.5 else 0.5 - 0.5 * np.cos(2 * np.pi * times)
    return _gliding_tone(lowest * _between(random, 1.2, 4) ** sweep, _timbre(random)[:6])


def chords(count: int, random: Random) -> Float64:
    """Return chords of one instrument, struck, plucked or sustained."""
    whole, timbre = np.zeros(count), _timbre(random)
    beat, attack = _between(random, 0.2, 2.5), _between(random, 0.003, 0.2)
    decay, root = _between(random, 0.1, 4), random.uniform(40, 65)
    kinds = ((0, 4, 7), (0, 3, 7), (0, 5, 7), (0, 4, 7, 10), (0, 3, 6), (0, 7, 12, 16))
    for second in np.arange(0, count / SAMPLE_RATE, beat):
        length = min(count, round((beat + 2 * decay) * SAMPLE_RATE))
        key = root + random.choice([0, 2, 4, 5, 7, 9, -5, -3])
        for step in kinds[random.integers(len(kinds))]:
            note = _gliding_tone(np.full(length, _key_hertz(key + step)), timbre)
            _add(whole, note * _envelope(length, attack, decay), float(second))
    return whole


def clicks(count: int, random: Random) -> Float64:
    """Return clicks, knocks and crackle at random times, in faint noise."""
    whole = at_level(random.normal(size=count), random.uniform(-70, -45))
    rate, ring = _between(random, 0.5, 30), _between(random, 0.001, 0.05)
    moments = np.cumsum(random.exponential(1 / rate, int(2 * rate * count / SAMPLE_RATE) + 2))
    length = round(8 * ring * SAMPLE_RATE) + 16
    for second in moments[moments < count / SAMPLE_RATE]:
        burst = _band_noise(length, random, 300, 6000) * _envelope(length, 0.0005, ring)
        _add(whole, at_level(burst, random.uniform(-20, 0)), float(second))
    return whole


def breath(count: int, random: Random) -> Float64:
    """Return breathing: bursts of filtered noise with pauses."""
    whole = at_level(random.normal(size=count), random.uniform(-70, -45))
    second = random.uniform(-0.5, 0.5)
    while second < count / SAMPLE_RATE:
        length = round(_between(random, 0.25, 2) * SAMPLE_RATE)
        rise_and_fall = np.sin(np.pi * np.linspace(0, 1, length) ** _between(random, 0.5, 2)) ** 2
        puff = sum(
            random.uniform(0.2, 1) * at_level(_band_noise(length, random, 300, 4000), 0.0)
            for _ in range(2)
        )
        _add(whole, puff * rise_and_fall, max(0.0, second))
        second += length / SAMPLE_RATE + _between(random, 0.05, 1.5)
    return whole


TRAINING_SOUNDS: dict[str, Sound] = {
    "silence": silence,
    "noise": noise,
    "band noise": band_noise,
    "hum": hum,
    "tones": tones,
    "chirps": chirps,
    "chords": chords,
    "clicks": clicks,
    "breath": breath,
}
"""Families that networks are trained on."""


# Families kept out of training.


def music(count: int, random: Random) -> Float64:
    """Return a melody with vibrato over a bass and drums."""
    beat, root = random.uniform(0.25, 0.6), random.uniform(50, 62)
    whole, timbre, bass = np.zeros(count), _timbre(random), _timbre(random)
    scale, degree = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]), 4
    for index, second in enumerate(np.arange(0, count / SAMPLE_RATE, beat / 2)):
        if random.random() < 0.7:
            degree = int(np.clip(degree + random.integers(-2, 3), 0, len(scale) - 1))
            note = _melody_note(
                beat * random.choice([0.5, 1, 2]), root + 12 + scale[degree], random
            )
            _add(whole, 0.5 * _gliding_tone(note, timbre) * _held(len(note)), float(second))
        if index % 4 == 0:
            low = np.full(round(1.8 * beat * SAMPLE_RATE), _key_hertz(root - 12))
            _add(whole, 0.5 * _gliding_tone(low, bass) * _held(len(low)), float(second))
        _add(whole, _drum(index % 4, random), float(second))
    return whole


def _melody_note(seconds: float, key: float, random: Random) -> Float64:
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    vibrato = random.uniform(0, 0.4) * np.sin(2 * np.pi * random.uniform(4, 7) * times)
    return np.asarray(440.0 * 2 ** ((key - 69 + vibrato) / 12))


def _held(count: int) -> Float64:
    """Return the envelope of a note: a quick rise, a slow fall, a quick end."""
    left = np.arange(count)[::-1] / SAMPLE_RATE
    return _envelope(count, 0.02, 1.0) * np.minimum(left / 0.03, 1.0)


def _drum(quarter: int, random: Random) -> Float64:
    """Return a bass drum on the first beat of four, a snare on the third, else a cymbal."""
    count = round(0.25 * SAMPLE_RATE)
    if quarter == 0:
        fall = 50 + 100 * np.exp(-np.arange(count) / SAMPLE_RATE / 0.03)
        return _gliding_tone(fall, np.ones(1)) * _envelope(count, 0.002, 0.1)
    lowest, decay, height = (300.0, 0.08, 0.6) if quarter == 2 else (5000.0, 0.03, 0.3)
    hiss = shaped_noise(count, random, lambda hertz: (hertz > lowest).astype(np.float64))
    return height * hiss * _envelope(count, 0.001, decay)


def typing(count: int, random: Random) -> Float64:
    """Return typing: keys struck and released, in words with pauses."""
    whole = at_level(colored_noise(0.5)(count, random), random.uniform(-60, -45))
    body, pace = _between(random, 250, 900), random.uniform(0.09, 0.25)
    second = 0.2
    while second < count / SAMPLE_RATE:
        for _ in range(int(random.integers(2, 12))):
            strength = random.uniform(0.5, 1)
            _add(whole, strength * _key(body, random), second)
            _add(whole, 0.4 * _key(1.4 * body, random), second + random.uniform(0.06, 0.11))
            second += pace * random.uniform(0.6, 1.5)
        second += _between(random, 0.1, 2)
    return whole


def _key(body_hertz: float, random: Random) -> Float64:
    """Return the sound of one key: a click, and the ringing board."""
    count = round(0.06 * SAMPLE_RATE)
    click = random.normal(size=count) * _envelope(count, 0.0003, 0.003)
    jitter = random.uniform(0.9, 1.1)
    board = _gliding_tone(np.full(count, body_hertz * jitter), np.array([1.0, 0.5, 0.3]))
    return click + 0.5 * board * _envelope(count, 0.0005, 0.012)


def fan(count: int, random: Random) -> Float64:
    """Return a fan: rushing air and the tones of its blades, modulated by its motor."""
    turns = _between(random, 8, 40) * (1 + 0.03 * _wobble(count, random, 0.5))
    blades = int(random.integers(3, 9))
    air = shaped_noise(count, random, lambda hertz: (1 + (hertz / 400) ** 2) ** -0.4)
    pulse = 1 + random.uniform(0, 0.5) * np.sin(2 * np.pi * np.cumsum(turns) / SAMPLE_RATE)
    whine = _gliding_tone(blades * turns, np.arange(1.0, 7.0) ** -random.uniform(0.5, 1.5))
    swell = 1 - 0.3 * _wobble(count, random, 0.3)
    return (at_level(air, 0.0) * pulse + at_level(whine, random.uniform(-20, 0))) * swell


UNSEEN_SOUNDS: dict[str, Sound] = {"music": music, "typing": typing, "fan": fan}
"""Families that no network is trained on."""
