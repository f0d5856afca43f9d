"""Rules that give plain synthetic speech the prosody of an emotion, applied with Praat.

The rules are those that listeners recognized in experiments with speech synthesis:

- [B&S] F. Burkhardt and W. F. Sendlmeier, "Verification of acoustical correlates of emotional
  speech using formant-synthesis", ISCA Workshop on Speech and Emotion, 2000
- [C] J. E. Cahn, "The generation of affect in synthesized speech", Journal of the American Voice
  I/O Society 8, 1990
- [M&A 93] I. R. Murray and J. L. Arnott, "Toward the simulation of emotion in synthetic speech: a
  review of the literature on human vocal emotion", J. Acoust. Soc. Am. 93, 1993, table I
- [M&A 95] I. R. Murray and J. L. Arnott, "Implementation and testing of a system for producing
  emotion-by-rule in synthetic speech", Speech Communication 16, 1995
- [S] M. Schröder, "Emotional speech synthesis: a review", Eurospeech 2001, whose table 1 gives the
  rules of the others in numbers

Where a source only says "higher" or "slower", the number is our choice, marked *chosen*.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import parselmouth
from numpy.typing import NDArray
from parselmouth.praat import call, run

PITCH_FLOOR_HZ, PITCH_CEILING_HZ = 75.0, 600.0
"""Range in which Praat looks for the pitch of plain speech, and to which new pitch is limited."""

PITCH_STEP_SECONDS = 0.01
FINAL_SECONDS = 0.4
"""Last part of a sentence, over which ``Rule.final_semitones`` rises or falls."""

TILT_FROM_HZ = 500.0
BREATH_FROM_HZ = 1500.0
"""Aspiration noise is weak below the second formant."""

ENVELOPE_SECONDS = 0.02
ROUGHNESS_HZ = 70.0
"""Amplitude modulation from 30 to 150 Hz is heard as roughness, most of all at 70 Hz (L. H. Arnal
et al., "Human screams occupy a privileged niche in the communication soundscape", 2015)."""

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rule:
    """How an emotion differs from plain speech.

    Attributes:
        pitch: factor on the mean pitch.
        pitch_range: factor on distances from the mean pitch, in semitones.
        rate: factor on the speaking rate.
        louder_db: level.
        formants: factor on all formants, as ``Change gender`` of Praat does it.
        final_semitones: rise or fall of the pitch at the end of the sentence.
        tilt_db: change of the spectrum per octave above 500 Hz: tense above 0, lax below.
        breath_db: level of aspiration noise below the voice, ``None`` for none.
        jitter: random deviation of the pitch every 10 ms, relative.
        roughness: depth of an amplitude modulation of 70 Hz, 0 to 1.
    """

    pitch: float = 1.0
    pitch_range: float = 1.0
    rate: float = 1.0
    louder_db: float = 0.0
    formants: float = 1.0
    final_semitones: float = 0.0
    tilt_db: float = 0.0
    breath_db: float | None = None
    jitter: float = 0.0
    roughness: float = 0.0


RULES = {
    "neutral": Rule(),
    "happy": Rule(
        pitch=1.6,  # mean F0 +50 % [B&S, in S]
        pitch_range=2.0,  # range +100 % [B&S, in S]
        rate=1.1,  # tempo +30 % [B&S, in S]; "faster or slower" [M&A 93]: a third of it, chosen
        louder_db=2.0,  # "higher" [M&A 93]; chosen
        formants=1.05,  # lip spreading, first two formants +10 % [B&S, in S]; all by half, chosen
        final_semitones=5.0,  # "smooth upward inflections" [M&A 93]; chosen
    ),
    "sad": Rule(
        pitch=1.1,  # "slightly lower" [M&A 93], far higher in crying despair [B&S]; between, chosen
        pitch_range=0.5,  # "slightly narrower" [M&A 93], range -5 of 10 [C, in S]
        rate=0.7,  # "slightly slower" [M&A 93], speech rate -10 of 10 [C, in S]; chosen
        louder_db=-6.0,  # "lower" [M&A 93], loudness -5 of 10 [C, in S]; chosen
        final_semitones=-2.0,  # "downward inflections" [M&A 93]; chosen
        tilt_db=-5.0,  # brilliance -9 of 10 [C, in S]; chosen
        breath_db=-15.0,  # breathiness +10 of 10 [C, in S]; chosen
        jitter=0.02,  # trembling of crying despair [B&S]; chosen
    ),
    "angry": Rule(
        pitch=2.0,  # "very much higher" [M&A 93]; only +10 Hz in [M&A 95, in S]; chosen
        pitch_range=2.2,  # "much wider" [M&A 93], +9 semitones [M&A 95, in S]
        rate=1.15,  # "slightly faster" [M&A 93], +30 words a minute [M&A 95, in S]
        louder_db=6.0,  # +6 dB [M&A 95, in S]
        formants=1.1,  # a shout opens the jaw, which raises the first formant; chosen
        final_semitones=-3.0,  # "abrupt" changes [M&A 93]; chosen
        tilt_db=9.0,  # tense phonation [B&S]; chosen
        jitter=0.01,  # laryngealization +78 % [M&A 95, in S], with roughness; chosen
        roughness=0.1,
    ),
    "fearful": Rule(
        pitch=2.3,  # mean F0 +150 % [B&S, in S], limited by what Praat resynthesizes cleanly
        pitch_range=1.2,  # range +20 % [B&S, in S]
        rate=1.3,  # tempo +30 % [B&S, in S]
        tilt_db=-2.5,  # falsetto [B&S, in S] has weak high harmonics; chosen
        breath_db=-18.0,  # the same; chosen
        jitter=0.03,  # "irregular voicing" [M&A 93]; chosen
    ),
    "surprised": Rule(
        pitch=1.5,  # pitch average 0 but steep rises [C, in S]; chosen
        pitch_range=2.4,  # pitch range +8 of 10, steeper accents [C, in S]
        rate=1.05,  # speech rate +4 of 10 [C, in S]
        louder_db=3.0,  # loudness +5 of 10 [C, in S]
        final_semitones=10.0,  # contour slope +10 of 10, rising [C, in S]; chosen
    ),
}


def apply_rule(samples: Float64, sample_rate: int, rule: Rule, seed: int) -> Float64:
    """Return speech with the prosody of a rule, at any level.

    Args:
        samples: plain speech, float64, shape ``[n]``.
        sample_rate: in hertz.
        rule: of the emotion.
        seed: of jitter, aspiration noise, and what Praat does at random to unvoiced sounds.

    Returns:
        float64, shape ``[m]``; the length differs by the speaking rate.
    """
    random = np.random.default_rng(seed)
    run(f"random_initializeWithSeedUnsafelyButPredictably ({seed})")
    sound = parselmouth.Sound(samples, sample_rate)
    if rule.formants != 1:
        sound = call(
            sound, "Change gender", PITCH_FLOOR_HZ, PITCH_CEILING_HZ, rule.formants, 0, 1, 1
        )
    voiced = _with_pitch_and_rate(sound, rule, random)
    tilted = _tilt(voiced, sample_rate, rule.tilt_db)
    return _with_voice_quality(tilted, sample_rate, rule, random)


def _with_pitch_and_rate(sound: Any, rule: Rule, random: np.random.Generator) -> Float64:
    manipulation = call(
        sound, "To Manipulation", PITCH_STEP_SECONDS, PITCH_FLOOR_HZ, PITCH_CEILING_HZ
    )
    tier = call(manipulation, "Extract pitch tier")
    points = range(1, call(tier, "Get number of points") + 1)
    times = np.array([call(tier, "Get time from index", point) for point in points])
    pitch = np.array([call(tier, "Get value at index", point) for point in points])
    call(tier, "Remove points between", 0, sound.duration)
    for time, value in zip(times, _new_pitch(times, pitch, rule, random), strict=True):
        call(tier, "Add point", time, value)
    call([tier, manipulation], "Replace pitch tier")
    durations = call("Create DurationTier", "rate", 0, sound.duration)
    call(durations, "Add point", sound.duration / 2, 1 / rule.rate)
    call([durations, manipulation], "Replace duration tier")
    spoken = call(manipulation, "Get resynthesis (overlap-add)")
    return np.asarray(spoken.values[0])


def _new_pitch(times: Float64, pitch: Float64, rule: Rule, random: np.random.Generator) -> Float64:
    mean = np.exp(np.log(pitch).mean())
    semitones = 12 * np.log2(pitch / mean) * rule.pitch_range
    final = np.clip((times - times[-1]) / FINAL_SECONDS + 1, 0, 1)
    semitones += rule.final_semitones * final
    changed = mean * rule.pitch * 2 ** (semitones / 12)
    changed *= 1 + rule.jitter * random.normal(size=len(changed))
    return np.asarray(np.clip(changed, PITCH_FLOOR_HZ, PITCH_CEILING_HZ))


def _tilt(samples: Float64, sample_rate: int, db_per_octave: float) -> Float64:
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    octaves = np.log2(np.maximum(frequencies, TILT_FROM_HZ) / TILT_FROM_HZ)
    return np.fft.irfft(spectrum * 10 ** (db_per_octave * octaves / 20), len(samples))


def _with_voice_quality(
    samples: Float64, sample_rate: int, rule: Rule, random: np.random.Generator
) -> Float64:
    changed = samples
    if rule.breath_db is not None:
        noise = np.fft.rfft(random.normal(size=len(samples)))
        noise[np.fft.rfftfreq(len(samples), 1 / sample_rate) < BREATH_FROM_HZ] = 0
        breath = np.fft.irfft(noise, len(samples))
        level = 10 ** (rule.breath_db / 20)
        changed = changed + breath / breath.std() * _envelope(samples, sample_rate) * level
    seconds = np.arange(len(samples)) / sample_rate
    return changed * (1 + rule.roughness * np.sin(2 * np.pi * ROUGHNESS_HZ * seconds))


def _envelope(samples: Float64, sample_rate: int) -> Float64:
    """Return the RMS over 20 ms around every sample."""
    window = np.hanning(round(ENVELOPE_SECONDS * sample_rate))
    return np.sqrt(np.convolve(samples**2, window / window.sum(), "same"))
