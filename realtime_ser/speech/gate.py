"""The speech gate: WebRTC's voice activity detector with hysteresis and a noise floor.

Each frame of 30 ms is *voiced* if WebRTC's detector reports speech and its level is well above the
noise floor, which is the level of the quietest frame of the last three seconds. The noise floor
rejects a fan or a hum: the detector takes them for speech, but their level is steady, while that of
speech rises and falls with the syllables. The gate opens when most of the recent frames are voiced
and their level varies as that of a voice does. It then returns the audio from just before the first
voiced frame as well. It closes when no frame has been voiced for the length of the hangover.

WebRTC's detector compares levels with fixed thresholds, so it misses a voice that was recorded
quietly. It is therefore given each frame with a gain that follows the loudest frame of the last
three seconds, and frames far below that loudest one do not count as voiced: how loud a recording
is should not decide what is speech. The gain is limited, and the noise floor and the variation are
those of the signal without it, so that it does not turn a quiet noise into speech.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.errors import RealtimeSerError
from realtime_ser.fork_safety import import_native
from realtime_ser.running_minimum import RunningMaximum, RunningMinimum
from realtime_ser.samples import FULL_SCALE
from realtime_ser.settings import SAMPLE_RATE

VOTE_SAMPLES = 480
"""Samples per voiced-or-not decision: 30 ms, the longest frame that WebRTC's detector accepts."""

QUIETEST_DBFS = -90.0
"""Level reported for digital silence, about the noise of a 16-bit converter."""

Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How the gate decides; ``python -m experiments measure-gate`` measures the alternatives.

    Attributes:
        vad_mode: aggressiveness of WebRTC's detector, 0 to 3.
        vote_frames: number of recent frames that decide whether the gate opens.
        opening_votes: how many of them must be voiced.
        margin_db: how far above the noise floor the level of a voiced frame is, in decibels.
        level_variation_db: by how much the level must change from frame to frame for the gate to
            open, in decibels (median over the recent frames); a steady tone changes less.
        two_frame_variation_db: the same within two frames. They hold three periods of 50 Hz, where
            one frame holds one and a half: from one frame to the next, the level of a hum changes.
        floor_frames: number of recent frames of which the quietest is the noise floor.
        loudest_frames: number of recent frames of which the loudest sets the gain.
        detector_dbfs: level to which the gain raises that loudest frame for WebRTC's detector, in
            dB of full scale; it never lowers it.
        highest_gain_db: limit of the gain.
        range_db: how far below the loudest frame a voiced frame may be, in decibels.
        pre_roll: seconds of audio returned from before the first voiced frame.
        hangover: seconds without a voiced frame after which the gate closes.
    """

    vad_mode: int = 2
    vote_frames: int = 10
    opening_votes: int = 6
    margin_db: float = 6.0
    level_variation_db: float = 1.5
    two_frame_variation_db: float = 1.0
    floor_frames: int = 100
    loudest_frames: int = 100
    detector_dbfs: float = -20.0
    highest_gain_db: float = 20.0
    range_db: float = 30.0
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
    """Audio of the open utterance; it follows the previous ``Held`` without a gap."""

    samples: Int16


@dataclass(frozen=True, slots=True)
class Closed:
    """The utterance ends at absolute sample ``end``, which is the first one after it."""

    end: int


GateEvent = Opened | Held | Closed


class SpeechGate:
    """Divides a stream of 16 kHz int16 samples into utterances.

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
        self._levels: deque[float] = deque(maxlen=settings.vote_frames)
        self._floor = RunningMinimum(settings.floor_frames)
        self._maximum = RunningMaximum(settings.loudest_frames)
        self._loudest = QUIETEST_DBFS
        self._recent: deque[Int16] = deque(maxlen=settings.vote_frames + settings.pre_roll_frames)
        self._unvoiced_frames = 0
        self._open = False

    @property
    def is_open(self) -> bool:
        """Whether an utterance has begun and not yet ended."""
        return self._open

    @property
    def samples_wanted(self) -> int:
        """The fewest further samples after which the gate can open or close."""
        if self._open:
            frames = self.settings.hangover_frames - self._unvoiced_frames
        else:
            frames = self.settings.opening_votes - sum(self._votes)
        return max(1, frames) * VOTE_SAMPLES - len(self._pending)

    def whole_frames(self, samples: int) -> int:
        """Return the fewest further samples after which the gate can return ``samples`` more."""
        return -(-samples // VOTE_SAMPLES) * VOTE_SAMPLES - len(self._pending)

    def samples_until(self, samples: int) -> int:
        """Return the fewest further samples that can make the closed gate return an utterance.

        Args:
            samples: of the utterance, or fewer if it ends before.
        """
        since_voice = len(self._votes) - self._votes.index(True) if True in self._votes else 0
        held = (self.settings.pre_roll_frames + since_voice) * VOTE_SAMPLES
        closed = self.samples_wanted + self.settings.hangover_frames * VOTE_SAMPLES
        return min(closed, max(self.samples_wanted, self.whole_frames(samples - held)))

    def process(self, samples: Int16) -> list[GateEvent]:
        """Take the next samples, shape ``[n]``, and return the events they complete."""
        pending = np.concatenate((self._pending, samples))
        count = len(pending) // VOTE_SAMPLES
        frames = pending[: count * VOTE_SAMPLES].reshape(count, VOTE_SAMPLES)
        self._pending = pending[count * VOTE_SAMPLES :]
        events: list[GateEvent] = []
        held_from = 0
        for number, voiced in enumerate(self._are_voiced(frames)):
            self._position += VOTE_SAMPLES
            if not self._open:
                events += self._vote(frames[number], voiced)
                held_from = number + 1
            elif self._closes(voiced):
                events += [Held(frames[held_from : number + 1].reshape(-1)), Closed(self._position)]
        if self._open and held_from < count:
            events.append(Held(frames[held_from:].reshape(-1)))
        return events

    def flush(self) -> list[GateEvent]:
        """End the stream: return the rest of an open utterance, and close it."""
        if not self._open:
            return []
        end = self._position + len(self._pending)
        rest: list[GateEvent] = [Held(self._pending)] if len(self._pending) else []
        self._open = False
        return [*rest, Closed(end)]

    def restart(self, sample: int) -> None:
        """Discard all state and continue at absolute index ``sample``."""
        self._start_at(sample)

    def _are_voiced(self, frames: Int16) -> Iterator[bool]:
        """Yield whether each frame is voiced, each with its level added to the recent ones."""
        levels = levels_dbfs(frames)
        loudest = [self._maximum.add(level) for level in levels]
        data, size = self._amplified(frames, loudest).tobytes(), VOTE_SAMPLES * frames.itemsize
        for number, level in enumerate(levels):
            self._levels.append(level)
            self._loudest = loudest[number]
            above_floor = level >= self._floor.add(level) + self.settings.margin_db
            frame = data[number * size : (number + 1) * size]
            # Called for every frame: the detector adapts to all that it is given.
            yield self._detector.is_speech(frame, SAMPLE_RATE) and above_floor and self._near(level)

    def _amplified(self, frames: Int16, loudest: Iterable[float]) -> Int16:
        """Return the frames as WebRTC's detector is given them, each with a gain of its own.

        Args:
            frames: int16, shape ``[frames, n]``.
            loudest: level of the loudest frame up to each of them, in dB of full scale.
        """
        wanted, highest = self.settings.detector_dbfs, self.settings.highest_gain_db
        gains = [10 ** (min(max(0.0, wanted - level), highest) / 20) for level in loudest]
        rounded = np.rint(frames * np.array(gains).reshape(-1, 1))
        amplified: Int16 = rounded.clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
        return amplified

    def _near(self, level: float) -> bool:
        """Return whether a level is near enough to that of the loudest recent frame."""
        return level >= self._loudest - self.settings.range_db

    def _vote(self, frame: Int16, voiced: bool) -> list[GateEvent]:
        self._recent.append(frame)
        self._votes.append(voiced)
        return self._start() if self._is_speech() else []

    def _is_speech(self) -> bool:
        """Return whether the recent frames open the gate."""
        return sum(self._valid_votes()) >= self.settings.opening_votes and self._level_varies()

    def _valid_votes(self) -> list[bool]:
        """Return which recent frames were voiced, and are so beside the loudest one since."""
        levels = list(self._levels)[-len(self._votes) :]
        return [
            voiced and self._near(level) for voiced, level in zip(self._votes, levels, strict=True)
        ]

    def _level_varies(self) -> bool:
        levels = np.array(self._levels)
        return (
            _median_change(levels, 1) >= self.settings.level_variation_db
            and _median_change(levels, 2) >= self.settings.two_frame_variation_db
        )

    def _start(self) -> list[GateEvent]:
        votes = self._valid_votes()
        before_first_voice = len(self._recent) - len(votes) + votes.index(True)
        skipped = max(0, before_first_voice - self.settings.pre_roll_frames)
        held = np.concatenate(list(self._recent)[skipped:])
        self._open = True
        self._unvoiced_frames = 0
        self._recent.clear()
        self._votes.clear()
        return [Opened(self._position - len(held)), Held(held)]

    def _closes(self, voiced: bool) -> bool:
        """Take the next frame of an open utterance, and return whether the gate closes after it."""
        self._unvoiced_frames = 0 if voiced else self._unvoiced_frames + 1
        self._open = self._unvoiced_frames < self.settings.hangover_frames
        return not self._open


def load_detector(mode: int) -> Any:
    """Return a WebRTC voice activity detector of this mode, 0 to 3.

    Raises:
        RealtimeSerError: the library cannot be loaded; there is no fallback.
    """
    try:
        webrtcvad = import_native("webrtcvad")
    except Exception as error:
        raise RealtimeSerError(
            f"the voice activity detector cannot be loaded ({error})",
            "run `pip install --force-reinstall webrtcvad-wheels`",
        ) from error
    return webrtcvad.Vad(mode)


def levels_dbfs(frames: Int16) -> list[float]:
    """Return the RMS level of each frame around its mean, in dB of full scale.

    The sums are integers that float64 represents exactly, so the order of addition has no effect.

    Args:
        frames: int16, shape ``[frames, n]``.
    """
    values = frames.astype(np.float64)
    means = values.sum(axis=1) / frames.shape[1]
    powers = np.einsum("fn,fn->f", values, values) / frames.shape[1] - means * means
    return [
        max(QUIETEST_DBFS, 10.0 * math.log10(max(power, 1e-18) / FULL_SCALE**2))
        for power in powers.tolist()
    ]


def _median_change(levels: NDArray[np.float64], frames: int) -> float:
    """Return by how much levels change within so many frames, the median."""
    return float(np.median(np.abs(levels[frames:] - levels[:-frames])))
