"""A program whose files may have a few bytes only: it fails to write a profile, as it should."""

import resource
import signal
import sys
from pathlib import Path

from profile_maker import MODEL, profile

from realtime_ser import ProfileError
from realtime_ser.profiles.store import ProfileStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
store = ProfileStore(Path(sys.argv[1]))
try:
    with store.locked("ada"):
        store.write("ada", MODEL, profile(2))
except ProfileError as error:
    assert "cannot be saved" in str(error)  # noqa: PT017 - no test, a program
else:
    sys.exit("a file above the limit was written")
