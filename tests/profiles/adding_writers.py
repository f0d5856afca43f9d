"""Programs that all add to one profile at once: nothing that one of them adds may be lost."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from profile_maker import MODEL

from realtime_ser.profiles.profile import new_profile
from realtime_ser.profiles.store import ProfileStore


def add(store: ProfileStore, times: int) -> None:
    for _ in range(times):
        with store.locked("ada", wait=60):
            stored = store.read("ada", MODEL) or new_profile(6)
            store.write("ada", MODEL, replace(stored, seconds=stored.seconds + 1))


def main(folder: str, writers: int, times: int) -> None:
    store = ProfileStore(Path(folder))
    children = []
    for _ in range(writers):
        child = os.fork()
        if child == 0:
            add(store, times)
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
