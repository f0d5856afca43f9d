"""Make the demo clip: synthetic sentences with the prosody of five emotions, 16 kHz mono FLAC.

Run ``python -m tools.make_demo``. It needs espeak-ng and the train extra. The same versions of
espeak-ng and Praat give the same samples. ``--check`` only prints length, pitch and level of the
sentences, and what the bundled model, or ``--model``, calls them.

espeak-ng's license (GPL 3) covers the program, not the speech that it produces; the clip is
licensed like the rest of the repository.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import parselmouth
import soundfile
from numpy.typing import NDArray

from realtime_ser import EmotionUpdate, Recognizer
from realtime_ser.demo import demo_clip
from tools.emotional_prosody import RULES, apply_rule
from tools.make_speech import (
    RATE,
    Pause,
    Sentence,
    at_speech_level,
    over_noise,
    silence,
    synthesize,
)

WOMAN, MAN = "en-us+f5", "en-us+m3"
RATE_OF_PLAIN_SPEECH = 165
"""Words a minute."""

BEFORE, BETWEEN, AFTER = Pause(1.0), Pause(1.2), Pause(1.0)

PITCH_FLOOR_HZ, PITCH_CEILING_HZ = 60.0, 700.0

HIGHEST_PEAK = 0.9
"""Of full scale; louder sentences would clip, so all sentences are scaled alike."""

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of the demo.

    Attributes:
        voice: espeak-ng voice and variant.
        emotion: one of ``RULES``.
        text: what is said.
    """

    voice: str
    emotion: str
    text: str


SCRIPT = (
    Line(MAN, "neutral", "The kids are talking by the door."),
    Line(WOMAN, "happy", "You really won? That is so wonderful!"),
    Line(MAN, "angry", "I told you not to touch it. Get out of here!"),
    Line(WOMAN, "sad", "I waited all night, and nobody called."),
    Line(WOMAN, "fearful", "Did you hear that? Somebody is in the house!"),
    Line(MAN, "sad", "I miss the garden that we used to have."),
    Line(WOMAN, "angry", "No! Leave me alone, I have had enough of this!"),
    Line(WOMAN, "neutral", "The train to the city leaves at ten past four."),
)


def perform(line: Line, seed: int) -> Float64:
    """Return a sentence of the demo at 16 kHz and its level, float64, shape ``[n]``."""
    rule = RULES[line.emotion]
    plain = synthesize(Sentence(line.text, line.voice, rate=RATE_OF_PLAIN_SPEECH))
    return at_speech_level(apply_rule(plain, RATE, rule, seed), rule.louder_db)


def measurements(samples: Float64) -> str:
    """Return length, pitch, its range (10 to 90 %) and level of a sentence in words."""
    sound = parselmouth.Sound(samples, RATE)
    track = sound.to_pitch(0.01, PITCH_FLOOR_HZ, PITCH_CEILING_HZ).selected_array["frequency"]
    low, middle, high = np.percentile(track[track > 0], (10, 50, 90))
    level = 10 * np.log10(np.mean(samples**2))
    return (
        f"{len(samples) / RATE:.1f} s, {middle:3.0f} Hz, {12 * np.log2(high / low):4.1f} semitones,"
        f" {level:.0f} dBFS"
    )


def labels_of(recognizer: Recognizer, samples: Float64) -> str:
    """Return the labels that the program shows during a sentence, one after the other."""
    alone = over_noise([silence(BEFORE), samples, silence(AFTER)])
    result = recognizer.recognize(np.clip(alone, -1, 1), RATE)
    return " ".join(
        f"{event.label} {event.confidence:.2f}"
        for event in result.events
        if isinstance(event, EmotionUpdate)
    )


def joined(sentences: list[Float64]) -> Iterator[Float64]:
    """Yield sentences and pauses in their order."""
    yield silence(BEFORE)
    for number, samples in enumerate(sentences):
        if number:
            yield silence(BETWEEN)
        yield samples
    yield silence(AFTER)


def main() -> None:
    """Write the clip, or print what its sentences are like."""
    parser = argparse.ArgumentParser("python -m tools.make_demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="print instead of writing")
    parser.add_argument("--model", type=Path, help="model folder for --check")
    options = parser.parse_args()
    sentences = [perform(line, seed) for seed, line in enumerate(SCRIPT)]
    if options.check:
        recognizer = Recognizer(options.model)
        for line, samples in zip(SCRIPT, sentences, strict=True):
            print(f"{line.voice} {line.emotion:9} {measurements(samples)}: ", end="")
            print(labels_of(recognizer, samples), flush=True)
        return
    peak = max(np.abs(samples).max() for samples in sentences)
    scale = min(1.0, HIGHEST_PEAK / peak)
    samples = over_noise(list(joined([scale * samples for samples in sentences])))
    soundfile.write(demo_clip(), samples, RATE, "PCM_16")
    print(f"{len(samples) / RATE:.2f} s, peak {np.abs(samples).max():.2f}")


if __name__ == "__main__":
    main()
