"""A program that starts writers and kills them at any moment, again and again.

After each kill the profile must be whole: one of those that were written. Prints how many writers
had written something.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from profile_maker import MODEL, profile

from realtime_ser.profiles.store import ProfileStore


def write_forever(store: ProfileStore) -> None:
    number = 0
    while True:
        number += 1
        with store.locked("ada"):
            store.write("ada", MODEL, profile(number, number % 40, revision=number))


def main(folder: str, kills: int) -> None:
    store = ProfileStore(Path(folder))
    with store.locked("ada"):
        store.write("ada", MODEL, profile())
    chance, changed = random.Random(0), 0
    for _ in range(kills):
        writer = os.fork()
        if writer == 0:
            write_forever(store)
        time.sleep(chance.uniform(0.001, 0.04))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        stored = store.read("ada", MODEL)
        assert stored is not None
        assert len(stored.corrections) in (2, stored.revision % 40), "two profiles are mixed"
        changed += stored.revision > 1
    with store.locked("ada"):
        store.write("ada", MODEL, profile())
    print(changed)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
