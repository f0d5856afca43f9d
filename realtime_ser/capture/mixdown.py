"""Mixes several channels into one, so that no channel erases a voice in another.

By default the output is the mean of the channels. Two things spoil it: channels of opposite
polarity cancel each other, and the noise of one input drowns the voice in another. Both show in the
levels of the mean and of each channel, which are measured every 30 ms: the channel in which a voice
stands out most from its noise floor is then used instead, until the mean is as good again.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.capture.sources import Block
from realtime_ser.errors import AudioInputError
from realtime_ser.running_minimum import RunningMinimum
from realtime_ser.samples import FULL_SCALE

FRAME_SECONDS = 0.03
FLOOR_FRAMES = 100
"""Frames whose quietest is the noise floor: three seconds, as in the speech gate."""

QUIETEST_DBFS = -90.0
AUDIBLE_DBFS = -60.0
"""Level below which cancellation does not matter."""

CANCELLED_DB = 4.0
"""How much weaker than the loudest channel the mean must be to count as cancelled, beyond the
dilution that a single active channel undergoes in the mean."""

SPOILT_DB = 10.0
"""How much further a voice must stand out from the floor of a channel than from that of the mean
for the mean to count as spoilt."""

LEVEL_MEMORY = 0.93
"""Weight of the previous power in the level that shows cancellation: it spans 0.4 s."""

CANCELLED_FRAMES = 3
"""Frames in a row before a mean counts as cancelled: two microphones in one room cancel some
frequencies, and so some sounds, but not a voice."""

DECAY_DB = 0.6
"""Decay per frame of how far a voice stood out: 20 dB a second."""

Float32 = NDArray[np.float32]
log = logging.getLogger("realtime_ser")


class Mixdown:
    """Mixes the channels of one stream. The output depends on the samples alone, not on blocks.

    With several channels and ``auto``, whole frames of 30 ms come out; ``flush`` returns the rest.

    Args:
        rate: of the samples, in hertz.
        channels: number of channels.
        channel: the one to use, from 1; ``mix`` for their mean, ``auto`` for the mean unless it
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
        self._selector = _Selector(channels)
        self._pending: Float32 = np.empty((channels, 0), np.float32)
        self._warned = False

    def process(self, block: Block) -> Float32:
        """Return the next samples of the mix, shape ``[n]``, full scale at ±1.

        Args:
            block: shape ``[frames, channels]``; floats are clipped at ±1.
        """
        planes = _planes(block)
        if isinstance(self._channel, int):
            return planes[self._channel - 1]
        if self._channels == 1:
            return planes[0]
        if self._channel == "mix":
            return _mean(planes)
        if self._pending.size:
            planes = np.concatenate((self._pending, planes), axis=1)
        count = planes.shape[1] // self._frame
        whole = count * self._frame
        self._pending = planes[:, whole:]
        if not count:
            return np.empty(0, np.float32)
        planes = planes[:, :whole]
        candidates = np.concatenate((_mean(planes)[np.newaxis], planes))
        return self._select(candidates.reshape(len(candidates), count, self._frame))

    def flush(self) -> Float32:
        """Return what is left, shape ``[n]``; the next block starts a new stream."""
        rest, self._pending = self._pending, np.empty((self._channels, 0), np.float32)
        choice = self._selector.choice
        self._selector = _Selector(self._channels)
        return rest[choice - 1] if choice else _mean(rest)

    def _select(self, candidates: Float32) -> Float32:
        """Return the chosen candidate of each frame, ``[n]``; a change of choice is faded over.

        Args:
            candidates: the mean and then each channel, shape ``[1 + channels, frames, n]``.
        """
        before = self._selector.choice
        choices = [self._selector.choose(powers) for powers in _powers(candidates).T.tolist()]
        if all(choice == before for choice in choices):
            return candidates[before].reshape(-1)
        selected = [
            self._selected(candidates[:, frame], choice, previous)
            for frame, (choice, previous) in enumerate(
                zip(choices, [before, *choices[:-1]], strict=True)
            )
        ]
        return np.concatenate(selected)

    def _selected(self, frame: Float32, choice: int, previous: int) -> Float32:
        """Return the chosen candidate of one frame, shape ``[n]``."""
        if choice == previous:
            return frame[choice]
        if choice and not self._warned:
            self._warned = True
            log.warning(
                "the channels of %s disagree: a voice would be lost in their mix, so channel %d is"
                " heard; --channel chooses another",
                self._name,
                choice,
            )
        length = frame.shape[1]
        fade = (np.arange(length, dtype=np.float32) + 1) / np.float32(length)
        mixed: Float32 = fade * frame[choice] + (1 - fade) * frame[previous]
        return mixed


class _Selector:
    """Decides frame by frame what to use: 0 for the mean, else a channel from 1."""

    def __init__(self, channels: int) -> None:
        self.choice = 0
        self._cancelled = 0
        self._dilution_db = 20 * math.log10(channels)
        self._candidates = [
            _Candidate(RunningMinimum(FLOOR_FRAMES)) for _ in range(channels + 1)
        ]

    def choose(self, powers: Sequence[float]) -> int:
        """Return what to use for a frame, given the powers of the mean and of each channel."""
        for candidate, power in zip(self._candidates, powers, strict=True):
            candidate.measure(power)
        mean, *channels = self._candidates
        loudest = max(channel.level for channel in channels)
        weaker = loudest - mean.level - self._dilution_db
        behind = max(channel.outstanding for channel in channels) - mean.outstanding
        audible = loudest > AUDIBLE_DBFS
        self._cancelled = self._cancelled + 1 if audible and weaker > CANCELLED_DB else 0
        if self._cancelled >= CANCELLED_FRAMES or (audible and behind > SPOILT_DB):
            best = max(range(1, len(self._candidates)), key=self._rank)
            current = self._candidates[self.choice].outstanding + SPOILT_DB / 2
            if not self.choice or self._candidates[best].outstanding > current:
                self.choice = best
        elif audible and weaker < CANCELLED_DB / 2 and behind < SPOILT_DB / 2:
            self.choice = 0
        return self.choice

    def _rank(self, number: int) -> tuple[float, float, int]:
        candidate = self._candidates[number]
        return candidate.outstanding, candidate.level, -number


@dataclass(slots=True)
class _Candidate:
    """One possible output: its level, and how far a voice recently stood out from its floor."""

    floor: RunningMinimum
    power: float = 0.0
    level: float = QUIETEST_DBFS
    outstanding: float = 0.0

    def measure(self, power: float) -> None:
        """Take the power of the next frame."""
        self.power = LEVEL_MEMORY * self.power + (1 - LEVEL_MEMORY) * power
        self.level = _dbfs(self.power)
        level = _dbfs(power)
        self.outstanding = max(level - self.floor.add(level), self.outstanding - DECAY_DB)


def _powers(candidates: Float32) -> NDArray[np.float64]:
    """Return the mean squares around the mean of each frame, ``[candidates, frames]``.

    Args:
        candidates: shape ``[candidates, frames, n]``.
    """
    values = candidates.astype(np.float64)
    length = values.shape[2]
    means = values.sum(axis=2) / length
    powers: NDArray[np.float64] = np.einsum("cfn,cfn->cf", values, values) / length - means * means
    return powers


def _dbfs(power: float) -> float:
    return max(QUIETEST_DBFS, 10 * math.log10(max(power, 1e-18)))


def _planes(block: Block) -> Float32:
    """Return samples by channel, ``[channels, frames]``, with full scale at ±1, clipped there."""
    planes = np.empty(block.shape[::-1], np.float32)
    if block.dtype == np.int16:
        np.multiply(block.T, np.float32(1 / FULL_SCALE), out=planes)
    else:
        block.T.clip(np.float32(-1), np.float32(1), out=planes)
    return planes


def _mean(planes: Float32) -> Float32:
    """Return the mean of the channels, shape ``[frames]``.

    Summed channel by channel: NumPy's own sum over an axis rounds differently for different block
    sizes.
    """
    total: Float32 = planes[0].copy()
    for plane in planes[1:]:
        total += plane
    total /= np.float32(len(planes))
    return total
