"""A microphone that goes and comes back, on a clock that only waiting and recording advance."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime_ser.capture import reconnect
from realtime_ser.capture.devices import InputDevice
from realtime_ser.capture.reconnect import ReconnectingSource, open_microphone
from realtime_ser.capture.sources import Source
from realtime_ser.errors import AudioDeviceError

GONE = AudioDeviceError("'mic' has stopped delivering audio", "plug it in")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def at_once(task: Callable[[], None]) -> None:
    task()


class ScriptedMicrophone:
    """Takes as long to record a block as the block lasts, and is lost at the end of the script."""

    name, live, overflows, lost_frames = "mic", True, 0, 0
    problem: str | None = None

    def __init__(
        self, clock: Clock, blocks: Sequence[float], rate: int = 16_000, channels: int = 1
    ) -> None:
        self._clock, self._blocks = clock, list(blocks)
        self.rate, self.channels = rate, channels
        self.closed = False

    def read(self) -> NDArray[np.float32]:
        if not self._blocks:
            raise GONE
        seconds = self._blocks.pop(0)
        self._clock.wait(seconds or 0.1)
        return np.ones((round(seconds * self.rate), self.channels), np.float32)

    def close(self) -> None:
        self.closed = True


class Reopening:
    """Hands out one result an attempt, and notes when; errors are raised."""

    def __init__(self, clock: Clock, results: Sequence[Source | AudioDeviceError]) -> None:
        self._clock, self._results = clock, list(results)
        self.times: list[float] = []

    def __call__(self) -> Source:
        self.times.append(self._clock.now)
        result = self._results.pop(0)
        if isinstance(result, AudioDeviceError):
            raise result
        return result


def read_until(source: ReconnectingSource, done: Callable[[], bool]) -> list[tuple[float, bool]]:
    """Return how long each block lasts and whether it was heard."""
    blocks = []
    while not done():
        block = source.read()
        assert block is not None
        assert block.shape[1] == source.channels
        assert bool(block.any()) == (source.problem is None and len(block) > 0)
        blocks.append((len(block) / source.rate, source.problem is None))
    return blocks


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_pauses_grow_up_to_four_seconds_and_begin_anew_after_a_return(clock: Clock) -> None:
    returned = ScriptedMicrophone(clock, [0.1])
    last = ScriptedMicrophone(clock, [0.1, 0.1])
    reopening = Reopening(clock, [*[GONE] * 6, returned, *[GONE] * 2, last])
    microphone = ScriptedMicrophone(clock, [])
    source = ReconnectingSource(microphone, reopening, clock=clock, wait=clock.wait, start=at_once)
    read_until(source, lambda: not last._blocks)

    pauses = np.diff([100.0, *reopening.times])
    assert pauses[:7] == pytest.approx([0.25, 0.5, 1, 2, 4, 4, 4])
    assert pauses[7:] == pytest.approx([0.1 + 0.25, 0.5, 1])
    assert microphone.closed
    assert returned.closed


def test_silence_is_as_long_as_the_gap(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Gone 0.8 s before that is noticed; reopening fails twice; the first audio takes 0.3 s."""
    microphone = ScriptedMicrophone(clock, [0.02] * 5 + [0] * 8)
    returned = ScriptedMicrophone(clock, [0, 0, 0, 0.02, 0.02])
    reopening = Reopening(clock, [GONE, GONE, returned])
    source = ReconnectingSource(microphone, reopening, clock=clock, wait=clock.wait, start=at_once)
    with caplog.at_level(logging.WARNING, "realtime_ser"):
        blocks = read_until(source, lambda: len(returned._blocks) == 0)

    heard = [seconds for seconds, is_heard in blocks if is_heard]
    silence = [seconds for seconds, is_heard in blocks if not is_heard]
    assert sum(heard) == pytest.approx(7 * 0.02)
    assert sum(silence) == pytest.approx(0.8 + 0.25 + 0.5 + 1 + 0.3, abs=1e-4)
    assert sum(heard) + sum(silence) == pytest.approx(clock.now - 100, abs=1e-4)
    assert caplog.messages == ["mic is gone: trying to reopen it", "mic is back"]


def test_a_reopened_microphone_may_have_another_rate(clock: Clock) -> None:
    returned = ScriptedMicrophone(clock, [0.02] * 3, rate=48_000, channels=2)
    reopening = Reopening(clock, [returned])
    microphone = ScriptedMicrophone(clock, [0.02])
    source = ReconnectingSource(microphone, reopening, clock=clock, wait=clock.wait, start=at_once)
    blocks = read_until(source, lambda: not returned._blocks)

    assert (source.rate, source.channels) == (48_000, 2)
    assert sum(seconds for seconds, _ in blocks) == pytest.approx(clock.now - 100, abs=1e-4)


def test_one_that_opens_and_stays_silent_is_closed_and_tried_again(clock: Clock) -> None:
    mute, returned = ScriptedMicrophone(clock, [0] * 9), ScriptedMicrophone(clock, [0.1, 0.1])
    reopening = Reopening(clock, [mute, returned])
    microphone = ScriptedMicrophone(clock, [0.1])
    source = ReconnectingSource(microphone, reopening, clock=clock, wait=clock.wait, start=at_once)
    read_until(source, lambda: not returned._blocks)

    assert mute.closed
    assert np.diff(reopening.times) == pytest.approx([0.9 + 0.5])


def test_time_continues_while_the_lost_microphone_closes_slowly(clock: Clock) -> None:
    may_close = threading.Event()
    microphone = ScriptedMicrophone(clock, [])
    microphone.close = may_close.wait  # type: ignore[method-assign, assignment]
    returned = ScriptedMicrophone(clock, [0.1] * 100)
    began = time.monotonic()
    source = ReconnectingSource(microphone, lambda: returned)
    silence = 0
    while silence < 8_000:
        block = source.read()
        assert block is not None
        assert source.problem == "mic is gone: trying to reopen it"
        silence += len(block)
    assert silence / 16_000 == pytest.approx(time.monotonic() - began, abs=0.1)

    may_close.set()
    while source.problem is not None:
        source.read()
    source.close()
    assert returned.closed
    assert source.read() is None


def test_one_that_comes_back_after_the_end_is_closed(clock: Clock) -> None:
    opening, may_open = threading.Event(), threading.Event()
    returned = ScriptedMicrophone(clock, [])

    def reopen() -> Source:
        opening.set()
        may_open.wait()
        return returned

    source = ReconnectingSource(ScriptedMicrophone(clock, []), reopen)
    source.read()
    opening.wait()
    source.close()
    may_open.set()
    assert source._thread is not None
    source._thread.join()
    assert returned.closed


def test_another_failure_is_raised_by_read(clock: Clock) -> None:
    def reopen() -> Source:
        raise ZeroDivisionError

    microphone = ScriptedMicrophone(clock, [])
    source = ReconnectingSource(microphone, reopen, wait=clock.wait, start=at_once)
    source.read()
    with pytest.raises(ZeroDivisionError):
        source.read()


def test_counters_continue_after_reopening(clock: Clock) -> None:
    microphone, returned = ScriptedMicrophone(clock, []), ScriptedMicrophone(clock, [0.1])
    microphone.overflows, microphone.lost_frames = 2, 300
    returned.overflows, returned.lost_frames = 1, 40
    reopening = Reopening(clock, [returned])
    source = ReconnectingSource(microphone, reopening, clock=clock, wait=clock.wait, start=at_once)
    assert (source.overflows, source.lost_frames) == (2, 300)
    source.read()
    assert (source.overflows, source.lost_frames) == (3, 340)


def test_only_on_request(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    device = InputDevice(0, "mic", "ALSA", 1, 16_000, default=True)
    microphone: Source = ScriptedMicrophone(clock, [])
    monkeypatch.setattr(reconnect, "MicrophoneSource", lambda *_: microphone)
    assert open_microphone(device, reconnect=False) is microphone
    assert isinstance(open_microphone(device), ReconnectingSource)
