"""Mixes several channels into one, so that no channel erases a voice in another.

By default the output is the mean of the channels. Two things spoil it: channels of opposite
polarity cancel each other, and the noise of one input drowns the voice in another. Both show in the
powers of the mean and of each channel, which are measured every 30 ms: the channel in which a voice
stands out most from its noise floor is then used instead, until the mean is as good again.
"""

import logging
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from realtime_ser.capture.sources import Block
from realtime_ser.errors import AudioInputError
from realtime_ser.running_minimum import RunningMinimum
from realtime_ser.samples import FULL_SCALE

FRAME_SECONDS = 0.03
FLOOR_FRAMES = 100
"""Frames whose quietest is the noise floor: three seconds, as in the speech gate."""

QUIETEST_POWER = 1e-9
"""Lower limit of powers, where full scale is 1: -90 dB."""

AUDIBLE_POWER = 1e-6
"""Power below which cancellation does not matter: -60 dB."""

CANCELLED = 10**0.4
"""How many times weaker than the loudest channel the mean must be to count as cancelled (4 dB),
beyond the dilution that a single active channel undergoes in the mean."""

SPOILT_DB = 10.0
"""How much further a voice must stand out from the floor of a channel than from that of the mean
for the mean to count as spoilt."""

LEVEL_MEMORY = 0.93
"""Weight of the earlier frames in the power that shows cancellation: it spans 0.4 s."""

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
        if isinstance(self._channel, int):
            return _scaled(block[:, self._channel - 1])
        if self._channels == 1:
            return _scaled(block[:, 0])
        known = self._pending.shape[1]
        candidates = np.empty((1 + self._channels, known + len(block)), np.float32)
        candidates[1:, :known] = self._pending
        for plane, channel in zip(candidates[1:, known:], block.T, strict=True):
            _scaled(channel, plane)
        _mean(candidates[1:], candidates[0])
        if self._channel == "mix":
            mixed: Float32 = candidates[0]
            return mixed
        count = len(candidates[0]) // self._frame
        whole = count * self._frame
        self._pending = candidates[1:, whole:].copy()
        if not count:
            return np.empty(0, np.float32)
        return self._select(candidates[:, :whole].reshape(len(candidates), count, self._frame))

    def flush(self) -> Float32:
        """Return what is left, shape ``[n]``; the next block starts a new stream."""
        rest, self._pending = self._pending, np.empty((self._channels, 0), np.float32)
        choice = self._selector.choice
        self._selector = _Selector(self._channels)
        return rest[choice - 1] if choice else _mean(rest, np.empty_like(rest[0]))

    def _select(self, candidates: Float32) -> Float32:
        """Return the chosen candidate of each frame, ``[n]``; a change of choice is faded over.

        Args:
            candidates: the mean and then each channel, shape ``[1 + channels, frames, n]``.
        """
        before = self._selector.choice
        choices = [self._selector.choose(powers) for powers in _powers(candidates).T.tolist()]
        if all(choice == before for choice in choices):
            chosen: Float32 = candidates[before].reshape(-1)
            return chosen
        selected = [
            self._selected(candidates[:, frame], choice, previous)
            for frame, (choice, previous) in enumerate(
                zip(choices, [before, *choices[:-1]], strict=True)
            )
        ]
        return np.concatenate(selected)

    def _selected(self, frame: Float32, choice: int, previous: int) -> Float32:
        """Return the chosen candidate of one frame, shape ``[n]``."""
        heard: Float32 = frame[choice]
        if choice == previous:
            return heard
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
        mixed: Float32 = fade * heard + (1 - fade) * frame[previous]
        return mixed


class _Selector:
    """Decides frame by frame what to use: 0 for the mean, else a channel from 1.

    Its lists have an entry for the mean and one for each channel: the average power, the noise
    floor, and how far a voice recently stood out from that.
    """

    def __init__(self, channels: int) -> None:
        self.choice = 0
        self._cancelled = 0
        self._dilution = channels**2
        self._averages = [0.0] * (channels + 1)
        self._floors = [RunningMinimum(FLOOR_FRAMES) for _ in self._averages]
        self._outstanding = [0.0] * (channels + 1)

    def choose(self, powers: Sequence[float]) -> int:
        """Return what to use for a frame, given the powers of the mean and of each channel."""
        self._measure(powers)
        loudest = max(self._averages[1:])
        cancelled = loudest / max(self._averages[0], QUIETEST_POWER) / self._dilution
        behind = max(self._outstanding[1:]) - self._outstanding[0]
        audible = loudest > AUDIBLE_POWER
        self._cancelled = self._cancelled + 1 if audible and cancelled > CANCELLED else 0
        if self._cancelled >= CANCELLED_FRAMES or (audible and behind > SPOILT_DB):
            best = max(range(1, len(powers)), key=self._rank)
            current = self._outstanding[self.choice] + SPOILT_DB / 2
            if not self.choice or self._outstanding[best] > current:
                self.choice = best
        elif audible and cancelled < math.sqrt(CANCELLED) and behind < SPOILT_DB / 2:
            self.choice = 0
        return self.choice

    def _measure(self, powers: Sequence[float]) -> None:
        averages, outstanding = self._averages, self._outstanding
        for number, (power, floor) in enumerate(zip(powers, self._floors, strict=True)):
            averages[number] = LEVEL_MEMORY * averages[number] + (1 - LEVEL_MEMORY) * power
            level = 10 * math.log10(max(power, QUIETEST_POWER))
            above_floor = level - floor.add(level)
            outstanding[number] = max(above_floor, outstanding[number] - DECAY_DB)

    def _rank(self, number: int) -> tuple[float, float, int]:
        return self._outstanding[number], self._averages[number], -number


def _powers(candidates: Float32) -> Float32:
    """Return the mean squares around the mean of each frame, ``[candidates, frames]``.

    Args:
        candidates: shape ``[candidates, frames, n]``.
    """
    length = np.float32(candidates.shape[2])
    means = np.einsum("cfn->cf", candidates) / length
    powers: Float32 = np.einsum("cfn,cfn->cf", candidates, candidates) / length - means * means
    return powers


def _scaled(channel: Block, out: Float32 | None = None) -> Float32:
    """Return the samples of one channel, ``[n]``, with full scale at ±1; floats are clipped."""
    if channel.dtype == np.int16:
        return np.multiply(channel, np.float32(1 / FULL_SCALE), out=out)
    if out is None:
        out = np.empty(channel.shape, np.float32)
    np.copyto(out, channel)  # makes it contiguous, which is clipped several times as fast
    return out.clip(np.float32(-1), np.float32(1), out=out)


def _mean(planes: Float32, out: Float32) -> Float32:
    """Return the mean of the channels, shape ``[n]``.

    Summed channel by channel: NumPy's own sum over an axis rounds differently for different block
    sizes.

    Args:
        planes: shape ``[channels, n]``.
        out: where to write the mean.
    """
    np.copyto(out, planes[0])
    for plane in planes[1:]:
        out += plane
    out /= np.float32(len(planes))
    return out
