"""listen(): whatever happens between opening the microphone and the last event, it is released."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent

import numpy as np
import pytest
from numpy.typing import NDArray
from virtual_microphone import VirtualMicrophone

from realtime_ser import AudioDeviceError, Health, RealtimeSerError, Recognizer
from realtime_ser.listener import Listener
from realtime_ser.live.engine import Engine

SECONDS = 120
"""What a busy machine may take; a thread that nobody wakes waits for ever."""


class SilentRoom:
    """A microphone that goes on delivering silence, and counts how often it was closed."""

    name, rate, channels, live, overflows, lost_frames = "room", 16_000, 1, True, 0, 0
    problem: str | None = None

    def __init__(self, error: BaseException | None = None) -> None:
        self._error = error
        self._read_until = time.monotonic()
        self.closed = threading.Event()

    def read(self) -> NDArray[np.int16] | None:
        if self._error is not None:
            raise self._error
        if self.closed.wait(0.02):
            return None
        blocks = int((time.monotonic() - self._read_until) / 0.02)
        self._read_until += blocks * 0.02
        return np.zeros((320 * blocks, 1), np.int16)

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def room() -> SilentRoom:
    return SilentRoom()


@pytest.fixture
def events(room: SilentRoom, recognizer: Recognizer) -> Iterator[Listener]:
    listener = Listener(Engine(room, recognizer.pipeline()))
    yield listener
    listener.close()


def in_thread(function: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def test_close_before_the_first_event_releases(events: Listener, room: SilentRoom) -> None:
    events.close()
    assert room.closed.is_set()
    assert list(events) == []
    events.close()


def test_dropping_before_the_first_event_releases(recognizer: Recognizer, room: SilentRoom) -> None:
    listener = Listener(Engine(room, recognizer.pipeline()))
    del listener
    assert room.closed.wait(5)


def test_dropping_after_an_event_releases(recognizer: Recognizer, room: SilentRoom) -> None:
    listener = Listener(Engine(room, recognizer.pipeline(), duration=30))
    for _ in range(1):
        assert isinstance(next(listener), Health)
    del listener
    assert room.closed.wait(5)


def test_an_error_in_the_loop_releases(events: Listener, room: SilentRoom) -> None:
    def consume() -> None:
        with events:
            next(events)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        consume()
    assert room.closed.is_set()


def test_close_wakes_a_thread_that_waits(events: Listener, room: SilentRoom) -> None:
    heard: list[object] = []
    waiting = in_thread(lambda: heard.extend(events))
    time.sleep(0.2)
    events.close()
    waiting.join(SECONDS)
    assert not waiting.is_alive()
    assert heard == []
    assert room.closed.is_set()


def test_close_wakes_every_thread_that_waits(events: Listener) -> None:
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(list, events) for _ in range(4)]
        time.sleep(0.2)
        events.close()
        assert [future.result(SECONDS) for future in waiting] == [[]] * 4


def test_threads_may_close_at_once(events: Listener, room: SilentRoom) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: events.close(), range(16)))
    assert room.closed.is_set()


async def test_a_timeout_in_asyncio_can_be_followed_by_close(
    events: Listener, room: SilentRoom
) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.to_thread(next, events), 0.2)
    await asyncio.to_thread(events.close)
    assert room.closed.is_set()
    assert await asyncio.to_thread(next, events, None) is None


async def test_close_ends_a_wait_in_asyncio(events: Listener) -> None:
    waiting = asyncio.create_task(asyncio.to_thread(next, events, None))
    await asyncio.sleep(0.2)
    events.close()
    assert await asyncio.wait_for(waiting, SECONDS) is None


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself a signal")
def test_ctrl_c_while_waiting_releases(events: Listener, room: SilentRoom) -> None:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        next(events)
    assert room.closed.is_set()
    assert list(events) == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself a signal")
def test_a_signal_handler_may_close(events: Listener, room: SilentRoom) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: events.close())
    try:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert list(events) == []
    finally:
        signal.signal(signal.SIGTERM, before)
    assert room.closed.is_set()


@pytest.mark.parametrize(
    "error", [AudioDeviceError("it is gone", "plug it in"), MemoryError()], ids=["device", "bug"]
)
def test_a_failure_is_raised_once_and_releases(recognizer: Recognizer, error: Exception) -> None:
    room = SilentRoom(error)
    listener = Listener(Engine(room, recognizer.pipeline()))
    with pytest.raises(type(error)):
        list(listener)
    assert room.closed.is_set()
    assert list(listener) == []


def test_a_listener_that_cannot_be_made_releases(
    recognizer: Recognizer, room: SilentRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(room, recognizer.pipeline())
    monkeypatch.setattr(engine, "start_capture", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Listener(engine)
    assert room.closed.is_set()


def test_an_engine_that_never_ran_releases(recognizer: Recognizer, room: SilentRoom) -> None:
    engine = Engine(room, recognizer.pipeline())
    engine.stop()
    assert room.closed.is_set()


@pytest.mark.parametrize("ended", [False, True])
def test_a_microphone_that_is_never_switched_to_is_released(
    recognizer: Recognizer, room: SilentRoom, ended: bool
) -> None:
    engine, other = Engine(room, recognizer.pipeline()), SilentRoom()
    if ended:
        engine.close()
    engine._feeder.switch(other)
    engine.close()
    assert other.closed.is_set()


def test_it_cannot_be_pickled(events: Listener) -> None:
    with pytest.raises(RealtimeSerError, match="cannot be copied"):
        pickle.dumps(events)


# On the real PortAudio, in a process of its own: a mistake there ends it with SIGSEGV.


def run(microphone: VirtualMicrophone, code: str) -> list[str]:
    """Return the lines that a program printed, which must end well and leave nothing recording."""
    preamble = """\
        import gc, os, signal, subprocess, sys, threading, time
        from realtime_ser import RealtimeSerError, Recognizer, listen
        def recording():
            listed = ["pactl", "list", "short", "source-outputs"]
            text = subprocess.run(listed, capture_output=True, text=True).stdout
            return len([line for line in text.splitlines() if "ALSA" in line or "native" in line])
        def settled():
            ends = time.monotonic() + 60
            while recording() and time.monotonic() < ends: time.sleep(0.05)
            return recording()
        """
    program = subprocess.run(
        [sys.executable, "-c", dedent(preamble) + dedent(code)],
        env=microphone.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (program.returncode, program.stderr) == (0, "")
    return program.stdout.splitlines()


DROPPED = {
    "closed": "it = listen('pulse'); it.close()",
    "dropped": "it = listen('pulse'); del it",
    "dropped in a cycle": """
        class Owner: pass
        owner = Owner(); owner.me, owner.it = owner, listen('pulse')
        del owner; gc.collect()
        """,
    "dropped by an error": """
        def fail():
            it = listen('pulse')
            raise RuntimeError
        try: fail()
        except RuntimeError: pass
        """,
    "closed by another thread": """
        it = listen('pulse'); waiting = threading.Thread(target=list, args=(it,)); waiting.start()
        time.sleep(0.5); it.close(); waiting.join(60); assert not waiting.is_alive()
        """,
    "interrupted": """
        recognizer = Recognizer()
        listen('pulse', recognizer=recognizer).close()
        for tenths in range(8):
            try:
                threading.Timer(tenths / 10, os.kill, (os.getpid(), signal.SIGINT)).start()
                it = listen('pulse', recognizer=recognizer)
                next(it)
            except KeyboardInterrupt: it = None
        """,
}


@pytest.mark.system
@pytest.mark.parametrize("how", DROPPED)
def test_the_real_microphone_is_released(microphone: VirtualMicrophone, how: str) -> None:
    lines = run(microphone, dedent(DROPPED[how]) + "\nprint(settled())")
    assert lines == ["0"]


EXITS = {
    "never iterated": "",
    "in the loop": "threading.Timer(0.5, lambda: None).start(); next(it)",
    "while a daemon waits": "threading.Thread(target=list, args=(it,), daemon=True).start()",
}


@pytest.mark.system
@pytest.mark.parametrize("how", EXITS)
def test_a_program_may_end_while_it_listens(microphone: VirtualMicrophone, how: str) -> None:
    code = "it = listen('pulse', duration=1)\n" + EXITS[how] + "\nprint('the end')"
    assert run(microphone, code) == ["the end"]


@pytest.mark.system
def test_a_forked_child_leaves_the_microphone_to_its_parent(microphone: VirtualMicrophone) -> None:
    lines = run(
        microphone,
        """
        it = listen('pulse', duration=1)
        child = os.fork()
        if not child:
            try: next(it)
            except RealtimeSerError as error: print(error, flush=True)
            it.close(); del it; gc.collect()
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), recording())
        print([event.name for event in it])
        """,
    )
    assert lines == [
        "this microphone was opened by the parent process: call listen() in this one",
        "7 1",
        "['health']",
    ]


@pytest.mark.system
def test_many_threads_may_listen(microphone: VirtualMicrophone) -> None:
    lines = run(
        microphone,
        """
        recognizer, ends = Recognizer(), []
        def hear(): ends.append(list(listen('pulse', recognizer=recognizer, duration=0.5))[-1].time)
        threads = [threading.Thread(target=hear) for _ in range(6)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(ends, settled())
        """,
    )
    assert lines == ["[0.5, 0.5, 0.5, 0.5, 0.5, 0.5] 0"]
