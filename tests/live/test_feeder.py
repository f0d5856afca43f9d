"""The feeder on a scripted clock: how often it moves audio, and sound cards whose clocks drift."""

import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime_ser.capture.ring_buffer import RingBuffer
from realtime_ser.capture.sources import Replayed
from realtime_ser.live import pace
from realtime_ser.live.feeder import Feeder

SECONDS = 10
BLOCK = 320
ALL = 10**9


class Clock(threading.Event):
    """A clock that waiting advances, in place of the event that stops the feeder."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()


class Microphone:
    """Delivers, in blocks of 20 ms, what has been recorded since the last call."""

    name, rate, channels, live, overflows, lost_frames = "scripted", 16_000, 1, True, 0, 0
    problem: str | None = None

    def __init__(self, clock: Clock, seconds: float, speed: float) -> None:
        self._clock, self._began, self._speed = clock, clock.now, speed
        count = round(seconds * 16_000)
        self._samples = np.random.default_rng(0).integers(-9, 9, (count, 1), np.int16)
        self._position = 0
        self.waited: list[float] = []

    @property
    def longest(self) -> float:
        """Seconds that a block has waited for ``read``, at most."""
        return max(self.waited)

    @property
    def samples(self) -> NDArray[np.int16]:
        return self._samples[:, 0]

    def read(self) -> NDArray[np.int16] | None:
        if self._position >= len(self._samples):
            return None
        due = self._began + (self._position + BLOCK) / 16_000 / self._speed
        self.waited.append(max(0.0, self._clock.now - due))
        self._clock.now = max(self._clock.now, due)
        recorded = round((self._clock.now - self._began) * 16_000 * self._speed)
        end = min(recorded // BLOCK * BLOCK, len(self._samples))
        start, self._position = self._position, end
        return self._samples[start : self._position]

    def close(self) -> None:
        pass


class Recorded(Replayed):
    """A file of given samples, in blocks of a given length."""

    name, rate, channels = "recorded", 16_000, 1

    def __init__(self, samples: NDArray[np.int16], block: int) -> None:
        self._blocks = iter(np.split(samples, range(block, len(samples), block)))

    def read(self) -> NDArray[np.int16] | None:
        return next(self._blocks, None)

    def close(self) -> None:
        pass


class ReadAtOnce(RingBuffer[np.int16]):
    """A second of audio, read as soon as it is written, by a worker that keeps up."""

    def __init__(self) -> None:
        super().__init__(16_000, dtype=np.int16)
        self.blocks: list[NDArray[np.int16]] = []

    def write(self, block: NDArray[np.int16]) -> None:
        super().write(block)
        self.blocks.append(self.read(self.capacity).samples)


def feed(
    monkeypatch: pytest.MonkeyPatch,
    *,
    until: int = ALL,
    most: int = 0,
    speed: float = 1.0,
    seconds: float = SECONDS,
) -> tuple[ReadAtOnce, Microphone]:
    """Feed the samples of a microphone, and return where they went."""
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    ring = ReadAtOnce()
    microphone = Microphone(clock, seconds, speed)
    fed = Feeder(microphone, ring)
    fed._stopping = clock
    fed.gather(until, most)
    fed.run()
    np.testing.assert_array_equal(np.concatenate(ring.blocks), microphone.samples)
    assert fed.lost_samples == 0
    return ring, microphone


def feed_file(monkeypatch: pytest.MonkeyPatch, until: int, most: int) -> ReadAtOnce:
    """Feed the samples of a file, in blocks of another length, and return where they went."""
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    ring = ReadAtOnce()
    samples = np.random.default_rng(0).integers(-9, 9, SECONDS * 16_000, np.int16)
    fed = Feeder(Recorded(samples, 1_234), ring)
    fed._stopping = clock
    fed.gather(until, most)
    fed.run()
    np.testing.assert_array_equal(np.concatenate(ring.blocks), samples)
    assert clock.now == pytest.approx(100 + SECONDS), "paced as real time"
    return ring


def test_during_speech_every_block_is_moved_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ring, microphone = feed(monkeypatch)
    assert len(ring.blocks) == pytest.approx(50 * SECONDS, abs=1)
    assert microphone.longest <= 0


def test_in_silence_blocks_are_moved_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    ring, microphone = feed(monkeypatch, most=1600)
    assert len(ring.blocks) == pytest.approx(10 * SECONDS, abs=1)
    assert microphone.longest < 0.101, "how long the first block of a batch waited"


def test_audio_is_moved_when_the_reader_can_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last block that it needs is not kept waiting for more."""
    ring, microphone = feed(monkeypatch, until=11_200, most=ALL)
    assert [len(block) for block in ring.blocks[:3]] == [11_200, BLOCK, BLOCK]
    assert microphone.longest < 0.701, "how long the first block of a batch waited"


def test_a_file_is_moved_in_multiples_of_20_ms(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = feed_file(monkeypatch, until=11_040, most=ALL)
    assert [len(block) for block in ring.blocks[:3]] == [11_200, BLOCK, BLOCK]
    pieces = {len(block) for block in feed_file(monkeypatch, until=ALL, most=1600).blocks}
    assert pieces == {1600}


def test_audio_faster_than_real_time_is_not_delayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ring, microphone = feed(monkeypatch, most=1600, speed=50)
    assert len(ring.blocks) == pytest.approx(10 * SECONDS, abs=1)
    assert microphone.longest <= 0


@pytest.mark.parametrize("most", [0, 1600])
@pytest.mark.parametrize("parts_per_million", [-200, 200])
def test_a_drifting_card_clock_builds_up_no_delay(
    monkeypatch: pytest.MonkeyPatch, parts_per_million: int, most: int
) -> None:
    """Time is the card's own sample count, so ten minutes of drift (0.12 s) must not accumulate."""
    speed = 1 + parts_per_million / 1e6
    ring, microphone = feed(monkeypatch, most=most, speed=speed, seconds=600)

    assert ring.written == 600 * 16_000
    assert microphone.longest <= (0.101 if most else 1e-9)
