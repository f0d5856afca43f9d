"""The speech gate: WebRTC's voice activity detector with hysteresis and a noise floor.

Every 30 ms frame gets one vote. It is *voiced* when WebRTC's detector says speech and the frame
stands out of the noise floor, the quietest moment of the last three seconds: speech rises and
falls with its syllables, while a fan or a hum, which the detector alone takes for speech, does not.
The gate opens when most recent frames are voiced and their level wavers as a voice's does, hands
out the audio from before the onset too, and closes when no frame has been voiced for the length of
the hangover.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.errors import RealtimeSerError
from realtime_ser.fork_safety import import_native
from realtime_ser.samples import FULL_SCALE
from realtime_ser.settings import SAMPLE_RATE

VOTE_SAMPLES = 480
"""Samples of one vote: 30 ms, the longest frame WebRTC's detector takes."""

QUIETEST_DBFS = -90.0
"""Level given to digital silence, about the noise of a 16-bit converter."""

Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How the gate decides; ``python -m train measure-gate`` prints the reasons.

    Attributes:
        vad_mode: aggressiveness of WebRTC's detector, 0 to 3.
        vote_frames: number of recent frames that vote on opening.
        opening_votes: voiced frames among them that open the gate.
        margin_db: decibels a voiced frame stands above the noise floor.
        wavering_db: decibels by which the level of a voice changes from frame to frame (median over
            the vote) before the gate opens; a tone that was switched on changes less.
        floor_frames: number of recent frames the noise floor is the quietest of.
        pre_roll: seconds of audio kept from before the first voiced frame.
        hangover: seconds without a voiced frame after which the gate closes.
    """

    vad_mode: int = 2
    vote_frames: int = 10
    opening_votes: int = 6
    margin_db: float = 6.0
    wavering_db: float = 1.5
    floor_frames: int = 100
    pre_roll: float = 0.3
    hangover: float = 0.6

    @property
    def pre_roll_frames(self) -> int:
        """The pre-roll in whole frames."""
        return round(self.pre_roll * SAMPLE_RATE / VOTE_SAMPLES)

    @property
    def hangover_frames(self) -> int:
        """The hangover in whole frames."""
        return round(self.hangover * SAMPLE_RATE / VOTE_SAMPLES)


@dataclass(frozen=True, slots=True)
class Opened:
    """An utterance begins at absolute sample ``start``."""

    start: int


@dataclass(frozen=True, slots=True)
class Held:
    """Audio of the open utterance, contiguous with what was held before."""

    samples: Int16


@dataclass(frozen=True, slots=True)
class Closed:
    """The utterance ended before absolute sample ``end``."""

    end: int


GateEvent = Opened | Held | Closed


class SpeechGate:
    """Cuts a stream of 16 kHz int16 samples into utterances.

    The decisions depend on the samples alone, not on how they are split into blocks.
    """

    def __init__(self, settings: GateSettings | None = None) -> None:
        self.settings = settings or GateSettings()
        self._start_at(0)

    def _start_at(self, sample: int) -> None:
        settings = self.settings
        self._detector = load_detector(settings.vad_mode)
        self._position = sample
        self._pending = np.empty(0, np.int16)
        self._votes: deque[bool] = deque(maxlen=settings.vote_frames)
        self._levels: deque[float] = deque(maxlen=settings.floor_frames)
        self._recent: deque[Int16] = deque(maxlen=settings.vote_frames + settings.pre_roll_frames)
        self._unvoiced_frames = 0
        self._open = False

    @property
    def is_open(self) -> bool:
        """Whether an utterance is being held."""
        return self._open

    def process(self, samples: Int16) -> list[GateEvent]:
        """Take the next samples, shape ``[n]``, and return what they decide."""
        pending = np.concatenate((self._pending, samples))
        whole = len(pending) - len(pending) % VOTE_SAMPLES
        self._pending = pending[whole:]
        events: list[GateEvent] = []
        for frame in pending[:whole].reshape(-1, VOTE_SAMPLES):
            events += self._vote(frame)
        return events

    def flush(self) -> list[GateEvent]:
        """End the stream: hand out what is left of an open utterance and close it."""
        if not self._open:
            return []
        end = self._position + len(self._pending)
        rest: list[GateEvent] = [Held(self._pending)] if len(self._pending) else []
        self._open = False
        return [*rest, Closed(end)]

    def restart(self, sample: int) -> None:
        """Forget everything and go on at absolute index ``sample``."""
        self._start_at(sample)

    def _vote(self, frame: Int16) -> list[GateEvent]:
        self._position += VOTE_SAMPLES
        voiced = self._is_voiced(frame)
        if self._open:
            return self._go_on(frame, voiced)
        self._recent.append(frame)
        self._votes.append(voiced)
        enough_votes = sum(self._votes) >= self.settings.opening_votes
        return self._start() if enough_votes and self._wavers() else []

    def _is_voiced(self, frame: Int16) -> bool:
        level = level_dbfs(frame)
        self._levels.append(level)
        stands_out = level >= min(self._levels) + self.settings.margin_db
        return self._detector.is_speech(frame.tobytes(), SAMPLE_RATE) and stands_out

    def _wavers(self) -> bool:
        levels = list(self._levels)[-self.settings.vote_frames :]
        return float(np.median(np.abs(np.diff(levels)))) >= self.settings.wavering_db

    def _start(self) -> list[GateEvent]:
        before_first_voice = len(self._recent) - len(self._votes) + self._votes.index(True)
        skipped = max(0, before_first_voice - self.settings.pre_roll_frames)
        held = np.concatenate(list(self._recent)[skipped:])
        self._open = True
        self._unvoiced_frames = 0
        self._recent.clear()
        self._votes.clear()
        return [Opened(self._position - len(held)), Held(held)]

    def _go_on(self, frame: Int16, voiced: bool) -> list[GateEvent]:
        self._unvoiced_frames = 0 if voiced else self._unvoiced_frames + 1
        if self._unvoiced_frames < self.settings.hangover_frames:
            return [Held(frame)]
        self._open = False
        return [Held(frame), Closed(self._position)]


def load_detector(mode: int) -> Any:
    """Return a WebRTC voice activity detector of this mode, 0 to 3.

    Raises:
        RealtimeSerError: the library cannot be loaded; there is no other detector to fall back on.
    """
    try:
        webrtcvad = import_native("webrtcvad")
    except Exception as error:
        raise RealtimeSerError(
            f"the voice activity detector cannot be loaded ({error})",
            "run `pip install --force-reinstall webrtcvad-wheels`",
        ) from error
    return webrtcvad.Vad(mode)


def level_dbfs(samples: Int16) -> float:
    """Return the RMS level of int16 samples around their mean, in dB of full scale.

    The sums are whole numbers that float64 holds exactly, so no order of adding changes them.
    """
    if not len(samples):
        return QUIETEST_DBFS
    values = samples.astype(np.float64)
    mean = float(values.sum()) / len(values)
    power = float(values @ values) / len(values) - mean * mean
    return max(QUIETEST_DBFS, 10.0 * math.log10(max(power, 1e-18) / FULL_SCALE**2))
