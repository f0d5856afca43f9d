"""What the streams of the load test say: utterances of sound files, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realtime_ser import AudioInputError, Recognizer, SpeechEnded
from realtime_ser.samples import Int16
from realtime_ser.settings import SAMPLE_RATE

SUFFIXES = (".flac", ".wav", ".ogg", ".mp3")


@dataclass(frozen=True, slots=True)
class Speech:
    """The audio that all streams send, each from another place on.

    Attributes:
        samples: 16 kHz mono int16, shape ``[n]``.
        duty_cycle: share of its time that lies in utterances, as the recognizer finds them.
        files: number of files that it was made of.
    """

    samples: Int16
    duty_cycle: float
    files: int


def load_speech(paths: Sequence[Path], seconds: float, pause: float) -> Speech:
    """Join the utterances of sound files.

    Args:
        paths: files, and folders of files.
        seconds: length at which to stop.
        pause: silence between two utterances, in seconds.

    Raises:
        AudioInputError: there is no speech.
    """
    recognizer = Recognizer()
    silence = np.zeros(round(pause * SAMPLE_RATE), np.int16)
    pieces: list[Int16] = []
    files = 0
    for path in _files(paths):
        files += 1
        audio: list[Int16] = []
        found = recognizer.recognize_file(path, on_audio=audio.append)
        samples = np.concatenate(audio)
        for event in found.events:
            if isinstance(event, SpeechEnded):
                start, end = (round(time * SAMPLE_RATE) for time in (event.start, event.end))
                pieces += [samples[start:end], silence]
        if sum(map(len, pieces)) >= seconds * SAMPLE_RATE:
            break
    if not pieces:
        raise AudioInputError("there is no speech in these files", "give recordings of speech")
    joined = np.concatenate(pieces)
    return Speech(joined, _duty_cycle(recognizer, joined), files)


def _files(paths: Sequence[Path]) -> list[Path]:
    found = [path.rglob("*") if path.is_dir() else [path] for path in paths]
    return [path for group in found for path in sorted(group) if path.suffix in SUFFIXES]


def _duty_cycle(recognizer: Recognizer, samples: Int16) -> float:
    events = recognizer.recognize(samples, SAMPLE_RATE).events
    spoken = sum(event.end - event.start for event in events if isinstance(event, SpeechEnded))
    return round(spoken * SAMPLE_RATE / len(samples), 3)
