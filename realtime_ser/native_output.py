"""Keeps messages of native libraries off the user's screen, without redirecting a descriptor.

Descriptor 2 belongs to the whole process, and its other threads write to it. In a program that uses
this package as a library, ALSA's and JACK's message handlers are therefore replaced while a
microphone is open (``quiet_audio_libraries``), and known harmless lines are removed from what C
code prints while a library starts (``filtered_stderr``). Only the command, which owns its process,
turns off everything that C code prints (``quiet_c_libraries``).
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator

from realtime_ser.fork_safety import ForkSafeLock

_STDERR_NAMES = {"linux": "stderr", "darwin": "__stderrp"}
"""Name of the C library's variable for standard error, by ``sys.platform``."""


class _Handlers:
    """Replaces the message handlers of ALSA and JACK while it is entered at least once.

    Replaces only a library's default handler, which prints to standard error, and restores it at
    the end. A handler that the host program has installed stays.
    """

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._users = 0
        self._restore: list[Callable[[], None]] = []

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        if sys.platform != "linux":
            return  # ALSA exists only on Linux, and elsewhere JACK is rare
        with self._lock:
            self._users += change
            if change > 0 and not self._restore:
                self._restore = [
                    *_silence("libasound.so.2", "snd_lib_error", "snd_lib_error_set_handler"),
                    *_silence("libjack.so.0", "jack_error_callback", "jack_set_error_function"),
                    *_silence("libjack.so.0", "jack_info_callback", "jack_set_info_function"),
                ]
            if not self._users:
                while self._restore:
                    self._restore.pop()()


def _silence(library: str, variable: str, setter: str) -> Iterator[Callable[[], None]]:
    """Replace a library's default handler, and yield a function that restores it.

    The new handler is C's ``abs``, which has no effect. A Python function would need the
    interpreter on every thread of the library, and could be called after the interpreter ended.
    """
    try:
        loaded = ctypes.CDLL(library)
        handler = ctypes.c_void_p.in_dll(loaded, variable)
        set_handler = getattr(loaded, setter)
    except (OSError, ValueError, AttributeError):  # not installed, or another version
        return
    set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], None
    silent = ctypes.cast(ctypes.CDLL(None).abs, ctypes.c_void_p).value
    found = handler.value
    set_handler(None)
    default = handler.value
    if found != default:
        set_handler(found)
        return
    set_handler(silent)

    def restore() -> None:
        if handler.value == silent:
            set_handler(None)

    yield restore


quiet_audio_libraries: Callable[[], contextlib.AbstractContextManager[None]] = _Handlers()
"""Silences ALSA and JACK in a ``with``; may be nested and shared by threads."""


@contextlib.contextmanager
def quiet_c_libraries() -> Iterator[None]:
    """Drop everything that C code prints to its ``stderr``; only for the command.

    Descriptor 2 does not change: Python and the terminal UI write there. Does nothing where the C
    library's variable cannot be replaced.
    """
    variable = _c_stderr()
    if variable is None:
        yield
        return
    libc = ctypes.CDLL(None)
    libc.fopen.argtypes, libc.fopen.restype = [ctypes.c_char_p] * 2, ctypes.c_void_p
    before, nothing = variable.value, libc.fopen(os.devnull.encode(), b"w")
    if not nothing:  # no descriptors are left: printing messages is the lesser problem
        yield
        return
    variable.value = nothing
    try:
        yield
    finally:
        variable.value = before  # ``nothing`` stays open: a thread may be writing to it


class _Gathered(ctypes.Structure):
    """Where C leaves what it has gathered in memory: ``open_memstream``'s pointer and size."""

    _fields_ = (("text", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Filter:
    """Removes known harmless lines from what C code prints to ``stderr`` while it is entered.

    The output is collected in memory, and the other lines are printed when the last user exits, so
    that other threads lose nothing. The descriptor does not change.
    """

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._users = 0
        self._before: int | None = None
        self._memory: int | None = None
        self._gathered = _Gathered()

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        variable = _c_stderr()
        if variable is None:
            yield
            return
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._gather(variable)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._print_rest(variable)

    def after_fork(self) -> None:
        """Print as usual in a child: the thread that would restore it may be the parent's."""
        variable = _c_stderr()
        if variable is not None and self._before is not None:
            variable.value, self._before = self._before, None

    def _gather(self, variable: ctypes.c_void_p) -> None:
        if self._memory is None:  # only once: another thread may still write to it later
            self._memory = self._open_memory()
        if self._memory is not None:
            self._before, variable.value = variable.value, self._memory

    def _open_memory(self) -> int | None:
        """Return a stream in memory that stays valid until the process ends.

        A C++ library that is loaded meanwhile makes it its ``cerr``, and flushes that after the
        interpreter has freed its objects. So C's memory holds the pointer and the size.
        """
        libc = ctypes.CDLL(None)
        libc.calloc.argtypes, libc.calloc.restype = [ctypes.c_size_t] * 2, ctypes.c_void_p
        libc.open_memstream.argtypes = [ctypes.c_void_p] * 2
        libc.open_memstream.restype = ctypes.c_void_p
        address = libc.calloc(1, ctypes.sizeof(_Gathered))
        if not address:
            return None
        self._gathered = _Gathered.from_address(address)
        size_address = address + _Gathered.size.offset
        stream: int | None = libc.open_memstream(address, size_address)
        return stream

    def _print_rest(self, variable: ctypes.c_void_p) -> None:
        if self._before is None:
            return
        variable.value, self._before = self._before, None
        libc, memory = ctypes.CDLL(None), ctypes.c_void_p(self._memory)
        libc.fflush(memory)
        text = ctypes.string_at(self._gathered.text, self._gathered.size)
        libc.rewind(memory)
        lines = text.splitlines(keepends=True)
        rest = b"".join(line for line in lines if not line.startswith(CHATTER))
        if rest:
            libc.fwrite(rest, ctypes.c_size_t(1), ctypes.c_size_t(len(rest)), variable)
            libc.fflush(variable)


CHATTER = (
    b"INFO: Created TensorFlow Lite",  # LiteRT, when a process loads its first model
    b"Expression '",  # PortAudio, whose error is raised as well
    b"ALSA lib ",
    b"Cannot connect to server",  # JACK, like the next two
    b"jack server is not running",
    b"JackShmReadWritePtr",
)
"""Beginnings of lines that native libraries print while they start, although nothing is wrong or an
exception says the same."""

filtered_stderr = _Filter()
"""Removes such lines in a ``with``; may be nested and shared by threads."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=filtered_stderr.after_fork)


def _c_stderr() -> ctypes.c_void_p | None:
    """Return the C library's variable for standard error, where a program may replace it."""
    name = _STDERR_NAMES.get(sys.platform)
    if name is None:
        return None
    libc = ctypes.CDLL(None)
    if sys.platform == "linux" and not hasattr(libc, "gnu_get_libc_version"):
        return None  # musl keeps it in read-only memory
    try:
        return ctypes.c_void_p.in_dll(libc, name)
    except ValueError:
        return None
