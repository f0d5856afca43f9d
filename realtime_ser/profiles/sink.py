"""Saves a profile in use every minute, and at the end of the run."""

import os
import threading

from realtime_ser.live.sinks import Sink
from realtime_ser.profiles.session import ProfileSession

SAVE_SECONDS = 60.0
"""Time between two saves: what a killed program loses at most."""


class ProfileSink(Sink):
    """Saves in a thread of its own, so that a slow disk never delays recognition.

    Args:
        session: the profile in use.
        interval: seconds between two saves.
    """

    name = "profile"

    def __init__(self, session: ProfileSession, interval: float = SAVE_SECONDS) -> None:
        self.session = session
        self._interval = interval
        self._closed = threading.Event()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._save_regularly, name="profile", daemon=True)
        self._thread.start()

    def save(self) -> None:
        """Save now, unless it was closed. In a forked child it does nothing."""
        if not self._closed.is_set() and self._process == os.getpid():
            self.session.save()

    def close(self) -> None:
        """Save for the last time; safe to call twice. In a forked child it does nothing."""
        if self._closed.is_set() or self._process != os.getpid():
            return
        self._closed.set()
        self.session.save()

    def _save_regularly(self) -> None:
        while not self._closed.wait(self._interval):
            self.session.save()
