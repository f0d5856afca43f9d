"""Synthesize the tests' speech with espeak-ng: 16 kHz mono, 16-bit FLAC.

Run ``python -m tools.make_speech``. It needs espeak-ng, numpy, soundfile and soxr. The same version
of espeak-ng always gives the same samples.
"""

import io
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 16_000
SPEECH_DBFS = -25.0
"""Level of a sentence as a desk microphone hears it; ``Sentence.louder_db`` is added to it."""

NOISE_DBFS = -78.0
"""Level of the noise floor, so that pauses are quiet and not digitally silent."""

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "tests" / "speech_samples"

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One spoken sentence.

    Attributes:
        text: what is said; may hold SSML.
        voice: espeak-ng voice and variant.
        pitch: 0 to 99.
        pitch_range: percent of the voice's own, 0 for a monotone.
        rate: words per minute.
        louder_db: decibels above the common speech level.
    """

    text: str
    voice: str
    pitch: int = 50
    pitch_range: int = 100
    rate: int = 170
    louder_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence between sentences, in seconds."""

    seconds: float


Script = Sequence[Sentence | Pause]

SCRIPTS: dict[Path, Script] = {
    SAMPLES / "one_utterance.flac": (
        Pause(0.7),
        Sentence("Dogs are sitting by the door this morning.", "en-us+f3", 55, 110, 165),
        Pause(0.7),
    ),
    SAMPLES / "three_utterances.flac": (
        Pause(0.8),
        Sentence("The kids are talking by the door.", "en-us+m3", 45, 100, 170),
        Pause(1.3),
        Sentence("Leave me alone, right now!", "en-gb+m1", 75, 180, 215, 5.0),
        Pause(1.6),
        Sentence("I miss the garden we used to have.", "en-gb+f2", 30, 40, 125, -4.0),
        Pause(1.0),
    ),
    SAMPLES / "short_word.flac": (
        Pause(0.8),
        Sentence("Yes!", "en-us+f4", 70, 150, 170),
        Pause(0.8),
    ),
    SAMPLES / "speech_at_once.flac": (
        Sentence("Dogs are sitting by the door.", "en-us+m7", 50, 110, 175),
        Pause(1.0),
    ),
}


def synthesize(sentence: Sentence) -> Float64:
    """Return a sentence as espeak-ng speaks it, at 16 kHz, float64, shape ``[n]``, trimmed."""
    marked = f'<speak><prosody range="{sentence.pitch_range}%">{sentence.text}</prosody></speak>'
    options = ["-m", "-v", sentence.voice, "-p", str(sentence.pitch), "-s", str(sentence.rate)]
    command = ["espeak-ng", *options, "--stdout", marked]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout
    samples, rate = soundfile.read(io.BytesIO(spoken), dtype="float64")
    resampled = np.asarray(soxr.resample(samples, rate, RATE))
    audible = np.flatnonzero(np.abs(resampled) > 0.01 * np.abs(resampled).max())
    return resampled[audible[0] : audible[-1] + 1]


def at_speech_level(samples: Float64, louder_db: float) -> Float64:
    """Return speech at ``SPEECH_DBFS`` plus ``louder_db``."""
    level = 10 ** ((SPEECH_DBFS + louder_db) / 20)
    return np.asarray(samples * level / np.sqrt(np.mean(samples**2)))


def silence(pause: Pause) -> Float64:
    """Return the samples of a pause."""
    return np.zeros(round(pause.seconds * RATE))


def over_noise(parts: Sequence[Float64]) -> Float64:
    """Return speech and pauses joined, over the noise floor, float64, shape ``[n]``."""
    clean = np.concatenate(parts)
    noise = np.random.default_rng(2).normal(scale=10 ** (NOISE_DBFS / 20), size=len(clean))
    return np.asarray(clean + noise)


def perform(script: Script) -> Float64:
    """Return a script's sentences and pauses over the noise floor, float64, shape ``[n]``."""
    return over_noise(
        [
            at_speech_level(synthesize(part), part.louder_db)
            if isinstance(part, Sentence)
            else silence(part)
            for part in script
        ]
    )


def main() -> None:
    """Write every clip."""
    for path, script in SCRIPTS.items():
        samples = perform(script)
        soundfile.write(path, samples, RATE, "PCM_16")
        print(f"{path.name}: {len(samples) / RATE:.2f} s, peak {np.abs(samples).max():.2f}")


if __name__ == "__main__":
    main()
