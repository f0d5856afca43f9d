"""What belongs to the whole process stays as it was: descriptors, signal handlers, locks."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent

import pytest
from speech_clips import SAMPLES
from virtual_microphone import VirtualMicrophone

from realtime_ser.fork_safety import ForkSafeLock
from realtime_ser.native_output import filtered_stderr, quiet_c_libraries
from realtime_ser.signals import ending_signals, exiting_on_signals, handlers_restored

CLIP = SAMPLES / "one_utterance.flac"

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and forks")


def run(code: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    preamble = """\
        import os, signal, sys, threading, time
        import numpy as np
        from ctypes import CDLL
        from realtime_ser import Recognizer, listen
        def wait(child):
            ends = time.monotonic() + 100
            while time.monotonic() < ends:
                found, status = os.waitpid(child, os.WNOHANG)
                if found: return os.waitstatus_to_exitcode(status)
                time.sleep(0.01)
            os.kill(child, signal.SIGKILL); os.waitpid(child, 0)
            return "hangs"
        """
    return subprocess.run(
        [sys.executable, "-c", dedent(preamble) + dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


CHATTER = """
    descriptors = os.fstat(2)
    lines, go = 0, True
    def chat():
        global lines
        while go:
            os.write(2, b"log line\\n")
            CDLL(None).perror(b"C line")
            lines += 1
            time.sleep(0.001)
    chatting = threading.Thread(target=chat)
    chatting.start()
    {work}
    go = False
    chatting.join()
    assert os.path.samestat(descriptors, os.fstat(2))
    print(lines)
    """


def assert_all_arrived(program: subprocess.CompletedProcess[str]) -> None:
    assert program.returncode == 0, program.stderr
    lines = program.stderr.splitlines()
    written = int(program.stdout)
    assert written > 5
    assert lines.count("log line") == written
    assert sum(line.startswith("C line") for line in lines) == written
    assert len(lines) == 2 * written, "and nothing else"


@linux
@pytest.mark.parametrize(
    "work",
    [
        "for _ in range(5): Recognizer()",
        "threads = [threading.Thread(target=Recognizer) for _ in range(8)]\n"
        "    [thread.start() for thread in threads]; [thread.join() for thread in threads]",
    ],
    ids=["one after the other", "at once"],
)
def test_loading_models_takes_no_line_from_others(work: str) -> None:
    assert_all_arrived(run(CHATTER.format(work=work)))


@linux
@pytest.mark.system
def test_opening_microphones_takes_no_line_from_others(microphone: VirtualMicrophone) -> None:
    work = "for _ in range(3): listen('pulse', recognizer=Recognizer()).close()"
    assert_all_arrived(run(CHATTER.format(work=work), microphone.environment))


@linux
@pytest.mark.system
def test_starting_portaudio_is_silent_without_moving_descriptors(tmp_path: Path) -> None:
    """Without any sound system ALSA and JACK have much to say."""
    program = run(
        """
        from realtime_ser.capture.devices import list_input_devices
        moved = []
        real = os.dup2
        os.dup2 = lambda *given: moved.append(given) or real(*given)
        list_input_devices()
        print(moved)
        """,
        os.environ | {"XDG_RUNTIME_DIR": str(tmp_path), "PULSE_SERVER": "/nowhere"},
    )
    assert (program.stdout, program.stderr) == ("[]\n", "")


@linux
@pytest.mark.system
def test_a_host_keeps_its_handler_of_alsa_messages(microphone: VirtualMicrophone) -> None:
    program = run(
        """
        from ctypes import CFUNCTYPE, c_char_p, c_int, c_void_p, cast
        handler = CFUNCTYPE(None, c_char_p, c_int, c_char_p, c_int, c_char_p)(lambda *_: None)
        alsa = CDLL("libasound.so.2")
        found = c_void_p.in_dll(alsa, "snd_lib_error")
        default = found.value
        with listen("pulse"): silent = found.value
        print(found.value == default, silent == default)
        alsa.snd_lib_error_set_handler(handler)
        with listen("pulse"): print(found.value == cast(handler, c_void_p).value)
        print(found.value == cast(handler, c_void_p).value)
        """,
        microphone.environment,
    )
    assert (program.stdout, program.stderr) == ("True False\nTrue\nTrue\n", "")


@linux
def test_the_filter_takes_out_chatter_alone(capfd: pytest.CaptureFixture[str]) -> None:
    import ctypes

    libc = ctypes.CDLL(None)
    stderr = ctypes.c_void_p.in_dll(libc, "stderr")
    for _ in range(2):
        with filtered_stderr(), filtered_stderr():
            for line in (b"ALSA lib pcm.c: no\n", b"of others\n", b"Expression 'x' failed\n"):
                libc.fputs(line, stderr)
    with quiet_c_libraries():
        libc.fputs(b"dropped in the command\n", stderr)
        print("Python's own", file=sys.stderr)
    libc.fflush(stderr)
    assert capfd.readouterr().err == "of others\nof others\nPython's own\n"


# Forks.


FORKS = {
    "while threads load models": (
        "Recognizer()",
        "Recognizer().recognize(np.zeros(16_000), 16_000)",
    ),
    "while threads compute": (
        "recognizer.recognize(voice, 16_000)",
        "assert recognizer.recognize(voice, 16_000) == expected",
    ),
}


@linux
@pytest.mark.parametrize("when", FORKS)
def test_a_forked_child_goes_on(when: str) -> None:
    busy, child = FORKS[when]
    program = run(
        f"""
        import soundfile
        voice = soundfile.read({str(CLIP)!r}, dtype="int16", start=14_400, stop=38_400)[0]
        recognizer = Recognizer()
        expected, go = recognizer.recognize(voice, 16_000), True
        def work():
            while go: {busy}
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads: thread.start()
        ends = []
        for _ in range(10):
            child = os.fork()
            if not child:
                try: {child}
                except BaseException: os._exit(1)
                os._exit(0)
            ends.append(wait(child))
        go = False
        for thread in threads: thread.join()
        print(set(ends))
        """
    )
    assert (program.returncode, program.stdout) == (0, "{0}\n"), program.stderr


@linux
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_of_processes_takes_a_recognizer(tmp_path: Path, method: str) -> None:
    script = tmp_path / "pool.py"
    script.write_text(
        dedent(
            f"""
            import multiprocessing, soundfile
            from realtime_ser import Recognizer
            if __name__ == "__main__":
                voice = soundfile.read({str(CLIP)!r}, dtype="int16")[0]
                recognizer = Recognizer()
                with multiprocessing.get_context({method!r}).Pool(2) as pool:
                    found = pool.starmap(recognizer.recognize, [(voice, 16_000)] * 4)
                print(found == [recognizer.recognize(voice, 16_000)] * 4)
            """
        )
    )
    program = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, check=True
    )
    assert program.stdout == "True\n"


@linux
@pytest.mark.parametrize("held_for", [0.2, 30.0])
def test_a_lock_is_free_in_a_forked_child(held_for: float) -> None:
    lock, release = ForkSafeLock(wait=1.0), threading.Event()

    def hold() -> None:
        with lock:
            release.wait(held_for)

    holding = threading.Thread(target=hold, daemon=True)
    holding.start()
    child = os.fork()
    if not child:
        with lock:
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    release.set()
    holding.join(5)
    with lock:
        pass


@linux
def test_c_flushes_its_stream_after_the_interpreter_has_freed_its_objects() -> None:
    with filtered_stderr():
        pass
    owned_by_python = filtered_stderr._gathered._b_needsfree_
    assert not owned_by_python, "a C++ library's cerr writes there when the process ends"


# Signals.

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")


@posix
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_an_ignored_signal_stays_ignored(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with exiting_on_signals():
            assert signal.getsignal(number) is signal.SIG_IGN
            assert number not in ending_signals()
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


@posix
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_hosts_handler_is_put_back(number: signal.Signals) -> None:
    def handler(*_: object) -> None:
        raise AssertionError

    before = signal.signal(number, handler)
    try:
        with handlers_restored():
            signal.signal(number, signal.SIG_DFL)
        with exiting_on_signals():
            pass
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)


@posix
def test_other_threads_handle_no_signals() -> None:
    found: list[object] = []

    def in_thread() -> None:
        with exiting_on_signals():
            found.append(ending_signals())

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    assert found == [[]]


@posix
@pytest.mark.parametrize(("ignoring", "code"), [(True, 0), (False, 128 + signal.SIGHUP)])
def test_a_command_under_nohup_outlives_its_terminal(ignoring: bool, code: int) -> None:
    handler = signal.SIG_IGN if ignoring else signal.SIG_DFL
    process = subprocess.Popen(
        [sys.executable, "-m", "realtime_ser", "--input", str(CLIP), "--json", "--duration", "2"],
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, handler),
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    assert (process.communicate(timeout=30) and process.returncode) == code


@linux
@pytest.mark.parametrize(
    ("signal_name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", -signal.SIGINT)]
)
def test_a_signal_while_libsndfile_reads_a_file_object_is_not_lost(
    signal_name: str, code: int
) -> None:
    ended = run(f"""
        import io, soundfile
        from realtime_ser.signals import exiting_on_signals
        class File(io.FileIO):
            sent = False
            def readinto(self, buffer):
                if not File.sent:
                    File.sent = True
                    os.kill(os.getpid(), signal.{signal_name})
                return super().readinto(buffer)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with exiting_on_signals():
            sound = soundfile.SoundFile(File({str(CLIP)!r}))
            assert File.sent
            time.sleep(20)
        print("the signal was lost")
        """)
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert "Exception ignored" not in ended.stderr
