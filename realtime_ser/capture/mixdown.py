"""From several channels to one, so that no channel erases a voice in another.

The mean of the channels is what is heard by default. Two things spoil it: channels of opposite
polarity cancel each other, and the noise of one input drowns the voice in another. Both show in the
levels of the mean and of each channel, taken every 30 ms as the speech gate takes them: then the
channel in which a voice stands out most from its noise floor is heard instead, until the mean is as
good again.
"""

import logging
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.capture.sources import Block
from realtime_ser.errors import AudioInputError
from realtime_ser.samples import FULL_SCALE

FRAME_SECONDS = 0.03
FLOOR_FRAMES = 100
"""Frames that the noise floor is the quietest of: three seconds, as in the speech gate."""

QUIETEST_DBFS = -90.0
AUDIBLE_DBFS = -60.0
"""Level below which it does not matter what cancels what."""

CANCELLED_DB = 4.0
"""How much the mean is weaker than a channel that has all the sound, before it counts as
cancelled: such a channel is weaker in the mean by the number of channels already."""

SPOILT_DB = 10.0
"""How much further a voice stands out from the floor of a channel than from that of the mean."""

LEVEL_MEMORY = 0.93
"""Share of its power before in the level that cancellation is told by: it spans 0.4 s."""

CANCELLED_FRAMES = 3
"""Frames in a row before a mean counts as cancelled: two microphones in one room cancel some
frequencies, and so some sounds, but not a voice."""

DECAY_DB = 0.6
"""How fast the memory of how far a voice stood out fades, a frame: 20 dB a second."""

Float32 = NDArray[np.float32]
log = logging.getLogger("realtime_ser")


class Mixdown:
    """Mixes the channels of one stream. What comes out depends on the samples alone.

    With several channels and no choice, whole frames of 30 ms come out; ``flush`` gives the rest.

    Args:
        rate: of the samples, in hertz.
        channels: number of channels.
        channel: the one to hear, from 1; ``mix`` for their mean, ``auto`` for the mean unless it
            loses a voice.
        name: of the source, for the log.

    Raises:
        AudioInputError: there is no such channel.
    """

    def __init__(
        self, rate: int, channels: int, channel: int | str = "auto", name: str = "the input"
    ) -> None:
        if isinstance(channel, int) and not 1 <= channel <= channels:
            one = "1 channel" if channels == 1 else f"{channels} channels"
            raise AudioInputError(
                f"{name} has {one}, so there is no channel {channel}",
                f"give --channel 1 to {channels}, or mix"
                if channels > 1
                else "leave --channel out",
            )
        self._channel = channel
        self._channels = channels
        self._name = name
        self._frame = max(1, round(rate * FRAME_SECONDS))
        self._judge = _Judge(channels)
        self._pending: Float32 = np.empty((0, channels), np.float32)
        self._warned = False

    def process(self, block: Block) -> Float32:
        """Return the next samples of the mix, shape ``[n]``, full scale at ±1.

        Args:
            block: shape ``[frames, channels]``; floats are clipped at ±1.
        """
        samples = _scaled(block)
        if self._channels == 1 or self._channel == "mix":
            return _mean(samples)
        if isinstance(self._channel, int):
            return samples[:, self._channel - 1].copy()
        samples = np.concatenate((self._pending, samples))
        whole = len(samples) - len(samples) % self._frame
        self._pending = samples[whole:]
        frames = samples[:whole].reshape(-1, self._frame, self._channels)
        mixed = [self._mix(frame) for frame in frames]
        return np.concatenate(mixed) if mixed else np.empty(0, np.float32)

    def flush(self) -> Float32:
        """Return what is left, shape ``[n]``; the next block starts anew."""
        rest, self._pending = self._pending, np.empty((0, self._channels), np.float32)
        heard = _heard(rest, self._judge.choice)
        self._judge = _Judge(self._channels)
        return heard

    def _mix(self, frame: Float32) -> Float32:
        before = self._judge.choice
        candidates = [_heard(frame, number) for number in range(self._channels + 1)]
        choice = self._judge.judge(candidates)
        heard = candidates[choice]
        if choice == before:
            return heard
        if choice and not self._warned:
            self._warned = True
            log.warning(
                "the channels of %s disagree: a voice would be lost in their mix, so channel %d is"
                " heard; --channel chooses another",
                self._name,
                choice,
            )
        fade = (np.arange(len(frame), dtype=np.float32) + 1) / np.float32(len(frame))
        mixed: Float32 = fade * heard + (1 - fade) * candidates[before]
        return mixed


class _Judge:
    """Decides frame by frame what to hear: 0 for the mean, else a channel from 1."""

    def __init__(self, channels: int) -> None:
        self.choice = 0
        self._cancelled = 0
        self._dilution_db = 20 * math.log10(channels)
        self._candidates = [_Candidate(deque(maxlen=FLOOR_FRAMES)) for _ in range(channels + 1)]

    def judge(self, frames: Sequence[Float32]) -> int:
        """Return what to hear, given a frame of the mean and of each channel, ``[n]`` each."""
        for candidate, frame in zip(self._candidates, frames, strict=True):
            candidate.hear(frame)
        mean, *channels = self._candidates
        best = max(range(1, len(self._candidates)), key=self._rank)
        loudest = max(channel.level for channel in channels)
        weaker = loudest - mean.level - self._dilution_db
        behind = self._candidates[best].outstanding - mean.outstanding
        audible = loudest > AUDIBLE_DBFS
        self._cancelled = self._cancelled + 1 if audible and weaker > CANCELLED_DB else 0
        if self._cancelled >= CANCELLED_FRAMES or (audible and behind > SPOILT_DB):
            current = self._candidates[self.choice].outstanding + SPOILT_DB / 2
            if not self.choice or self._candidates[best].outstanding > current:
                self.choice = best
        elif audible and weaker < CANCELLED_DB / 2 and behind < SPOILT_DB / 2:
            self.choice = 0
        return self.choice

    def _rank(self, number: int) -> tuple[float, float, int]:
        candidate = self._candidates[number]
        return candidate.outstanding, candidate.level, -number


@dataclass
class _Candidate:
    """What would be heard: its level, and how far a voice has stood out from its floor lately."""

    levels: deque[float]
    power: float = 0.0
    level: float = QUIETEST_DBFS
    outstanding: float = 0.0

    def hear(self, samples: Float32) -> None:
        power = _power(samples)
        self.power = LEVEL_MEMORY * self.power + (1 - LEVEL_MEMORY) * power
        self.level = _dbfs(self.power)
        self.levels.append(_dbfs(power))
        stands_out = self.levels[-1] - min(self.levels)
        self.outstanding = max(stands_out, self.outstanding - DECAY_DB)


def _power(samples: Float32) -> float:
    """Return the mean square of samples around their mean."""
    values = samples.astype(np.float64)
    values -= values.sum() / len(values)
    return float(values @ values) / len(values)


def _dbfs(power: float) -> float:
    return max(QUIETEST_DBFS, 10 * math.log10(max(power, 1e-18)))


def _heard(samples: Float32, choice: int) -> Float32:
    return samples[:, choice - 1].copy() if choice else _mean(samples)


def _scaled(block: Block) -> Float32:
    """Return samples with full scale at ±1, clipped: no value, however absurd, may overflow."""
    if block.dtype == np.int16:
        block = block * np.float32(1 / FULL_SCALE)
    clipped: Float32 = block.clip(np.float32(-1), np.float32(1))
    return clipped


def _mean(samples: Float32) -> Float32:
    """Return the mean of the channels, shape ``[frames]``.

    Summed channel by channel: NumPy's own sum over an axis rounds differently for different block
    sizes.
    """
    total: Float32 = samples[:, 0].copy()
    for channel in range(1, samples.shape[1]):
        total += samples[:, channel]
    total /= np.float32(samples.shape[1])
    return total
