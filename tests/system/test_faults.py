"""Real faults of a real (virtual) microphone while the program is live."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile
from speech_clips import SAMPLES
from virtual_microphone import DEVICE, VirtualMicrophone

pytestmark = pytest.mark.system

CLIP = SAMPLES / "one_utterance.flac"
PROBLEM = "pulse is gone: trying to reopen it"
SECONDS_TO_SAY_SO = 2.0
SECONDS_TO_NOTICE = 1.0
SECONDS_TO_RUN = 0.5
"""What a busy machine may take to run what has to be run."""

SECONDS_TO_WAIT = 120.0
"""For what must come, however busy the machine is."""

Event = dict[str, Any]


class Live:
    """A live run with JSON Lines, and when each line came."""

    def __init__(self, environment: dict[str, str], recording: Path, *options: str) -> None:
        arguments = ["--device", DEVICE, "--json", "--record", str(recording), *options]
        self.recording = recording
        self.process = subprocess.Popen(
            [sys.executable, "-m", "realtime_ser", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.events: list[Event] = []
        self._times: list[float] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._times.append(time.monotonic())
            self.events.append(json.loads(line))

    def await_audio(self) -> None:
        """Wait for what is recorded: virtual microphones begin late."""
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while not self.recording.exists() or self.recording.stat().st_size < 20_000:
            assert time.monotonic() < deadline
            assert self.process.poll() is None, self.finish()
            time.sleep(0.02)

    def await_event(self, is_meant: Callable[[Event], bool], after: int = 0) -> tuple[int, float]:
        """Wait for an event; return its place and when it came."""
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while True:
            for place in range(after, len(self.events)):
                if is_meant(self.events[place]):
                    return place, self._times[place]
            assert time.monotonic() < deadline, self.events
            assert self.process.poll() is None, self.finish()
            time.sleep(0.02)

    def finish(self) -> tuple[int, list[str]]:
        """Wait for the end; return the exit code and the lines of complaint."""
        assert self.process.stderr is not None
        code = self.process.wait(timeout=SECONDS_TO_WAIT)
        self._reader.join()
        return code, self.process.stderr.read().decode().splitlines()


@contextmanager
def live(microphone: VirtualMicrophone, folder: Path, *options: str) -> Iterator[Live]:
    run = Live(microphone.environment, folder / "recording.wav", *options)
    try:
        run.await_audio()
        yield run
    finally:
        run.process.kill()
        run.process.communicate()


@contextmanager
def playing(microphone: VirtualMicrophone) -> Iterator[float]:
    """Play the clip; the time it began is given."""
    player = subprocess.Popen(
        ["paplay", "--device=mic", CLIP], env=microphone.environment, stderr=subprocess.DEVNULL
    )
    try:
        yield time.monotonic()
        player.wait(timeout=SECONDS_TO_WAIT)
    finally:
        player.kill()
        player.wait()


def is_started(event: Event) -> bool:
    return bool(event["event"] == "speech_started")


def is_gone(event: Event) -> bool:
    return "problem" in event


def is_well(event: Event) -> bool:
    return event["event"] == "health" and "problem" not in event


def latest_time(event: Event) -> float:
    """The end of what an event is about, or its only time."""
    return float(event["end"] if "end" in event else event["time"])


def assert_marked(events: list[Event], gone: int, back: int) -> None:
    """What was being said ends where the gap begins, and nothing is said in it."""
    assert events[gone]["problem"] == PROBLEM
    assert events[gone - 1]["event"] == "speech_ended"
    assert events[gone - 1]["end"] == events[gone]["time"]
    assert {event["event"] for event in events[gone:back]} == {"health"}
    assert events[back]["lost_samples"] == 0
    times = [latest_time(event) for event in events]
    assert times == sorted(times)


def assert_recording_lasts(run: Live) -> None:
    latest = max(latest_time(event) for event in run.events)
    assert soundfile.info(run.recording).duration >= latest - 0.5


def lose_and_regain(
    microphone: VirtualMicrophone,
    folder: Path,
    lose: Callable[[], object],
    regain: Callable[[], object],
) -> None:
    with live(microphone, folder) as run:
        with playing(microphone) as first_began:
            first, _ = run.await_event(is_started)
            time.sleep(0.3)
            lost_at = time.monotonic()
            lose()
        gone, said_at = run.await_event(is_gone)
        assert said_at - lost_at < SECONDS_TO_SAY_SO
        time.sleep(1)
        regain()
        back, back_at = run.await_event(is_well, after=gone)
        with playing(microphone) as second_began:
            second, _ = run.await_event(is_started, after=back)
        run.await_event(lambda event: event["event"] == "speech_ended", after=second)
        run.process.send_signal(signal.SIGINT)
        code, complaints = run.finish()

        between = run.events[second]["time"] - run.events[first]["time"]
        drift = between - (second_began - first_began)
        print(f"gone after {said_at - lost_at:.2f} s, back after {back_at - lost_at:.2f} s")
        print(f"time is {drift:+.3f} s off")
        assert code == 130
        assert_marked(run.events, gone, back)
        assert abs(drift) < 0.5
        assert_recording_lasts(run)
        assert f"realtime-ser: {PROBLEM}" in complaints
        assert "realtime-ser: pulse is back" in complaints


def test_unplugged_and_back(microphone: VirtualMicrophone, tmp_path: Path) -> None:
    lose_and_regain(microphone, tmp_path, microphone.unplug, microphone.plug_in)


def test_sound_server_killed_and_restarted(microphone: VirtualMicrophone, tmp_path: Path) -> None:
    servers = []

    def kill() -> None:
        microphone.server.kill()
        microphone.server.wait()

    try:
        lose_and_regain(
            microphone,
            tmp_path,
            kill,
            lambda: servers.append(microphone.restarted()),
        )
    finally:
        for server in servers:
            server.stop()


def test_silent_callbacks_are_noticed_and_a_hangup_is_obeyed(
    microphone: VirtualMicrophone, tmp_path: Path
) -> None:
    """A sound server that stands still gives neither audio nor an error, and answers nothing."""
    with live(microphone, tmp_path) as run:
        microphone.server.send_signal(signal.SIGSTOP)
        stopped_at = time.monotonic()
        try:
            _, said_at = run.await_event(is_gone)
            run.process.send_signal(signal.SIGHUP)
            code, complaints = run.finish()
        finally:
            microphone.server.send_signal(signal.SIGCONT)
        print(f"gone after {said_at - stopped_at:.2f} s")
        assert said_at - stopped_at < SECONDS_TO_NOTICE + SECONDS_TO_RUN
        assert code == 128 + signal.SIGHUP
        assert complaints[-1] == f"realtime-ser: {PROBLEM}"
        assert_recording_lasts(run)


def test_no_reconnect_ends_in_one_line(microphone: VirtualMicrophone, tmp_path: Path) -> None:
    with live(microphone, tmp_path, "--no-reconnect") as run:
        microphone.unplug()
        lost_at = time.monotonic()
        code, complaints = run.finish()
        assert time.monotonic() - lost_at < SECONDS_TO_SAY_SO
        assert code == 1
        assert len(complaints) == 1
        assert "'pulse' has stopped delivering audio: check" in complaints[0]
        assert_recording_lasts(run)
        assert not any(is_gone(event) for event in run.events)
